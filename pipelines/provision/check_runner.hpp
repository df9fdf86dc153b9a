// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "builder/base/clock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/provision/checks.hpp"
#include "pipelines/provision/guest_shell.hpp"
#include "pipelines/provision/port_probe.hpp"
#include "pipelines/provision/testinfra.hpp"

namespace imgforge::provision {

/// Where the host finds a port of the clone.
struct PortPlace {
    std::string host;
    std::uint16_t port = 0;
    UserNetwork usernet{};  ///< for forwarded ports of QEMU's user network
};

/// The clone that is looked at.
struct CheckContext {
    ProcessRunner* processes = nullptr;
    Clock* clock = nullptr;
    Monitor* monitor = nullptr;
    std::uint64_t activity = 0;
    const GuestShell* shell = nullptr;
    std::filesystem::path folder;              ///< for files of testinfra; exists
    std::map<std::uint16_t, PortPlace> ports;  ///< by the guest's port
};

/// Runs all checks, also after one that failed, and gives their results in order, redacted. Throws only when
/// they cannot be asked at all (Interrupted, no ssh on this host).
std::vector<CheckResult> run_checks(const std::vector<Check>& checks, const CheckContext& context);

}  // namespace imgforge::provision
