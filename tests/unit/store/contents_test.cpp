// SPDX-License-Identifier: GPL-3.0-or-later
// What is in an image: package databases, SBOM, file manifests, differences, and the choice of a parent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/store/delta.hpp"
#include "pipelines/store/diff.hpp"
#include "pipelines/store/publish.hpp"

namespace imgforge::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Packages, dpkg_status_gives_those_whose_files_are_there) {
    const auto packages = parse_dpkg_status(
        "Package: openssl\nStatus: install ok installed\nMaintainer: X <x@d>\nArchitecture: amd64\n"
        "Version: 3.0.15-1\nDescription: text\n folded: no key\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: libc6\nStatus: hold ok installed\nSource: glibc (2.41)\nVersion: 2.41-12\nArchitecture: "
        "amd64\n\n"
        "Package: half\nStatus: install reinstreq half-installed\nVersion: 1\n\n"
        "Package: libc-bin\nStatus: install ok triggers-pending\nVersion: 2.41-12\nArchitecture: amd64\n");
    ASSERT_EQ(packages.size(), 3U);
    EXPECT_EQ(packages[2].name, "libc-bin");
    EXPECT_EQ(packages[0].name, "openssl");
    EXPECT_EQ(packages[1].source, "glibc");
}

TEST(Packages, apk_rpm_and_pacman_are_read) {
    const auto apk = parse_apk_installed(
        "C:Q1\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld.so\na:0:0:755\n\nP:busybox\nV:1\nA:"
        "x86_64\n");
    ASSERT_EQ(apk.size(), 2U);
    EXPECT_EQ(apk[0].license, "MIT");
    EXPECT_EQ(apk[0].architecture, "x86_64");
    const auto rpm = parse_rpm_query(
        "bash\t(none)\t5.2\t1.el9\tx86_64\tbash-5.2.src.rpm\tGPLv3+\tRocky\n"
        "perl\t4\t5.32\t2.el9\tx86_64\tperl.src.rpm\tGPL\tRocky\ngpg-pubkey\t(none)\ta\tb\t(none)\t(none)"
        "\tx\t(none)\n");
    ASSERT_EQ(rpm.size(), 2U);
    EXPECT_EQ(rpm[0].version, "5.2-1.el9");
    EXPECT_EQ(rpm[1].version, "4:5.32-2.el9");
    EXPECT_EQ(parse_pacman_query("linux 6.9.1-1\n").at(0).version, "6.9.1-1");
}

TEST(Sbom, has_the_image_every_package_and_their_urls) {
    const SbomSubject subject{.image = "debian13",
                              .generation = 2,
                              .disk_sha256 = std::string(64, 'a'),
                              .package_format = "deb",
                              .distribution = "debian",
                              .release = "debian-13",
                              .created = "2026-01-01T00:00:00Z",
                              .tool_version = "1"};
    const Json document =
        sbom(subject, {{.name = "g++", .version = "4:12+1", .architecture = "amd64", .supplier = "D"}});
    EXPECT_EQ(document["spdxVersion"], "SPDX-2.3");
    ASSERT_EQ(document["packages"].size(), 3U) << "image, operating system, package";
    EXPECT_EQ(document["packages"][2]["externalRefs"][0]["referenceLocator"],
              "pkg:deb/debian/g%2B%2B@4:12%2B1?arch=amd64&distro=debian-13");
    EXPECT_EQ(document["relationships"].size(), 3U);
    // Identifiers: letters, digits, '.' and '-' only.
    for (const Json& package : document["packages"]) {
        const std::string id = package["SPDXID"];
        EXPECT_EQ(id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-"),
                  std::string::npos)
            << id;
    }
}

TEST(Files, text_form_survives_a_round_trip_packed_and_odd_names_stay_printable) {
    std::vector<FileRecord> files{
        {.path = "/etc/b", .type = 'f', .mode = 0644, .size = 3, .digest = "d"},
        {.path = printable_path(std::string("/etc/a\xff\n\"")), .type = 'l', .target = "x"}};
    const std::string text = files_to_text(files);
    const auto back = files_from_text(gunzip(gzip(text), "test"), "test");
    ASSERT_EQ(back.size(), 2U);
    EXPECT_EQ(back[0].path, "/etc/a\\xff\\x0a\"");
    EXPECT_EQ(back[1], files[0]);
    EXPECT_THROW(gunzip("garbage", "test"), Error);
    EXPECT_THROW(files_from_text("{}", "test"), Error);
}

TEST(Files, checksum_lines_with_escapes_are_read) {
    const auto files = parse_checksums("aa  ./etc/passwd\n\\bb  ./odd\\nname\\\\x\n\n");
    ASSERT_EQ(files.size(), 2U);
    EXPECT_EQ(files[0].path, "/etc/passwd");
    EXPECT_EQ(files[1].path, "/odd\\x0aname\\x");
}

TEST(Diff, packages_are_added_removed_and_changed_with_several_kernels) {
    ContentDiff diff;
    diff_packages({{.name = "curl", .version = "1"},
                   {.name = "old", .version = "1"},
                   {.name = "kernel", .version = "6.1"},
                   {.name = "kernel", .version = "6.2"}},
                  {{.name = "curl", .version = "2"},
                   {.name = "new", .version = "1"},
                   {.name = "kernel", .version = "6.2"},
                   {.name = "kernel", .version = "6.3"}},
                  diff);
    ASSERT_EQ(diff.packages_changed.size(), 2U);
    EXPECT_EQ(diff.packages_changed[1].before.version, "6.1");
    EXPECT_EQ(diff.packages_changed[1].after.version, "6.3");
    EXPECT_EQ(diff.packages_added.at(0).name, "new");
    EXPECT_EQ(diff.packages_removed.at(0).name, "old");
}

TEST(Diff, files_say_what_changed_and_leave_volatile_ones_out) {
    ContentDiff diff;
    diff_files({{.path = "/etc/a", .mode = 0644, .size = 1, .digest = "1"},
                {.path = "/etc/b"},
                {.path = "/var/log/x", .digest = "1"}},
               {{.path = "/etc/a", .mode = 0600, .size = 2, .digest = "2"},
                {.path = "/usr/c"},
                {.path = "/var/log/x", .digest = "2"}},
               false, diff);
    ASSERT_EQ(diff.files_changed.size(), 1U);
    EXPECT_THAT(diff.files_changed[0].what(), ElementsAre("content", "mode"));
    EXPECT_EQ(diff.files_added.at(0).path, "/usr/c");
    EXPECT_EQ(diff.files_removed.at(0).path, "/etc/b");
    const Json record = diff_record({.image = "x", .generation = 1}, {.image = "x", .generation = 2}, diff);
    EXPECT_EQ(record["configuration"]["changed"][0]["path"], "/etc/a");
    EXPECT_EQ(record["files"]["added"][0]["path"], "/usr/c");
    EXPECT_THAT(diff_text({.image = "x", .generation = 1}, {.image = "x", .generation = 2}, diff),
                HasSubstr("~ /etc/a (content, mode)"));
}

TEST(ContentDigest, ignores_order_and_volatile_files_and_sees_everything_else) {
    const TempDir folder("imgforge-digest");
    const auto digest = [&](const std::vector<FileRecord>& files, std::vector<Package> packages,
                            ByteSize size = ByteSize::gib(1)) {
        write_file_atomically(folder / "files.json", files_to_text(files));
        return content_digest(
            {.packages = std::move(packages), .package_format = "deb", .files = folder / "files.json"}, size);
    };
    const FileRecord passwd{.path = "/etc/passwd", .mode = 0644, .size = 5, .digest = "1"};
    const FileRecord log{.path = "/var/log/syslog", .digest = "1"};
    const Package a{.name = "a", .version = "1"};
    const Package b{.name = "b", .version = "1"};
    const std::string base = digest({passwd, log}, {a, b});

    EXPECT_EQ(digest({log, passwd}, {b, a}), base);
    EXPECT_EQ(digest({passwd}, {a, b}), base);
    EXPECT_NE(digest({passwd}, {a}), base);
    EXPECT_NE(digest({}, {a, b}), base);
    EXPECT_NE(digest({passwd}, {a, b}, ByteSize::gib(2)), base);
    FileRecord stricter = passwd;
    stricter.mode = 0600;
    EXPECT_NE(digest({stricter}, {a, b}), base);
    EXPECT_EQ(content_digest({}, ByteSize::gib(1)), "");
}

std::vector<Generation> chain(int length, int max_depth) {
    std::vector<Generation> all;
    for (int i = 1; i <= length; ++i) {
        Generation next{.image = "x", .generation = i, .state = GenerationState::current};
        if (!all.empty()) {
            next.parent = choose_parent(all, max_depth);
            next.depth = next.parent ? all[static_cast<std::size_t>(*next.parent - 1)].depth + 1 : 0;
            all.back().state = GenerationState::retired;
        }
        all.push_back(next);
    }
    return all;
}

TEST(ChooseParent, chains_stay_within_the_limit_for_any_number_of_nights) {
    for (int limit = 0; limit <= 6; ++limit) {
        for (const Generation& generation : chain(200, limit)) {
            ASSERT_LE(generation.depth, limit);
            ASSERT_EQ(generation.parent.has_value(), generation.depth > 0);
        }
    }
}

TEST(ChooseParent, distances_of_ten_nights_stay_small) {
    int distance = 0;
    for (const Generation& generation : chain(10, 4)) {
        distance += generation.parent ? generation.generation - *generation.parent : 0;
    }
    // Each unit is one night's difference: at 5 % a night that is 1 + 16 * 0.05 = 1.8 generations.
    EXPECT_LE(distance, 16);
}

TEST(ChooseParent, takes_no_quarantined_parent_and_none_for_the_first) {
    EXPECT_FALSE(choose_parent({}, 4).has_value());
    EXPECT_FALSE(choose_parent({{.image = "x", .generation = 1, .state = GenerationState::quarantined}}, 4)
                     .has_value());
    EXPECT_EQ(choose_parent({{.image = "x", .generation = 1, .state = GenerationState::current},
                             {.image = "x", .generation = 2, .state = GenerationState::quarantined}},
                            4),
              1);
}

}  // namespace
}  // namespace imgforge::store
