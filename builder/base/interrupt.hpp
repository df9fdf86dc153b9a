// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

namespace imgforge::interrupt {

/// Installs handlers for SIGINT, SIGTERM and SIGHUP that only set a flag (and write a wake-up byte). A second
/// SIGINT within the clean-up does not cut it short; the fifth ends the process at once. SIGPIPE is ignored.
/// Called by main.
void install();

/// True once a signal has come.
bool requested() noexcept;

/// Throws Interrupted when a signal has come. Every loop that waits or works long calls this.
void check();

/// Sleeps for the duration, less when a signal comes; then throws Interrupted.
void sleep(std::chrono::milliseconds duration);

/// A file descriptor that becomes readable when a signal comes, for poll(2) loops.
int wake_fd() noexcept;

/// While alive, requested() is false and check() does nothing: undo actions run to their end.
class Shield {
public:
    Shield();
    ~Shield();
    Shield(const Shield&) = delete;
    Shield& operator=(const Shield&) = delete;
};

/// For tests: as if a signal had come / had not come.
void set_requested(bool value) noexcept;

}  // namespace imgforge::interrupt
