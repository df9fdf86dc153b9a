// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::sysprep {

/// One string whose survival in the finished image would prove a leftover. The value is a secret: it is kept
/// in memory and in a file of mode 0600 for the audit, and never written to a log, an error or a report.
struct Needle {
    std::string
        kind;  ///< "machine-id", "host-key", "hostname", "mac", "ip", "password-hash", "instance-id" …
    std::string label;   ///< what reports may say: "old machine-id", "ssh_host_rsa_key line 3"
    std::string value;   ///< exact bytes to search for (may be binary)
    std::string source;  ///< path in the guest it came from
};

/// What was found before cleaning. Every spelling to be searched is a needle of its own.
struct Needles {
    std::vector<Needle> items;

    bool empty() const { return items.empty(); }
    /// Adds unless the value is too short (< 6 bytes) to prove anything, or is there already.
    void add(std::string kind, std::string label, std::string value, std::string source);

    Json to_json() const;  ///< values in base64: they may be binary
    static Needles from_json(const Json& json);
    /// AtomicFile of mode 0600.
    void save(const std::filesystem::path& file) const;
    static Needles load(const std::filesystem::path& file);
};

/// Collects from a mounted guest; must run before any operation.
Needles collect_needles(guest::GuestFs& fs, const guest::Inspection& os);

}  // namespace imgforge::sysprep
