// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/install/control_file.hpp"

namespace imgforge::install {

/// Where packages come from.
struct AptSource {
    std::string uri;                ///< "http://mirror.example.org/debian", without trailing slash
    std::string suite;              ///< "trixie"
    std::string component;          ///< "main", or "main/debian-installer" for the installer's own packages
    std::filesystem::path keyring;  ///< keys that may sign the index
};

/// What the suite's signed Release file says of itself.
struct ReleaseInfo {
    std::string version;       ///< "13.5"
    std::string codename;      ///< "trixie"
    std::string date;          ///< "Sat, 21 Nov 2026 02:49:09 UTC"
    std::int64_t seconds = 0;  ///< the same since 1970
    std::string sha256;        ///< of the file: equal means that nothing in the suite has changed
};

/// The mirror the host's apt is set up for: the first enabled source of main of a plain Debian suite; nothing
/// when there is none (another distribution's host).
std::string host_mirror(ProcessRunner& runner);

/// One suite of a Debian archive through the host's apt with a state of its own: an empty system, so that apt
/// resolves everything a package needs; proxies and credentials of the host's apt.conf are kept. apt checks
/// the signatures.
class AptArchive {
public:
    /// `folder` keeps indices between runs.
    AptArchive(ProcessRunner& runner, std::filesystem::path folder, AptSource source);

    /// Fetches the index. A mirror that serves an older index than the suite's Release file names (it is
    /// being synchronised, or a cache in between is stale) is read by the suite's other names, "stable" and
    /// so on, as long as the signed Release file there says the same code name. Throws Failure::tool with
    /// apt's words, Failure::host when apt or the keyring is missing.
    void update();
    /// Reads the index that update() fetched, which takes seconds for a whole suite; before it index() is
    /// empty.
    void load();
    /// The other name update() had to take; empty when the suite's own served.
    const std::string& alias() const { return alias_; }
    const ReleaseInfo& release() const { return release_; }
    const PackageIndex& index() const { return index_; }
    const AptSource& source() const { return source_; }

    /// Every package apt would install on an empty system, in the order of its path. Throws Failure::recipe
    /// naming what cannot be found or does not fit together.
    std::vector<IndexedPackage> resolve(const std::vector<std::string>& wanted);

    /// The `-c` file all apt calls use.
    const std::filesystem::path& configuration() const { return configuration_; }

private:
    ProcessSpec apt(std::vector<std::string> args) const;
    void write_configuration(const std::string& suite) const;
    /// Nothing when it went well, else apt's words.
    std::string update_as(const std::string& suite);
    void read_release();

    ProcessRunner& runner_;
    std::filesystem::path folder_;
    std::filesystem::path configuration_;
    AptSource source_;
    ReleaseInfo release_;
    std::string alias_;
    PackageIndex index_;
};

/// Undoes %xx of an URI.
std::string unescape_uri(std::string_view text);

}  // namespace imgforge::install
