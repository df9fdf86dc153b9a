// SPDX-License-Identifier: GPL-3.0-or-later
// One launch.
#include "pipelines/stages/contents.hpp"
#include "builder/guest/guestfs_library.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/image/overlay.hpp"
#include "pipelines/store/files.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

std::map<std::string, fs::path> in_folder(const std::map<std::string, fs::path>& files,
                                          const fs::path& folder) {
    std::map<std::string, fs::path> absolute;
    for (const auto& [role, name] : files) {
        absolute[role] = folder / name;
    }
    return absolute;
}

const store::FileRecord* find(const std::vector<store::FileRecord>& files, const std::string& path) {
    const auto found = std::find_if(files.begin(), files.end(),
                                    [&](const store::FileRecord& file) { return file.path == path; });
    return found == files.end() ? nullptr : &*found;
}

TEST(Contents, packages_sources_and_every_file_of_a_guest_are_read) {
    const TempDir work("imgforge-contents-test");
    NullMonitor monitor;
    image::create_empty_qcow2(work / "disk.qcow2", ByteSize::mib(64));
    guest::ApplianceOptions options;
    options.drives.push_back({.file = work / "disk.qcow2"});
    guest::Appliance appliance(std::move(options), monitor);
    appliance.call("mkfs", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", "/dev/sda"); });
    appliance.call("mount", [](guestfs_h* g) { return guestfs_mount(g, "/dev/sda", "/"); });
    guest::ApplianceFs guest(appliance);
    for (const char* folder : {"/etc", "/etc/apt", "/etc/apt/sources.list.d", "/usr", "/usr/bin", "/var",
                               "/var/lib", "/var/lib/dpkg"}) {
        guest.make_directory(folder);
    }
    guest.write("/var/lib/dpkg/status",
                "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 8.0-1\n");
    guest.write("/etc/apt/sources.list.d/debian.sources",
                "Types: deb\nURIs: http://mirror.example.org/debian\nSuites: trixie\nComponents: main\n");
    guest.write("/etc/motd", "hello\n", 0640, 1000, 50);
    guest.write("/usr/bin/odd\nname", "x");
    guest.write("/ blank in front", "x", 04755);
    guest.symlink("../../etc/motd", "/usr/bin/link");
    guest::Inspection os;
    os.distro = "debian";
    os.major = 13;
    os.package_format = "deb";

    Json sources;
    const auto contents = captured_contents(
        in_folder(capture_contents(appliance, guest, os, work.path()), work.path()), &sources);
    appliance.finish();

    ASSERT_TRUE(contents.has_value());
    EXPECT_EQ(contents->packages.at(0).name, "curl");
    EXPECT_EQ(contents->release, "debian-13");
    EXPECT_EQ(sources.at(0).at("suite"), "trixie");
    const std::vector<store::FileRecord> files = store::read_files(*contents->files);
    const store::FileRecord* const motd = find(files, "/etc/motd");
    ASSERT_NE(motd, nullptr);
    EXPECT_EQ(motd->mode, 0640U);
    EXPECT_EQ(motd->uid, 1000U);
    EXPECT_EQ(motd->gid, 50U);
    EXPECT_EQ(motd->digest, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
    ASSERT_NE(find(files, "/usr/bin/link"), nullptr);
    EXPECT_EQ(find(files, "/usr/bin/link")->target, "../../etc/motd");
    ASSERT_NE(find(files, "/usr/bin/odd\\x0aname"), nullptr);
    EXPECT_EQ(find(files, "/usr/bin/odd\\x0aname")->digest.size(), 64U);
    EXPECT_EQ(find(files, "/etc")->type, 'd');
    ASSERT_NE(find(files, "/ blank in front"), nullptr);
    EXPECT_EQ(find(files, "/ blank in front")->mode, 04755U);
}

}  // namespace
}  // namespace imgforge::stages
