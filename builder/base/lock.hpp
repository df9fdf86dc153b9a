// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/fd.hpp"

namespace imgforge {

/// Advisory lock on a file (fcntl OFD lock: freed by the kernel when the process dies, works over NFSv4). The
/// holder writes "PID on HOST: purpose" into it (as far as there is room), so that who waits can say for
/// whom.
class FileLock {
public:
    enum class Mode { shared, exclusive };

    /// Nothing when somebody else holds it.
    static std::optional<FileLock> try_acquire(const std::filesystem::path& file, std::string_view purpose,
                                               Mode mode = Mode::exclusive);

    /// Waits up to `timeout`; throws Failure::timeout naming the holder. Calls `on_wait(holder)` once when
    /// it has to wait.
    static FileLock acquire(const std::filesystem::path& file, std::string_view purpose,
                            std::chrono::milliseconds timeout,
                            const std::function<void(const std::string& holder)>& on_wait = {},
                            Mode mode = Mode::exclusive);

    /// Text the current holder left; empty if none.
    static std::string holder(const std::filesystem::path& file);

private:
    explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

}  // namespace imgforge
