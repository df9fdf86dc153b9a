// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <thread>

namespace imgforge::virt {

/// libvirt's default event loop on a thread of its own. The embedded driver needs it (QEMU's monitor is read
/// there), and a remote connection needs it for keepalive. Must exist before the first connection; lives
/// while anybody holds it.
class EventLoop {
public:
    static std::shared_ptr<EventLoop> shared();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

private:
    EventLoop();
    int timer_ = -1;
    std::jthread thread_;
};

}  // namespace imgforge::virt
