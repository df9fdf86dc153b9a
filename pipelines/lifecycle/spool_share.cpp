// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool_share.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "builder/base/file.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t alive_seconds = 120;

/// A lost or strange file belongs to nobody.
std::string small_text(const fs::path& file) {
    std::error_code missing;
    if (!fs::is_regular_file(fs::symlink_status(file, missing))) {
        return {};
    }
    return read_file(file, 4096);
}

/// Seconds since the file was changed; a clock that is behind the server's counts as just now.
std::int64_t age(const fs::path& file, std::int64_t now) {
    struct stat info {};
    if (lstat(file.c_str(), &info) != 0) {
        return alive_seconds + 1;
    }
    return std::max<std::int64_t>(0, now - info.st_mtime);
}

std::map<std::string, int> machines_by_host(const SpoolFolder& folder) {
    std::map<std::string, int> counts;
    std::error_code missing;
    for (auto entry = fs::directory_iterator(folder.root / "inst", missing);
         !missing && entry != fs::directory_iterator(); entry.increment(missing)) {
        if (entry->path().extension() == ".host") {
            const std::string text = small_text(entry->path());
            ++counts[text.substr(0, text.find('\n'))];
        }
    }
    return counts;
}

}  // namespace

void announce_host(const SpoolFolder& folder, const std::string& host) {
    if (host.empty() || host.front() == '.' || host.find('/') != std::string::npos) {
        return;  // no file can be called that; such a host has no say in what is fair
    }
    write_file_atomically(folder.hosts() / host, "");
}

bool is_others_turn(const SpoolFolder& folder, const std::string& host, const fs::path& file,
                    std::int64_t now) {
    if (age(file, now) >= alive_seconds) {
        return false;
    }
    auto counts = machines_by_host(folder);
    const int mine = counts[host];
    std::error_code missing;
    for (auto entry = fs::directory_iterator(folder.hosts(), missing);
         !missing && entry != fs::directory_iterator(); entry.increment(missing)) {
        const std::string other = entry->path().filename().string();
        if (other.front() != '.' && other != host && age(entry->path(), now) < alive_seconds &&
            counts[other] < mine) {
            return true;
        }
    }
    return false;
}

std::string destroyed_by(const SpoolFolder& folder, const std::string& name) {
    std::istringstream words(small_text(folder.destroyed_mark(name)));
    std::string time;
    std::string host;
    words >> time >> host;
    return host;
}

}  // namespace imgforge::lifecycle
