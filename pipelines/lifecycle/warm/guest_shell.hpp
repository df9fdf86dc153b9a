// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>

#include "builder/base/clock.hpp"
#include "builder/virt/domain.hpp"

namespace imgforge::lifecycle {

/// How a script in a guest ended.
struct GuestRun {
    int exit_code = 0;  ///< 128 + N after signal N
    std::string out{};
    std::string err{};
    /// The last line it said, for an error message.
    std::string last_words() const;
};

/// Runs a /bin/sh script as root in a guest, through its agent; the script travels on standard input, so
/// nothing of it is in a process list. Throws VirtError(agent_unavailable) when the agent is silent,
/// Failure::guest when it refuses to run programs, Failure::timeout.
GuestRun run_in_guest(Clock& clock, const virt::Domain& domain, const std::string& script,
                      std::chrono::milliseconds timeout);

/// The same for a machine that goes on from memory: its agent is waited for, some seconds (Failure::timeout).
GuestRun run_when_agent_answers(Clock& clock, const virt::Domain& domain, const std::string& script,
                                std::chrono::milliseconds timeout);

}  // namespace imgforge::lifecycle
