// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/install/cpio.hpp"

namespace imgforge::install {

/// An unpacked Debian package (deb(5)); owners are dropped, everything belongs to root.
struct DebFile {
    std::map<std::string, std::string> control;  ///< "control", "postinst", "templates", …
    std::vector<CpioEntry> files;                ///< in the order of the archive, paths without "./"
};

/// Reads a .deb or .udeb. Contents of files that `wanted` refuses are left out with their entry; without
/// `wanted` all are kept. Throws Failure::integrity for anything that is not a package.
DebFile read_deb(const std::filesystem::path& file,
                 const std::function<bool(const std::string& path)>& wanted = {});

/// Writes a package with dpkg-deb.
void write_deb(ProcessRunner& runner, const std::string& control, const std::vector<CpioEntry>& files,
               const std::filesystem::path& output);

}  // namespace imgforge::install
