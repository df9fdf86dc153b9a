// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/event_loop.hpp"

#include <mutex>

#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

void wake(int /*timer*/, void* /*data*/) {}

}  // namespace

std::shared_ptr<EventLoop> EventLoop::shared() {
    static std::mutex mutex;
    static std::weak_ptr<EventLoop> current;
    const std::lock_guard guard(mutex);
    auto loop = current.lock();
    if (!loop) {
        loop.reset(new EventLoop);  // not make_shared: the constructor is private
        current = loop;
    }
    return loop;
}

EventLoop::EventLoop() {
    static std::once_flag registered;
    std::call_once(registered, [] {
        silence_libvirt();
        if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0) {
            throw_last_virt_error("start libvirt's event loop");
        }
    });
    // virEventRunDefaultImpl blocks until something happens; the destructor lets the timer fire, so that it
    // looks at the stop token.
    timer_ = virEventAddTimeout(-1, wake, nullptr, nullptr);
    if (timer_ < 0) {
        throw_last_virt_error("add a timer to libvirt's event loop");
    }
    thread_ = std::jthread([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            if (virEventRunDefaultImpl() < 0) {
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
        }
    });
}

EventLoop::~EventLoop() {
    thread_.request_stop();
    // Changing a timer interrupts the wait (vireventpoll.c); one that merely ticked would cost every command
    // up to a tick at its end.
    virEventUpdateTimeout(timer_, 0);
    thread_.join();
    virEventRemoveTimeout(timer_);
}

}  // namespace imgforge::virt
