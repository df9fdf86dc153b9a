// SPDX-License-Identifier: GPL-3.0-or-later
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/interrupt.hpp"
#include "pipelines/lifecycle/spool.hpp"

namespace imgforge::lifecycle {

void watch_spool(const SpoolFolder& folder, std::chrono::milliseconds poll_interval,
                 const std::function<void()>& pass) {
    folder.create();
    const Fd notify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!notify) {
        throw system_error("watch", folder.root.string(), errno);
    }
    // Whole files only: a file still being written is reported when it is closed or moved into place.
    constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_CREATE;
    for (const char* name : {"inst", "start", "stop", "destroy", "cleanup", "autostart"}) {
        if (inotify_add_watch(notify.get(), (folder.root / name).c_str(), events) < 0) {
            throw system_error("watch", (folder.root / name).string(), errno);
        }
    }
    while (true) {
        interrupt::check();
        pass();
        std::array<pollfd, 2> entries = {pollfd{notify.get(), POLLIN, 0},
                                         pollfd{interrupt::wake_fd(), POLLIN, 0}};
        poll(entries.data(), entries.size(), static_cast<int>(poll_interval.count()));
        // Several files are often dropped together: one pass serves them all. Our own marks come back here,
        // too, and cost one empty pass.
        interrupt::sleep(std::chrono::milliseconds(100));
        std::array<char, 16384> buffer{};
        while (read(notify.get(), buffer.data(), buffer.size()) > 0) {
        }
    }
}

}  // namespace imgforge::lifecycle
