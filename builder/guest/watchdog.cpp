// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/watchdog.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>

#include "builder/base/interrupt.hpp"

namespace imgforge::guest {

namespace {

/// proc(5): /proc/PID/task/TID/children lists the processes that this thread started.
std::set<pid_t> children_of(pid_t thread) {
    std::set<pid_t> children;
    std::ifstream file(fmt::format("/proc/self/task/{}/children", thread));
    for (pid_t child = 0; file >> child;) {
        children.insert(child);
    }
    return children;
}

/// qemu and the builder of the appliance; never libguestfs' recovery process, which has our own name and
/// cleans up itself.
bool is_launch_program(pid_t process) {
    std::ifstream file(fmt::format("/proc/{}/comm", process));
    std::string name;
    std::getline(file, name);
    return name.starts_with("qemu") || name.starts_with("kvm") || name.starts_with("supermin") ||
           name.starts_with("guestfs-");
}

}  // namespace

Watchdog::Watchdog() : worker_([this](const std::stop_token& stop) { loop(stop); }) {}
Watchdog::~Watchdog() = default;

void Watchdog::watch_children_of_this_thread() {
    const std::lock_guard lock(mutex_);
    qemu_ = 0;
    thread_ = ::gettid();
    earlier_children_ = children_of(thread_);
}

void Watchdog::watch(pid_t qemu) {
    const std::lock_guard lock(mutex_);
    qemu_ = qemu;
    thread_ = 0;
}

void Watchdog::arm(std::chrono::seconds deadline) {
    {
        const std::lock_guard lock(mutex_);
        deadline_ = deadline;
        until_ = std::chrono::steady_clock::now() + deadline;
    }
    changed_.notify_all();
}

void Watchdog::disarm() {
    const std::lock_guard lock(mutex_);
    until_.reset();
}

void Watchdog::reset() {
    const std::lock_guard lock(mutex_);
    verdict_ = Verdict::running;
    until_.reset();
}

void Watchdog::kill_now() {
    const std::lock_guard lock(mutex_);
    if (verdict_ == Verdict::running) {
        verdict_ = Verdict::killed;
    }
    kill_targets();
}

Watchdog::Verdict Watchdog::verdict() const {
    const std::lock_guard lock(mutex_);
    return verdict_;
}

std::chrono::milliseconds Watchdog::deadline() const {
    const std::lock_guard lock(mutex_);
    return deadline_;
}

void Watchdog::kill_targets() {
    if (qemu_ > 0) {
        ::kill(qemu_, SIGKILL);
        return;
    }
    if (thread_ > 0) {
        for (const pid_t child : children_of(thread_)) {
            if (!earlier_children_.contains(child) && is_launch_program(child)) {
                ::kill(child, SIGKILL);
            }
        }
    }
}

void Watchdog::loop(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (!until_) {
            changed_.wait(lock, stop, [this] { return until_.has_value(); });
            continue;
        }
        changed_.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
        if (!until_) {
            continue;
        }
        if (verdict_ == Verdict::running && interrupt::requested()) {
            verdict_ = Verdict::interrupted;
        }
        if (verdict_ == Verdict::running && std::chrono::steady_clock::now() > *until_) {
            verdict_ = Verdict::expired;
        }
        // Again and again until the call has returned: during launch the next program may only be about to
        // start.
        if (verdict_ != Verdict::running) {
            kill_targets();
        }
    }
}

}  // namespace imgforge::guest
