// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/interrupt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "builder/base/error.hpp"

namespace imgforge::interrupt {
namespace {

// Signal handlers can only reach globals; this is the one place that has any.
std::atomic<int> signals{0};
std::atomic<int> shields{0};
std::atomic<int> wake_write{-1};
std::atomic<int> wake_read{-1};

void handle(int) {
    const int saved = errno;
    if (signals.fetch_add(1) + 1 >= 5) {
        ::_exit(static_cast<int>(ExitCode::interrupted));
    }
    const char byte = 1;
    static_cast<void>(!::write(wake_write.load(), &byte, 1));
    errno = saved;
}

}  // namespace

void install() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0) {
        wake_read = ends[0];
        wake_write = ends[1];
    }
    struct sigaction action {};
    action.sa_handler = handle;
    ::sigemptyset(&action.sa_mask);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaction(number, &action, nullptr);
    }
    ::signal(SIGPIPE, SIG_IGN);
}

bool requested() noexcept {
    return signals.load() > 0 && shields.load() == 0;
}

void check() {
    if (requested()) {
        throw Interrupted();
    }
}

void sleep(std::chrono::milliseconds duration) {
    const auto until = std::chrono::steady_clock::now() + duration;
    for (;;) {
        check();
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            return;
        }
        pollfd wait{wake_read.load(), POLLIN, 0};
        // Under a shield the pipe may stay readable: do not spin on it.
        const bool shielded = shields.load() > 0;
        ::poll(&wait, wait.fd >= 0 && !shielded ? 1U : 0U,
               static_cast<int>(std::min<std::int64_t>(left.count(), 1000)));
    }
}

int wake_fd() noexcept {
    return shields.load() > 0 ? -1 : wake_read.load();
}

Shield::Shield() {
    ++shields;
}

Shield::~Shield() {
    --shields;
}

void set_requested(bool value) noexcept {
    signals = value ? 1 : 0;
}

}  // namespace imgforge::interrupt
