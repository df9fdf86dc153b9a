// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
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

/// Who may include whom, by directory: what the libraries state in their CMakeLists.txt. A directory may
/// always include itself.
const std::map<std::string, std::set<std::string>>& allowed() {
    static const std::map<std::string, std::set<std::string>> table = [] {
        std::map<std::string, std::string> folder_of;
        std::map<std::string, std::set<std::string>> targets;
        std::istringstream lines(read_file(IMGFORGE_LAYERS));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string target;
            std::string folder;
            words >> target >> folder;
            folder_of[target] = folder;
            for (std::string dependency; words >> dependency;) {
                targets[folder].insert(dependency);
            }
        }
        std::map<std::string, std::set<std::string>> folders;
        for (const auto& [target, folder] : folder_of) {
            folders[folder];
            for (const std::string& dependency : targets[folder]) {
                if (const auto other = folder_of.find(dependency); other != folder_of.end()) {
                    folders[folder].insert(other->second);
                }
            }
        }
        return folders;
    }();
    return table;
}

/// Directory of the table that a file belongs to; empty for the programs' own files.
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

TEST(Layering, large_libraries_are_included_by_their_wrappers_only) {
    // Anything else would link them, and every command would load them.
    static const std::set<std::string> headers = {"libvirt/", "guestfs.h", "curl/",
                                                  "openssl/", "hs/",       "rbd/"};
    const fs::path root = IMGFORGE_SOURCE_DIR;
    std::size_t wrappers = 0;
    for (const char* top : {"builder", "templates", "seeds", "sysprep", "pipelines"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            const std::string path = entry.path().string();
            if (!path.ends_with(".cpp") && !path.ends_with(".hpp")) {
                continue;
            }
            const std::string text = read_file(path);
            if (std::any_of(headers.begin(), headers.end(), [&](const std::string& header) {
                    return text.find("#include <" + header) != std::string::npos;
                })) {
                EXPECT_TRUE(path.ends_with("_library.hpp") || path.ends_with("/rbd_api.hpp")) << path;
                ++wrappers;
            }
        }
    }
    EXPECT_GE(wrappers, 6U);
}

TEST(Layering, every_folder_of_sources_is_a_library) {
    const fs::path root = IMGFORGE_SOURCE_DIR;
    for (const char* const layer : {"builder/base", "builder/cli", "builder/doctor", "pipelines/engine",
                                    "pipelines/stages", "pipelines/report", "sysprep"}) {
        EXPECT_EQ(allowed().count(layer), 1U) << layer;
    }
    EXPECT_TRUE(allowed().at("builder/base").empty());
    EXPECT_EQ(allowed().at("pipelines/engine"), (std::set<std::string>{"builder/base", "pipelines/compose"}));
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
