// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/contents.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "pipelines/stages/disk_passphrase.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/store/files.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

constexpr std::uint64_t database_limit = 64U << 20U;
constexpr auto listing_deadline = std::chrono::minutes(20);
constexpr auto query_deadline = std::chrono::minutes(3);

struct Packages {
    std::string format;
    std::vector<store::Package> list;
};

std::string output_of(guest::GuestFs& guest, const std::string& script) {
    const guest::CommandResult result = guest.run(script, query_deadline);
    if (result.code != 0) {
        throw Error(Failure::guest, fmt::format("the guest's package database cannot be read: {}",
                                                result.output.substr(0, 500)));
    }
    return result.output;
}

Packages read_packages(guest::GuestFs& guest, const guest::Inspection& os) {
    if (guest.is_file("/var/lib/dpkg/status")) {
        return {"deb", store::parse_dpkg_status(guest.read("/var/lib/dpkg/status", database_limit))};
    }
    for (const char* const path : {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}) {
        if (guest.is_file(path)) {
            return {"apk", store::parse_apk_installed(guest.read(path, database_limit))};
        }
    }
    if (os.package_format == "rpm") {
        return {"rpm", store::parse_rpm_query(
                           output_of(guest, fmt::format("rpm -qa --qf '{}'", store::rpm_query_format)))};
    }
    if (os.package_format == "pacman") {
        return {"pacman", store::parse_pacman_query(output_of(guest, "pacman -Q"))};
    }
    return {};
}

Json read_sources(guest::GuestFs& guest, const guest::Inspection& os) {
    std::map<std::string, std::string> texts;
    for (const std::string& path : guest.glob_all(
             {"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources",
              "/etc/yum.repos.d/*.repo", "/etc/zypp/repos.d/*.repo", "/etc/dnf/vars/*", "/etc/yum/vars/*",
              "/etc/apk/repositories", "/etc/pacman.conf"})) {
        if (guest.is_file(path)) {
            texts[path] = guest.read(path);
        }
    }
    return package_sources(texts, os);
}

/// What find(1) of the appliance says of every file, below "/sysroot" where libguestfs mounts the guest; one
/// call of the API per directory would be thousands. Answers are limited to 4 MiB (guestfs(3), "PROTOCOL
/// LIMITS"), so the list is fetched in slices.
std::string list_of_files(guest::Appliance& appliance) {
    const auto run = [&](const std::string& line) {
        std::optional<std::string> output = guest::run_tool(appliance, line, listing_deadline);
        if (!output) {
            throw Error(Failure::tool,
                        fmt::format("the guest's files cannot be listed: {}", appliance.last_error()));
        }
        return std::move(*output);
    };
    run("find /sysroot -mindepth 1 -printf '%y %m %U %G %s /%P\\0%l\\0' >/tmp/files && gzip -1 -f "
        "/tmp/files");
    std::string packed;
    for (std::size_t slice = 0;; ++slice) {
        const std::string text =
            run(fmt::format("dd if=/tmp/files.gz bs=1M skip={} count=1 2>/dev/null | base64 -w 0", slice));
        const std::optional<std::string> bytes = base64_decode(text);
        if (!bytes) {
            throw Error(Failure::tool, "the list of the guest's files is damaged");
        }
        if (bytes->empty()) {
            return store::gunzip(packed, "the list of the guest's files");
        }
        packed += *bytes;
    }
}

/// "f 644 0 0 1234 /etc/motd" and the target of a link, each ended by a zero byte.
std::vector<store::FileRecord> parse_list(std::string_view text) {
    const auto next = [&text] {
        const std::size_t end = std::min(text.find('\0'), text.size());
        const std::string field(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        return field;
    };
    std::vector<store::FileRecord> files;
    while (!text.empty()) {
        const std::string line = next();
        const std::string target = next();
        const std::size_t path = line.find(" /");
        store::FileRecord file;
        std::istringstream words(line.substr(0, path));
        if (!(words >> file.type >> std::oct >> file.mode >> std::dec >> file.uid >> file.gid >> file.size) ||
            path == std::string::npos) {
            throw Error(Failure::tool, "the list of the guest's files is damaged");
        }
        file.path = store::printable_path(line.substr(path + 1));
        file.size = file.type == 'd' ? 0U : file.size;
        file.target = store::printable_path(target);
        files.push_back(std::move(file));
    }
    return files;
}

void read_digests(guest::Appliance& appliance, const fs::path& scratch,
                  std::vector<store::FileRecord>& files) {
    const std::string sums = (scratch / "sums").string();
    appliance.call(
        "digests of all files",
        [&](guestfs_h* g) { return guestfs_checksums_out(g, "sha256", "/", sums.c_str()); },
        listing_deadline);
    std::map<std::string, std::string> digests;
    for (store::FileRecord& sum : store::parse_checksums(read_file(sums))) {
        digests[std::move(sum.path)] = std::move(sum.digest);
    }
    for (store::FileRecord& file : files) {
        if (const auto digest = digests.find(file.path); digest != digests.end()) {
            file.digest = digest->second;
        }
    }
}

std::vector<store::FileRecord> read_guest_files(guest::Appliance& appliance) {
    const TempDir scratch("imgforge-contents");
    std::vector<store::FileRecord> files = parse_list(list_of_files(appliance));
    read_digests(appliance, scratch.path(), files);
    return files;
}

}  // namespace

std::map<std::string, fs::path> capture_contents(guest::Appliance& appliance, guest::GuestFs& guest,
                                                 const guest::Inspection& os, const fs::path& folder) {
    Activity activity(appliance.monitor(), "reading packages and files", appliance.parent_activity());
    const Packages packages = read_packages(guest, os);
    const std::string release = os.distro.empty() ? ""
                                : os.minor > 0    ? fmt::format("{}-{}.{}", os.distro, os.major, os.minor)
                                                  : fmt::format("{}-{}", os.distro, os.major);
    write_file_atomically(folder / "contents.json",
                          pretty(Json{{"package_format", packages.format},
                                      {"distribution", os.distro},
                                      {"release", release},
                                      {"product", os.product},
                                      {"packages", store::packages_to_json(packages.list)},
                                      {"sources", read_sources(guest, os)}}));
    write_file_atomically(folder / "guest-files.json", store::files_to_text(read_guest_files(appliance)));
    activity.finish();
    return {{contents_role, "contents.json"}, {guest_files_role, "guest-files.json"}};
}

std::map<std::string, fs::path> capture_contents_of_disk(const fs::path& disk, const fs::path& folder,
                                                         const engine::StageTask& task) {
    guest::ApplianceOptions options;
    options.drives.push_back({.file = disk, .format = "qcow2", .read_only = true});
    options.accelerator =
        appliance_accelerator(task.host->settings, task.host->places, *task.host->processes);
    options.parent_activity = task.activity;
    guest::Appliance appliance(std::move(options), *task.host->monitor);
    const TempDir secret("imgforge-contents", folder);
    const guest::Inspection os =
        guest::open_guest(appliance, {.read_only = true,
                                      .passphrase_file = write_passphrase(*task.recipe, secret.path()),
                                      .root_device = {}});
    guest::ApplianceFs guest(appliance);
    auto files = capture_contents(appliance, guest, os, folder);
    appliance.finish();
    return files;
}

std::optional<store::GuestContents> captured_contents(const std::map<std::string, fs::path>& files,
                                                      Json* sources) {
    const auto record_file = files.find(contents_role);
    if (record_file == files.end()) {
        return std::nullopt;
    }
    const Json record = parse_json(read_file(record_file->second), record_file->second.string());
    store::GuestContents contents;
    contents.package_format = record.value("package_format", std::string());
    contents.distribution = record.value("distribution", std::string());
    contents.release = record.value("release", std::string());
    contents.packages =
        store::packages_from_json(record.value("packages", Json::array()), record_file->second.string());
    if (const auto list = files.find(guest_files_role); list != files.end()) {
        contents.files = list->second;
    }
    if (sources != nullptr) {
        *sources = record.value("sources", Json::array());
    }
    return contents;
}

}  // namespace imgforge::stages
