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
    std::chrono::seconds stall{60};        ///< less than one byte per second for this long ends an attempt
    std::chrono::milliseconds pause{500};  ///< before the second attempt; doubled each time
    std::uint64_t limit = 64ULL << 30U;    ///< more bytes than this are refused
};

/// True for http, https and ftp URLs.
bool is_url(const std::string& text);

/// Last part of a URL's or file's path, without query: "debian-13.1.0-amd64-netinst.iso".
std::string base_name(const std::string& location);

/// Downloads to `part`, going on with what is there already if the server still has the same file (entity tag
/// or date in `part`.meta). The caller renames it once it is verified. `progress` gets bytes so far and in
/// all (0 = unknown). Throws Failure::tool with the server's answer or the network's fault; what has come
/// stays for the next try.
void download(const std::string& url, const std::filesystem::path& part,
              const std::function<void(std::uint64_t, std::uint64_t)>& progress,
              const DownloadOptions& options = {});

}  // namespace imgforge::fetch
