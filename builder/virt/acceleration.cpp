// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/acceleration.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/log.hpp"

namespace imgforge::virt {

namespace fs = std::filesystem;

namespace {

std::optional<fs::path> readable_kernel(const AccelerationProbe& probe) {
    std::vector<fs::path> candidates = probe.kernels;
    if (candidates.empty()) {
        std::error_code error;
        for (fs::directory_iterator it("/boot", error), end; !error && it != end; it.increment(error)) {
            if (it->path().filename().string().starts_with("vmlinuz")) {
                candidates.push_back(it->path());
            }
        }
        std::sort(candidates.rbegin(), candidates.rend());
    }
    const auto found = std::find_if(candidates.begin(), candidates.end(),
                                    [](const fs::path& path) { return access(path.c_str(), R_OK) == 0; });
    return found == candidates.end() ? std::nullopt : std::optional(*found);
}

/// Without a root file system the kernel panics, and panic=-1 with -no-reboot ends QEMU at once: about 2 s
/// where it works.
ProcessSpec boot_test(const AccelerationProbe& probe, const fs::path& kernel) {
    return {.program = probe.program,
            .args = {"-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "256", "-nodefaults",
                     "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", kernel.string(),
                     "-append", "console=ttyS0 panic=-1"},
            .timeout = probe.timeout};
}

Acceleration measure(ProcessRunner& runner, const AccelerationProbe& probe) {
    if (access(probe.device.c_str(), F_OK) != 0) {
        return {.detail = fmt::format("{} is missing: no virtualization extension, or kvm modules not loaded",
                                      probe.device.string()),
                .measured = true};
    }
    if (access(probe.device.c_str(), R_OK | W_OK) != 0) {
        return {.detail = fmt::format("{} may not be opened by this user (group kvm)", probe.device.string()),
                .measured = true};
    }
    const auto kernel = readable_kernel(probe);
    if (!kernel) {
        return {.detail =
                    "no readable kernel in /boot to try KVM with; set `acceleration: kvm` in the settings if "
                    "it works",
                .measured = true};
    }
    const auto begin = std::chrono::steady_clock::now();
    std::optional<std::chrono::milliseconds> first_line;
    const ProcessResult result =
        runner.run(boot_test(probe, *kernel), [&](std::string_view line, bool is_error) {
            if (!is_error && !first_line && line.find("Linux version") != std::string_view::npos) {
                first_line = std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::steady_clock::now() - begin);
            }
        });
    if (first_line) {
        return {.accelerator = Accelerator::kvm,
                .detail = fmt::format("a Linux kernel printed its first line under KVM after {}",
                                      duration_text(*first_line)),
                .measured = true};
    }
    if (result.outcome == ProcessResult::Outcome::timed_out) {
        return {.detail = fmt::format("KVM opens, but a Linux kernel printed nothing under it within {}",
                                      duration_text(probe.timeout)),
                .measured = true};
    }
    const std::string why = result.outcome == ProcessResult::Outcome::not_found
                                ? probe.program + " is not installed"
                                : result.err.substr(0, result.err.find('\n'));
    return {.detail = fmt::format("QEMU could not use KVM: {}", why), .measured = true};
}

std::string trimmed(std::string text) {
    text.erase(text.find_last_not_of(" \n") + 1);
    return text;
}

/// What an earlier command of this host boot measured with the same program.
std::optional<Acceleration> remembered(const fs::path& file, const std::string& key) {
    try {
        if (!fs::exists(file)) {
            return std::nullopt;
        }
        const Json record = parse_json(read_file(file, 65536), file.string());
        if (record.value("key", "") != key) {
            return std::nullopt;
        }
        return Acceleration{
            .accelerator = record.value("accelerator", "") == "kvm" ? Accelerator::kvm : Accelerator::tcg,
            .detail = record.value("detail", ""),
            .measured = true};
    } catch (const std::exception& error) {
        log::debug(fmt::format("{}: {}", file.string(), error.what()));  // damaged: measure again
        return std::nullopt;
    }
}

}  // namespace

std::string_view to_string(Accelerator accelerator) {
    return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

Acceleration acceleration(ProcessRunner& runner, const fs::path& cache, AccelerationSetting wish,
                          const AccelerationProbe& probe) {
    if (wish != AccelerationSetting::automatic) {
        return {.accelerator = wish == AccelerationSetting::kvm ? Accelerator::kvm : Accelerator::tcg,
                .detail = "settings say so",
                .measured = false};
    }
    make_directories(cache);
    const fs::path file = cache / "acceleration.json";
    // The user is part of the key: permission on /dev/kvm is.
    const std::string key =
        fmt::format("{} {} {}", trimmed(read_file(probe.boot_id, 4096)), geteuid(), probe.program);
    const FileLock lock =
        FileLock::acquire(cache / "acceleration.lock", "measuring acceleration", std::chrono::seconds(60));
    if (const auto known = remembered(file, key)) {
        return *known;
    }
    const Acceleration measured = measure(runner, probe);
    write_file_atomically(file, pretty(Json{{"key", key},
                                            {"accelerator", std::string(to_string(measured.accelerator))},
                                            {"detail", measured.detail}}));
    return measured;
}

}  // namespace imgforge::virt
