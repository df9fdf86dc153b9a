// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/fd.hpp"

namespace imgforge::lifecycle {

/// "This process works on the machine of that name." One byte of instances/.lock, chosen by the name, under
/// an open file description lock: freed by the kernel when the process dies, nothing to clean up, and no file
/// per machine that could be unlinked under somebody's feet. Names are compared without case, as host names
/// are.
class MachineLock {
public:
    /// Nothing when another process or thread works on it.
    static std::optional<MachineLock> try_acquire(const std::filesystem::path& instances,
                                                  std::string_view name);
    /// Waits; throws Failure::timeout.
    static MachineLock acquire(const std::filesystem::path& instances, std::string_view name,
                               std::chrono::milliseconds timeout);

    /// For who lets libvirt work on the machine's embedded root: the lock lives as long as any copy of the
    /// descriptor, so a worker that outlives its killed command keeps it.
    static Fd worker_token(const std::filesystem::path& instances, std::string_view name);
    /// Waits until no worker is left; throws Failure::timeout.
    static void wait_for_workers(const std::filesystem::path& instances, std::string_view name,
                                 std::chrono::milliseconds timeout);

private:
    explicit MachineLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

}  // namespace imgforge::lifecycle
