// SPDX-License-Identifier: GPL-3.0-or-later
// Transfers and guest commands of ApplianceFs: the calls that move much data or run guest code.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "builder/base/process.hpp"
#include "builder/base/random.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/guestfs_library.hpp"

namespace imgforge::guest {

void ApplianceFs::upload(const std::filesystem::path& host, std::string_view path) {
    struct ::stat status {};
    if (::lstat(host.c_str(), &status) != 0) {
        throw Error(Failure::host, fmt::format("cannot upload {}: it does not exist", host.string()));
    }
    const std::string name(path);
    if (S_ISDIR(status.st_mode)) {
        make_directory(path, status.st_mode & 07777U);
        std::vector<std::filesystem::path> children;
        for (const auto& entry : std::filesystem::directory_iterator(host)) {
            children.push_back(entry.path());
        }
        std::sort(children.begin(), children.end());
        for (const auto& child : children) {
            upload(child, join_path(path, child.filename().string()));
        }
        return;
    }
    if (S_ISLNK(status.st_mode)) {
        symlink(std::filesystem::read_symlink(host).string(), path);
        return;
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error(Failure::host,
                    fmt::format("cannot upload {}: neither file nor directory", host.string()));
    }
    const auto existing = lstat(path);
    if (existing) {
        const FileStat stat = require_regular(path, "overwrite");
        if (stat.links > 1) {
            give_own_inode(name, stat);
        }
    }
    appliance_.call(
        fmt::format("upload of {}", path),
        [&](guestfs_h* g) { return guestfs_upload(g, host.c_str(), name.c_str()); }, std::chrono::hours(2));
    if (!existing) {
        set_owner_and_mode(name, 0, 0, status.st_mode & 07777U);
    }
}

void ApplianceFs::download(std::string_view path, const std::filesystem::path& host) {
    const auto canonical = resolve(path);
    if (!canonical) {
        throw ApplianceError(Failure::guest, fmt::format("{} does not exist in the guest", path), {}, ENOENT);
    }
    require_regular(*canonical, "download");
    appliance_.call(
        fmt::format("download of {}", path),
        [&](guestfs_h* g) { return guestfs_download(g, canonical->c_str(), host.c_str()); },
        std::chrono::hours(2));
}

CommandResult ApplianceFs::run(std::string_view script, std::chrono::seconds timeout) {
    // guestfs_sh gives stdout or an error text, never both with the exit code, and at most 4 MiB: so the
    // script's output goes to a file that is read back.
    const std::string folder = "/tmp/.imgforge-" + random_hex(8);
    constexpr std::uint64_t kept = 2U << 20U;
    make_directory(folder, 0700);
    const std::string body = folder + "/script";
    const std::string output = folder + "/output";
    write(body, script, 0700);
    const std::string limit = std::to_string(timeout.count());
    const std::string line = fmt::format(
        "cd / && if command -v timeout >/dev/null 2>&1 && timeout 1 true 2>/dev/null; then timeout -s KILL "
        "{0} /bin/sh {1} >{2} 2>&1 "
        "</dev/null; "
        "else /bin/sh {1} >{2} 2>&1 </dev/null; fi; echo $?",
        limit, body, output);
    std::string answer;
    try {
        answer = take_string(appliance_.call(
            "command in the guest", [&](guestfs_h* g) { return guestfs_sh(g, line.c_str()); },
            timeout + std::chrono::seconds(30)));
    } catch (const ApplianceError& error) {
        remove(folder);
        throw Error(Failure::guest, fmt::format("cannot run commands in the guest: {}", error.message()),
                    "the guest needs /bin/sh and the same architecture as this host");
    }
    CommandResult result;
    std::from_chars(answer.data(), answer.data() + answer.size(), result.code);
    const auto written = lstat(output);
    if (written && written->size > kept) {
        std::size_t got = 0;
        char* tail = appliance_.call("output of the command", [&](guestfs_h* g) {
            return guestfs_pread(g, output.c_str(), static_cast<int>(kept),
                                 static_cast<std::int64_t>(written->size - kept), &got);
        });
        result.output.assign(tail, got);
        std::free(tail);
    } else if (written) {
        result.output = read(output);
    }
    remove(folder);
    constexpr int killed_by_timeout = 137;
    if (result.code == killed_by_timeout) {
        result.output += fmt::format("\n[ended after {} s]\n", timeout.count());
    }
    return result;
}

}  // namespace imgforge::guest
