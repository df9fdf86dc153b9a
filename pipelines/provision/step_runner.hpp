// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "builder/base/clock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/provision/guest_script.hpp"
#include "pipelines/provision/guest_shell.hpp"
#include "pipelines/provision/steps.hpp"

namespace imgforge::provision {

/// What steps need in addition to the guest.
struct StepContext {
    ProcessRunner* processes = nullptr;
    Clock* clock = nullptr;
    Monitor* monitor = nullptr;
    std::uint64_t activity = 0;    ///< parent of one Activity per step
    SecretSource secret;           ///< values of the recipe's secrets
    std::filesystem::path folder;  ///< for inventory and Ansible's files; exists
    std::function<void(std::chrono::milliseconds timeout)> reboot;  ///< boots the machine again and waits
    std::function<const GuestShell&()> shell;                       ///< the way in, as it is now
    std::chrono::milliseconds total{std::chrono::hours(4)};         ///< for all steps together
};

/// Runs the steps in their order. Output goes to the debug log line by line, the last line to the step's
/// Activity. Throws at the first step that fails: Failure::guest with the exit code, Failure::timeout, or
/// Failure::host for programs of this host, with the last lines of its output as context. Everything is
/// redacted.
void run_steps(const std::vector<Step>& steps, const StepContext& context);

/// What the user reads of a step that ended badly. `tail`: its last lines; `ssh`: it went over SSH, where 255
/// is a lost connection. Pure.
class Error step_error(const Step& step, std::size_t number, std::size_t count, const ProcessResult& result,
                       const std::vector<std::string>& tail, bool ssh);

}  // namespace imgforge::provision
