// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/process_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

// The header of glibc 2.36 does not say that these are C functions.
extern "C" {
#include <sys/pidfd.h>
}

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"

namespace imgforge {

std::optional<ProcessWatch> ProcessWatch::open(pid_t pid) {
    Fd fd(pid > 0 ? ::pidfd_open(pid, 0) : -1);
    if (!fd) {
        if (pid <= 0 || errno == ESRCH) {
            return std::nullopt;
        }
        throw system_error("watch", fmt::format("process {}", pid), errno);
    }
    return ProcessWatch(pid, std::move(fd));
}

bool ProcessWatch::ended_within(std::chrono::milliseconds deadline) const {
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (true) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        pollfd entry{fd_.get(), POLLIN, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000)));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            throw system_error("watch", fmt::format("process {}", pid_), errno);
        }
        if (std::chrono::steady_clock::now() >= until) {
            return false;
        }
    }
}

void ProcessWatch::await_end(std::string_view what, std::chrono::milliseconds deadline) const {
    if (!ended_within(deadline)) {
        throw Error(Failure::timeout, fmt::format("{}: not after {}; last seen: {}", what,
                                                  duration_text(deadline), last_seen()));
    }
}

bool ProcessWatch::signal(int number) const {
    if (::pidfd_send_signal(fd_.get(), number, nullptr, 0) == 0) {
        return true;
    }
    if (errno == ESRCH) {
        return false;
    }
    throw system_error("signal", fmt::format("process {}", pid_), errno);
}

/// proc(5), status: "Name: qemu-system-x86", "State: D (disk sleep)".
std::string ProcessWatch::last_seen() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    std::string name = "a process";
    std::string state = "unknown";
    for (std::string line; std::getline(status, line);) {
        const auto value = [&](std::string_view key) { return line.substr(key.size() + 1); };
        if (line.starts_with("Name:\t")) {
            name = value("Name:");
        } else if (line.starts_with("State:\t")) {
            state = value("State:");
        }
    }
    return fmt::format("{}, {}", name, state);
}

}  // namespace imgforge
