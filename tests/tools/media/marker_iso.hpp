// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::test {

/// A small ISO with only the files a distribution is recognised by, written by xorriso.
inline std::filesystem::path make_marker_iso(const TempDir& dir, const std::string& label,
                                             const std::map<std::string, std::string>& files) {
    const std::filesystem::path tree = dir / "tree";
    remove_tree(tree);
    for (const auto& [path, bytes] : files) {
        make_directories((tree / path).parent_path());
        write_file_atomically(tree / path, bytes);
    }
    const std::filesystem::path iso = dir / "marker.iso";
    std::filesystem::remove(iso);
    SystemProcessRunner runner;
    run_checked(runner, {.program = "xorriso",
                         .args = {"-as", "mkisofs", "-quiet", "-r", "-J", "-V", label, "-o", iso.string(),
                                  tree.string()}});
    return iso;
}

}  // namespace imgforge::test
