// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace imgforge::fetch {

struct DownloadOptions {
    int attempts = 5;  ///< in all; each goes on where the last one ended
    std::chrono::seconds connect_timeout{30};
    std::chrono::seconds stall{30};   ///< slower than `least_rate` for this long ends an attempt
    std::uint64_t least_rate = 1024;  ///< bytes per second
    std::chrono::seconds total{std::chrono::hours(6)};  ///< for all attempts together
    std::chrono::milliseconds pause{500};               ///< before the second attempt; doubled each time
    std::uint64_t limit = 64ULL << 30U;                 ///< more bytes than this are refused
    std::uint64_t unstated_limit = 2ULL << 30U;         ///< the same where the server does not state a length
    bool allow_downgrade = false;                       ///< a redirect may lead from https to http
    bool allow_local = false;  ///< a redirect may lead to another service of this host
};

/// True for http, https and ftp URLs.
bool is_url(const std::string& text);

/// Last part of a URL's or file's path, without query: "debian-13.1.0-amd64-netinst.iso".
std::string base_name(const std::string& location);

/// The same without user and password, for messages and names of files.
std::string without_credentials(const std::string& url);

/// From now on redact() masks the password in this URL, as written and decoded.
void remember_credentials(const std::string& url);

/// Downloads to `part`, going on with what is there already if the server still has the same file (entity tag
/// or date, and size, in `part`.meta). The caller renames it once it is verified. `progress` gets bytes so
/// far and in all (0 = unknown). Throws Failure::tool with the server's answer or the network's error; what
/// has come stays for the next try.
void download(const std::string& url, const std::filesystem::path& part,
              const std::function<void(std::uint64_t, std::uint64_t)>& progress,
              const DownloadOptions& options = {});

}  // namespace imgforge::fetch
