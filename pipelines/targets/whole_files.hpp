// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "pipelines/targets/target.hpp"

namespace imgforge::targets {

/// Whole disks beside the windows of a directory, for those who follow with curl or systemd-pull:
/// NAME-GENERATION.qcow2 (standalone, zlib), NAME.qcow2 as a link to the current one, and SHA256SUMS of all.
class WholeFiles {
public:
    explicit WholeFiles(std::filesystem::path folder);

    /// Writes the file unless SHA256SUMS has it; read back and compared before it appears.
    void add(const TargetServices& services, const store::Generation& generation);
    /// NAME.qcow2 becomes that generation's; nothing when it has no file here.
    void point(const std::string& image, int generation);
    /// Missing is fine.
    void remove(const std::string& image, int generation);

private:
    std::map<std::string, std::string> sums() const;  ///< digest by file name
    void write_sums(const std::map<std::string, std::string>& sums) const;
    std::filesystem::path folder_;
};

}  // namespace imgforge::targets
