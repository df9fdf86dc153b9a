// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/base/settings.hpp"

namespace imgforge::virt {

enum class Accelerator { kvm, tcg };

std::string_view to_string(Accelerator accelerator);

/// What machines of this host run with, and how that is known.
struct Acceleration {
    Accelerator accelerator = Accelerator::tcg;
    std::string
        detail;  ///< "a Linux kernel printed its first line under KVM after 0.6s", "/dev/kvm is missing"
    bool measured = false;  ///< false: settings say so
};

/// What acceleration() looks at, apart for tests.
struct AccelerationProbe {
    std::filesystem::path device = "/dev/kvm";
    std::filesystem::path boot_id = "/proc/sys/kernel/random/boot_id";
    /// Candidates, the first readable one is started; empty: /boot/vmlinuz-* (newest name first).
    std::vector<std::filesystem::path> kernels{};
    std::string program = "qemu-system-x86_64";
    std::chrono::milliseconds timeout = std::chrono::seconds(8);
};

/// KVM only where a Linux kernel was really seen to start under it: /dev/kvm may open, answer its API
/// version, even run firmware, and still hang every Linux guest (nested set-ups). The answer is remembered in
/// `cache`/acceleration.json until the host boots again. kvm and tcg are taken without a test.
Acceleration acceleration(ProcessRunner& runner, const std::filesystem::path& cache, AccelerationSetting wish,
                          const AccelerationProbe& probe = {});

}  // namespace imgforge::virt
