// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "builder/base/file.hpp"

namespace imgforge {
namespace {

namespace fs = std::filesystem;

/// Who may include whom: ARCHITECTURE.md in the form of a table. A folder may always include itself.
const std::map<std::string, std::set<std::string>>& allowed() {
    static const std::map<std::string, std::set<std::string>> table = {
        {"builder/base", {}},
        {"builder/image", {"builder/base"}},
        {"builder/guest", {"builder/base", "builder/image"}},
        {"builder/virt", {"builder/base", "builder/image"}},
        {"templates", {"builder/base"}},
        {"seeds", {"builder/base", "builder/image"}},
        {"sysprep", {"builder/base", "builder/image", "builder/guest"}},
        {"builder/install",
         {"builder/base", "builder/image", "builder/guest", "builder/virt", "seeds", "templates"}},
        {"pipelines/engine", {"builder/base"}},
        {"pipelines/fetch", {"builder/base"}},
        {"pipelines/store", {"builder/base", "builder/image"}},
        {"pipelines/lifecycle",
         {"builder/base", "builder/image", "builder/virt", "seeds", "templates", "pipelines/store"}},
    };
    return table;
}

/// Folder of the table a file belongs to; empty for those that may include everything (stages, cli).
std::string layer_of(const std::string& path) {
    for (const auto& [layer, rules] : allowed()) {
        if (path.starts_with(layer + "/")) {
            return layer;
        }
    }
    return {};
}

/// Libraries the engine must be ignorant of, by the start of their headers.
const std::map<std::string, std::regex>& forbidden_headers() {
    static const std::map<std::string, std::regex> table = {
        {"pipelines/engine", std::regex("guestfs|libvirt|archive|cdio|curl")},
        {"builder/base", std::regex("guestfs|libvirt|archive|cdio|curl|pugixml")},
        {"builder/virt", std::regex("guestfs")},
        {"pipelines/store", std::regex("guestfs|libvirt")},
    };
    return table;
}

std::string faults_of(const fs::path& root, const fs::path& file) {
    static const std::regex include(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
    const std::string path = fs::relative(file, root).string();
    const std::string layer = layer_of(path);
    std::string faults;
    if (layer.empty()) {
        return faults;
    }
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (!std::regex_search(line, match, include)) {
            continue;
        }
        const std::string target = match[1];
        const std::string other = layer_of(target);
        const bool ours = fs::exists(root / target);
        const bool upward = ours && other.empty() &&
                            (target.starts_with("pipelines/") || target.starts_with("builder/") ||
                             target.starts_with("tests/"));
        if (upward || (!other.empty() && other != layer && allowed().at(layer).count(other) == 0)) {
            faults += path + " includes " + target + "\n";
        }
        const auto forbidden = forbidden_headers().find(layer);
        if (!ours && forbidden != forbidden_headers().end() && std::regex_search(target, forbidden->second)) {
            faults += path + " includes <" + target + ">\n";
        }
    }
    return faults;
}

TEST(Layering, includes_go_only_downwards) {
    const fs::path root = IMGFORGE_SOURCE_DIR;
    std::string faults;
    std::size_t files = 0;
    for (const char* top : {"builder", "templates", "seeds", "sysprep", "pipelines"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            const std::string extension = entry.path().extension().string();
            if (extension == ".cpp" || extension == ".hpp") {
                faults += faults_of(root, entry.path());
                ++files;
            }
        }
    }
    EXPECT_GT(files, 20U);
    EXPECT_EQ(faults, "");
}

TEST(Layering, the_check_finds_a_wrong_include) {
    const fs::path root = fs::temp_directory_path() / "imgforge-layering";
    remove_tree(root);
    make_directories(root / "builder/base");
    make_directories(root / "pipelines/engine");
    write_file_atomically(root / "pipelines/engine/x.hpp", "");
    write_file_atomically(root / "builder/base/bad.cpp",
                          "#include \"pipelines/engine/x.hpp\"\n#include <guestfs.h>\n");
    EXPECT_EQ(
        faults_of(root, root / "builder/base/bad.cpp"),
        "builder/base/bad.cpp includes pipelines/engine/x.hpp\nbuilder/base/bad.cpp includes <guestfs.h>\n");
    remove_tree(root);
}

}  // namespace
}  // namespace imgforge
