// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "builder/base/temp_dir.hpp"
#include "builder/guest/memory_image.hpp"
#include "builder/guest/qemu_monitor.hpp"

namespace imgforge::guest {

/// A QEMU that has connected its monitor and its wake port.
struct ConnectedQemu {
    pid_t pid;
    QemuMonitor& monitor;
    LineSocket& wake;
    const WaitLimit& limit;
    /// Its command line, from /proc.
    std::vector<std::string> command() const;
};

/// What happens beside guestfs_launch(), which blocks its thread: a thread of our own talks to the QEMU that
/// libguestfs starts. If that fails it kills QEMU, so that guestfs_launch() returns.
class MemoryImageSession {
public:
    using Body = std::function<void(ConnectedQemu&)>;

    /// Listens at once; `body` runs when QEMU has opened its disks.
    MemoryImageSession(std::chrono::seconds deadline, Body body);
    /// Ends the thread early when it still waits.
    ~MemoryImageSession() = default;
    MemoryImageSession(const MemoryImageSession&) = delete;
    MemoryImageSession& operator=(const MemoryImageSession&) = delete;

    std::filesystem::path sockets() const { return folder_.path(); }
    /// Waits for the body and rethrows what it threw.
    void finish();
    /// Ends the wait and returns what went wrong ("" when nothing did), without throwing.
    std::string failure();
    /// False when QEMU had ended before its disks were open: then it is they that are at issue.
    bool was_connected() const { return connected_; }

private:
    void run(const std::stop_token& stop, std::chrono::seconds deadline, const Body& body);

    TempDir folder_;
    LineListener monitor_;
    LineListener wake_;
    std::atomic<bool> connected_ = false;
    std::exception_ptr error_;
    std::jthread thread_;
};

/// Body for a restore: checks that this is the machine of the image, loads it and wakes the guest.
MemoryImageSession::Body restore_body(const MemoryImage& image, std::size_t disks);

/// Body for the making: waits until the guest is ready, then saves it. `folder` has an open file `state`.
/// `command` gets QEMU's command line. Throws Failure::guest when the guest says that it cannot do it.
MemoryImageSession::Body making_body(const std::filesystem::path& state, std::vector<std::string>& command);

}  // namespace imgforge::guest
