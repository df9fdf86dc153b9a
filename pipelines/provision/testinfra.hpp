// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "pipelines/lifecycle/ssh_access.hpp"
#include "pipelines/provision/checks.hpp"

namespace imgforge::provision {

/// How one check went.
struct CheckResult {
    std::string name;
    bool ok = false;
    double seconds = 0;
    std::string output{};  ///< not redacted yet
};

/// Throws Failure::host when the checks need testinfra and this host has no pytest with it.
void require_testinfra(const std::vector<Check>& checks, ProcessRunner& processes);

/// The file ssh(1) is given by testinfra to reach the clone. Written to FOLDER/ssh_config.
std::string testinfra_ssh_config(const lifecycle::SshTarget& target);

/// pytest with testinfra against the clone, as root by sudo; its results go to `junit`.
ProcessSpec testinfra_command(const std::filesystem::path& file, const lifecycle::SshTarget& target,
                              const std::filesystem::path& ssh_config, const std::filesystem::path& junit);

/// The tests in a JUnit file of pytest, by the names in it with `prefix` before them. A skipped test holds.
/// Throws Failure::tool for text that is not such a file.
std::vector<CheckResult> testinfra_results(const std::string& junit, const std::string& prefix);

}  // namespace imgforge::provision
