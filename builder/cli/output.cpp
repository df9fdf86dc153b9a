// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/output.hpp"

#include <poll.h>
#include <unistd.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/printable.hpp"

namespace imgforge::cli {

namespace {

/// poll(2): POLLERR is also set for the write end of a pipe whose read end has been closed.
bool reader_has_gone(int fd) {
    pollfd poll_fd{.fd = fd, .events = POLLOUT, .revents = 0};
    return poll(&poll_fd, 1, 0) > 0 && (poll_fd.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

bool print(std::string_view text) {
    try {
        write_all(STDOUT_FILENO, printable_lines(text), "standard output");
        return true;
    } catch (const Error&) {
        if (!reader_has_gone(STDOUT_FILENO)) {
            throw;
        }
        return false;
    }
}

void print_last_words(int fd, std::string_view text) noexcept {
    try {
        write_all(fd, printable_lines(text), "the terminal");
    } catch (const std::exception&) {
        return;
    }
}

}  // namespace imgforge::cli
