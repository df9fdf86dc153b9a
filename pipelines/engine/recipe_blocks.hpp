// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/firmware.hpp"
#include "builder/base/json.hpp"

namespace imgforge::engine {

/// The `installer:` block of a recipe; names are as written. All of it empty: the recipe has none.
struct InstallerSource {
    std::string archive{};                ///< suite of a Debian archive to make the installer ISO from
    std::vector<std::string> packages{};  ///< further packages on an ISO made from the archive
    std::string iso{};                    ///< path or URL
    std::string sha256{};
    std::string checksums{};  ///< path or URL
    std::string signature{};  ///< path or URL
    std::string keyring{};
    std::string fingerprint{};
    std::vector<std::string> allow_redirects{};  ///< "http", "local"
    bool operator==(const InstallerSource&) const = default;
};

/// From a block that fits the recipe's schema.
InstallerSource installer_source(const Json& block);
/// The block again, without what is empty.
Json to_json(const InstallerSource& source);

/// The `machine:` block of a recipe: the virtual machine that the installation runs in.
struct InstallMachine {
    ByteSize memory = ByteSize::mib(1536);
    int vcpus = 2;
    ByteSize disk = ByteSize::gib(10);
    Firmware firmware = Firmware::bios;
    bool thick = false;  ///< allocate the whole disk at once
    /// "${secrets.NAME}": what opens encrypted volumes of the disk; empty: there are none.
    std::string passphrase{};
    bool operator==(const InstallMachine&) const = default;
};

/// From a block that fits the recipe's schema. Throws Failure::usage for an invalid size.
InstallMachine install_machine(const Json& block);
/// The block again, with every key but an empty `passphrase`: sizes as "1536M", "10G".
Json to_json(const InstallMachine& machine);

}  // namespace imgforge::engine
