// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/contents.hpp"

#include <guestfs.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/inspection.hpp"
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
        throw Error(Failure::guest, fmt::format("the guest's package database cannot be read: {}", result.output.substr(0, 500)));
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
        return {"rpm", store::parse_rpm_query(output_of(guest, fmt::format("rpm -qa --qf '{}'", store::rpm_query_format)))};
    }
    if (os.package_format == "pacman") {
        return {"pacman", store::parse_pacman_query(output_of(guest, "pacman -Q"))};
    }
    return {};
}

Json read_sources(guest::GuestFs& guest, const guest::Inspection& os) {
    std::map<std::string, std::string> texts;
    for (const std::string& path : guest.glob_all(
             {"/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list", "/etc/apt/sources.list.d/*.sources", "/etc/yum.repos.d/*.repo",
              "/etc/zypp/repos.d/*.repo", "/etc/dnf/vars/*", "/etc/yum/vars/*", "/etc/apk/repositories", "/etc/pacman.conf"})) {
        if (guest.is_file(path)) {
            texts[path] = guest.read(path);
        }
    }
    return package_sources(texts, os);
}

struct FreeStatList {
    void operator()(guestfs_statns_list* list) const noexcept { guestfs_free_statns_list(list); }
};

char type_of(std::int64_t mode) {
    // st_mode of the guest, octal as in inode(7); the host's macros have the same values on Linux.
    switch (mode & 0170000) {
        case 0040000: return 'd';
        case 0120000: return 'l';
        case 0020000: return 'c';
        case 0060000: return 'b';
        case 0010000: return 'p';
        case 0140000: return 's';
        default: return 'f';
    }
}

std::vector<char*> pointers(std::vector<std::string>& names) {
    std::vector<char*> list;
    for (std::string& name : names) {
        list.push_back(name.data());
    }
    list.push_back(nullptr);
    return list;
}

/// Names relative to "/", as find0 gives them (guestfs(3)): no component of them is a link.
std::vector<std::string> names_of_files(guest::Appliance& appliance, const fs::path& scratch) {
    const std::string file = (scratch / "names").string();
    appliance.call(
        "names of all files", [&](guestfs_h* g) { return guestfs_find0(g, "/", file.c_str()); }, listing_deadline);
    const std::string text = read_file(file);
    std::vector<std::string> names;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\0', start), text.size());
        names.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return names;
}

/// What lstat(2) says of each. libguestfs packs a thousand names into one message; one call per folder would be thousands.
std::vector<store::FileRecord> stat_files(guest::Appliance& appliance, std::vector<std::string>& names) {
    const std::vector<char*> list = pointers(names);
    const std::unique_ptr<guestfs_statns_list, FreeStatList> stats(appliance.call(
        "file attributes", [&](guestfs_h* g) { return guestfs_lstatnslist(g, "/", const_cast<char* const*>(list.data())); },
        listing_deadline));
    std::vector<store::FileRecord> files(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        store::FileRecord& file = files[i];
        file.path = store::printable_path("/" + names[i]);
        if (i < stats->len) {
            const struct guestfs_statns& stat = stats->val[i];
            file.type = type_of(stat.st_mode);
            file.mode = static_cast<std::uint32_t>(stat.st_mode & 07777);
            file.uid = static_cast<std::uint32_t>(stat.st_uid);
            file.gid = static_cast<std::uint32_t>(stat.st_gid);
            file.size = file.type == 'd' ? 0U : static_cast<std::uint64_t>(stat.st_size);
        }
    }
    return files;
}

void read_links(guest::Appliance& appliance, const std::vector<std::string>& names, std::vector<store::FileRecord>& files) {
    std::vector<std::string> links;
    std::vector<store::FileRecord*> records;
    for (std::size_t i = 0; i < files.size(); ++i) {
        if (files[i].type == 'l') {
            links.push_back(names[i]);
            records.push_back(&files[i]);
        }
    }
    const std::vector<char*> list = pointers(links);
    const std::vector<std::string> targets = guest::take_strings(appliance.call(
        "link targets", [&](guestfs_h* g) { return guestfs_readlinklist(g, "/", const_cast<char* const*>(list.data())); },
        listing_deadline));
    for (std::size_t i = 0; i < records.size() && i < targets.size(); ++i) {
        records[i]->target = store::printable_path(targets[i]);
    }
}

void read_digests(guest::Appliance& appliance, const fs::path& scratch, std::vector<store::FileRecord>& files) {
    const std::string sums = (scratch / "sums").string();
    appliance.call(
        "digests of all files", [&](guestfs_h* g) { return guestfs_checksums_out(g, "sha256", "/", sums.c_str()); }, listing_deadline);
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
    std::vector<std::string> names = names_of_files(appliance, scratch.path());
    std::vector<store::FileRecord> files = stat_files(appliance, names);
    read_links(appliance, names, files);
    read_digests(appliance, scratch.path(), files);
    return files;
}

}  // namespace

std::map<std::string, fs::path> capture_contents(guest::Appliance& appliance, guest::GuestFs& guest, const guest::Inspection& os,
                                                 const fs::path& folder) {
    Activity activity(appliance.monitor(), "reading packages and files", appliance.parent_activity());
    const Packages packages = read_packages(guest, os);
    const std::string release = os.distro.empty() ? ""
                                : os.minor > 0    ? fmt::format("{}-{}.{}", os.distro, os.major, os.minor)
                                                  : fmt::format("{}-{}", os.distro, os.major);
    write_file_atomically(folder / "contents.json", pretty(Json{{"package_format", packages.format},
                                                                {"distribution", os.distro},
                                                                {"release", release},
                                                                {"product", os.product},
                                                                {"packages", store::packages_to_json(packages.list)},
                                                                {"sources", read_sources(guest, os)}}));
    write_file_atomically(folder / "guest-files.json", store::files_to_text(read_guest_files(appliance)));
    activity.finish();
    return {{contents_role, "contents.json"}, {guest_files_role, "guest-files.json"}};
}

std::map<std::string, fs::path> capture_contents_of_disk(const fs::path& disk, const fs::path& folder, const engine::StageTask& task) {
    guest::ApplianceOptions options;
    options.drives.push_back({.file = disk, .format = "qcow2", .read_only = true});
    options.accelerator = appliance_accelerator(task.services->settings, task.services->places, *task.services->processes);
    options.parent_activity = task.activity;
    guest::Appliance appliance(std::move(options), *task.monitor);
    const guest::Inspection os = guest::open_guest(appliance, {.read_only = true, .passphrase_file = {}, .root_device = {}});
    guest::ApplianceFs guest(appliance);
    auto files = capture_contents(appliance, guest, os, folder);
    appliance.finish();
    return files;
}

std::optional<store::GuestContents> captured_contents(const std::map<std::string, fs::path>& files, Json* sources) {
    const auto record_file = files.find(contents_role);
    if (record_file == files.end()) {
        return std::nullopt;
    }
    const Json record = parse_json(read_file(record_file->second), record_file->second.string());
    store::GuestContents contents;
    contents.package_format = record.value("package_format", std::string());
    contents.distribution = record.value("distribution", std::string());
    contents.release = record.value("release", std::string());
    contents.packages = store::packages_from_json(record.value("packages", Json::array()), record_file->second.string());
    if (const auto list = files.find(guest_files_role); list != files.end()) {
        contents.files = list->second;
    }
    if (sources != nullptr) {
        *sources = record.value("sources", Json::array());
    }
    return contents;
}

}  // namespace imgforge::stages
