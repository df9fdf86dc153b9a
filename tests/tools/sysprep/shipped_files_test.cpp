// SPDX-License-Identifier: GPL-3.0-or-later
// What the detectors take for a secret in files that packages ship, over a whole system: tier long, as it
// reads all of it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "builder/base/file.hpp"
#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/package_files.hpp"
#include "sysprep/audit/secret_patterns.hpp"
#include "tests/support/memory_guest_fs.hpp"
#include "tests/support/require.hpp"

namespace imgforge::sysprep {
namespace {

/// Files of dpkg's lists below the tree, each once.
std::set<std::string> shipped_files(const std::filesystem::path& tree) {
    std::set<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(tree / "var/lib/dpkg/info")) {
        if (entry.path().extension() == ".list") {
            std::istringstream lines(read_file(entry.path(), 64U << 20U));
            for (std::string line; std::getline(lines, line);) {
                out.insert(line);
            }
        }
    }
    return out;
}

/// As `imgforge audit` does with the findings of a disk: compared with the digests of dpkg's database.
void waive(const std::filesystem::path& root, std::vector<audit::Finding>& findings) {
    audit::GuestTree tree;
    guest::MemoryGuestFs fs;
    for (const char* folder : {"/var", "/var/lib", "/var/lib/dpkg", "/var/lib/dpkg/info"}) {
        tree.add(folder, {.stat = {.type = guest::FileType::directory}});
    }
    const auto add = [&](const std::filesystem::path& file) {
        std::string content = read_file(file, 64U << 20U);
        tree.add("/" + file.lexically_relative(root).string(),
                 {.stat = {.type = guest::FileType::regular, .size = content.size()}, .content = content});
    };
    add(root / "var/lib/dpkg/status");
    for (const auto& entry : std::filesystem::directory_iterator(root / "var/lib/dpkg/info")) {
        if (entry.path().extension() == ".md5sums") {
            add(entry.path());
        }
    }
    for (const audit::Finding& finding : findings) {
        const std::string path = finding.path.substr(0, finding.path.find('!'));
        if (!fs.exists(path)) {
            fs.add(path, read_file(root / path.substr(1), 256U << 20U));
        }
    }
    audit::PackageFiles packages(tree, fs, {.package_format = "deb"});
    audit::waive_package_files(findings, packages);
}

/// A measurement, not a check of the build: what packages ship is found only where it is a secret to the eye.
TEST(Traces, files_that_packages_ship_give_fewer_than_five_findings_that_their_digests_do_not_answer) {
    const char* const tree = std::getenv("IMGFORGE_TREE");
    if (tree == nullptr) {
        IMGFORGE_SKIP("long", "IMGFORGE_TREE names no directory with a Debian system");
    }
    static const audit::Matcher matcher(audit::generic_patterns());
    audit::ContentScan scan(matcher);
    const std::filesystem::path root(tree);
    std::uint64_t bytes = 0;
    for (const std::string& path : shipped_files(root)) {
        constexpr std::uintmax_t limit = 256U << 20U;
        const std::filesystem::path file = root / path.substr(1);
        std::error_code ignored;
        const bool regular = std::filesystem::is_regular_file(std::filesystem::symlink_status(file, ignored));
        if (regular && std::filesystem::file_size(file, ignored) <= limit) {
            const std::string content = read_file(file, limit);
            bytes += content.size();
            scan.file(path, content);
        }
    }
    EXPECT_GT(bytes, 1U << 20U);
    std::vector<audit::Finding> findings = scan.take_findings();
    std::map<std::string, std::string> raw;
    for (const audit::Finding& finding : findings) {
        raw[finding.rule + " " + finding.path] = finding.detail;
    }
    for (const auto& [what, detail] : raw) {
        std::cout << "found: " << what << ": " << detail << "\n";
    }
    waive(root, findings);
    std::set<std::string> left;
    for (const audit::Finding& finding : findings) {
        if (!finding.waived) {
            left.insert(finding.rule + " " + finding.path);
        }
    }
    std::cout << raw.size() << " findings in " << bytes << " bytes, " << left.size()
              << " after the comparison with the packages' digests\n";
    EXPECT_LT(left.size(), 5U) << testing::PrintToString(left);
}

}  // namespace
}  // namespace imgforge::sysprep
