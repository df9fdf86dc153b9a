// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/fd.hpp"

namespace imgforge {

/// One process, held by a pidfd: its end wakes the one who waits, and a signal reaches this process or none,
/// whatever happens to the number. It need not be a child of ours; one that is stays to be waited for.
class ProcessWatch {
public:
    /// Nothing when it has ended and was waited for. Throws system_error when the kernel has no pidfds.
    static std::optional<ProcessWatch> open(pid_t pid);

    pid_t pid() const { return pid_; }
    /// True at once or within `deadline`, false when it still runs then. Signals do not cut it short.
    bool ended_within(std::chrono::milliseconds deadline) const;
    bool ended() const { return ended_within(std::chrono::milliseconds(0)); }
    /// The same, but throws Failure::timeout with `what` ("end of QEMU process 4711") and how the process was
    /// last seen.
    void await_end(std::string_view what, std::chrono::milliseconds deadline) const;
    /// False when it had ended before. Throws system_error when it may not be signalled.
    bool signal(int number) const;

private:
    ProcessWatch(pid_t pid, Fd fd) : pid_(pid), fd_(std::move(fd)) {}
    std::string last_seen() const;

    pid_t pid_;
    Fd fd_;
};

}  // namespace imgforge
