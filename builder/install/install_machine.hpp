// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/clock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/install/install_plan.hpp"
#include "builder/install/watcher.hpp"

namespace imgforge::install {

/// What is left of an installation's machine.
struct InstallReport {
    Outcome outcome;
    double seconds = 0;  ///< from the start of the domain to the verdict
    double cpu_seconds =
        0;  ///< CPU time the machine had used by then, as of the last look (every five seconds)
    std::vector<std::string> tail{};      ///< last console lines
    std::vector<std::string> log_tail{};  ///< last lines of the installer's log
    std::string reach{};                  ///< how to get at the machine that was kept; empty: it is gone
};

/// Starts the machine and watches it to its verdict. On every way out, exceptions and Ctrl-C included, the
/// artefacts are collected once into plan.folder (serial0.log and console.txt, channels, domain.xml, the
/// masked texts, domain.log; unless it went well also screen.png) and the machine is destroyed, except after
/// a failure with keep_failed. Throws VirtError when the machine cannot be started, Interrupted on a signal.
InstallReport run_install(const InstallPlan& plan, Clock& clock, Activity& activity, Monitor& monitor);

}  // namespace imgforge::install
