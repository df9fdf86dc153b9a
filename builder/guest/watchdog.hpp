// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace imgforge::guest {

/// Ends the appliance's QEMU when a libguestfs call takes longer than its deadline or a signal has come:
/// guestfs_launch() has no timeout, and a blocked call returns as soon as QEMU is gone.
class Watchdog {
public:
    enum class Verdict { running, expired, interrupted, killed };

    Watchdog();
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// During launch the pid is unknown: everything this thread starts from now on (qemu, supermin) is the
    /// target.
    void watch_children_of_this_thread();
    void watch(pid_t qemu);

    void arm(std::chrono::seconds deadline);
    void disarm();
    /// Forgets an earlier verdict (second launch).
    void reset();
    void kill_now();

    Verdict verdict() const;
    std::chrono::milliseconds deadline() const;

private:
    void loop(const std::stop_token& stop);
    void kill_targets();

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<std::chrono::steady_clock::time_point> until_;
    std::chrono::seconds deadline_{0};
    Verdict verdict_ = Verdict::running;
    pid_t qemu_ = 0;
    pid_t thread_ = 0;
    std::set<pid_t> earlier_children_;
    std::jthread worker_;
};

}  // namespace imgforge::guest
