// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "builder/base/fd.hpp"
#include "builder/base/process.hpp"

namespace imgforge {

/// A program that runs, in a process group of its own, with our ends of its pipes (non-blocking; `in` is
/// closed when stdin is /dev/null).
struct Child {
    pid_t pid = -1;
    Fd in;
    Fd out;
    Fd err;
};

/// Forks and executes `program` as `spec` says; nothing when it cannot be executed (`code` has errno then).
/// Throws Error when no pipes or no processes are left. The child dies with this thread (prctl(2),
/// PR_SET_PDEATHSIG).
std::optional<Child> start_child(const ProcessSpec& spec, const std::string& program, int& code);

/// True when it has ended (it stays to be waited for) or is not a child of ours.
bool has_ended(const Child& child);

/// SIGTERM to its group, 2 s for the program to end, SIGKILL to what is left of the group. It stays to be
/// waited for.
void end_group(const Child& child);

}  // namespace imgforge
