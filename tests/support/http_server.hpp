// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <httplib.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace imgforge::test {

/// Serves on a bound port in a thread of its own, and returns when the server runs: stop() before that does
/// nothing, and joining the thread would then wait for ever.
inline std::thread serve(httplib::Server& server) {
    std::thread thread([&server] { server.listen_after_bind(); });
    for (int i = 0; i < 6000 && !server.is_running(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (!server.is_running()) {
        thread.detach();
        throw std::runtime_error("the test's HTTP server does not run after 60 s");
    }
    return thread;
}

}  // namespace imgforge::test
