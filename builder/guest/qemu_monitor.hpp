// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>

#include "builder/base/fd.hpp"
#include "builder/base/json.hpp"
#include "builder/base/unix_socket.hpp"

namespace imgforge::guest {

/// How long something may be waited for, and who may end the wait early.
struct WaitLimit {
    std::chrono::steady_clock::time_point until;
    std::stop_token stop{};
};

/// A UNIX socket that QEMU connects to; mode 0600, in a private directory.
class LineListener {
public:
    /// Throws Failure::host when the path cannot be bound (also: longer than 107 bytes).
    explicit LineListener(const std::filesystem::path& path) : socket_(listen_unix(path)) {}
    /// The first connection. Throws Failure::timeout at the limit, also when it was ended early.
    Fd accept(const WaitLimit& limit) const;

private:
    Fd socket_;
};

/// A connection that lines of text come and go on. Not for more than one thread.
class LineSocket {
public:
    explicit LineSocket(Fd socket) : socket_(std::move(socket)) {}
    /// The next line without its end. Throws Failure::timeout at the limit, Failure::tool when the other side
    /// has closed.
    std::string read_line(const WaitLimit& limit);
    /// Sends bytes, and a file descriptor with the first of them when `passed` is one.
    void send(std::string_view bytes, int passed = -1) const;
    /// The process that connected.
    pid_t peer() const;

private:
    Fd socket_;
    std::string buffer_;
};

/// A client of QEMU's monitor (QMP: docs/interop/qmp-spec.txt of QEMU).
class QemuMonitor {
public:
    /// Reads the greeting, which QEMU gives when it has opened all its disks, and leaves negotiation.
    QemuMonitor(Fd socket, const WaitLimit& limit);
    /// Runs one command and returns its answer; events that come before it are dropped. Throws Failure::tool
    /// with QEMU's reason.
    Json execute(const std::string& command, const Json& arguments, const WaitLimit& limit, int passed = -1);
    /// Stops the machine and saves the devices' state to `fd`, or loads it from there and lets the machine go
    /// on. Memory that lies in a file stays there.
    void save(int fd, const WaitLimit& limit);
    void load(int fd, const WaitLimit& limit);
    /// Ends QEMU and waits until it has closed the connection; its disks are flushed and closed when the
    /// process has ended.
    void quit(const WaitLimit& limit);

private:
    void migrate(const char* command, int fd, const WaitLimit& limit);
    LineSocket socket_;
};

}  // namespace imgforge::guest
