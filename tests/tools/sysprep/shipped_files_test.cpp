// SPDX-License-Identifier: GPL-3.0-or-later
// What the detectors take for a secret in files that packages ship, over a whole system: tier long, as it
// reads all of it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "builder/base/file.hpp"
#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/secret_patterns.hpp"
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

/// A measurement, not a check of the build: what packages ship is found only where it is a secret to the eye.
TEST(Traces, files_that_packages_of_a_tree_ship_give_fewer_than_five_findings) {
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
    std::map<std::string, std::string> found;
    for (const audit::Finding& finding : scan.take_findings()) {
        found[finding.rule + " " + finding.path] = finding.detail;
    }
    EXPECT_GT(bytes, 1U << 20U);
    EXPECT_LT(found.size(), 5U) << testing::PrintToString(found);
}

}  // namespace
}  // namespace imgforge::sysprep
