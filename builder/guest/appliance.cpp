// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "builder/base/clock.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_state.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"

namespace imgforge::guest {

Appliance::Guard::Guard(Appliance& appliance, std::chrono::seconds deadline) : appliance_(appliance) {
    interrupt::check();
    if (!appliance.state_->handle) {
        throw Error(Failure::tool, "the appliance is closed already");
    }
    appliance.raise_if_lost("appliance");
    appliance.state_->watchdog.arm(deadline);
}

Appliance::Guard::~Guard() {
    appliance_.state_->watchdog.disarm();
}

Appliance::Appliance(ApplianceOptions options, Monitor& monitor)
    : state_(std::make_unique<State>(std::move(options), monitor)) {
    const Accelerator wanted = state_->options.accelerator;
    try {
        start(wanted);
    } catch (const Error& error) {
        if (wanted != Accelerator::kvm || error.kind() != Failure::timeout) {
            throw;
        }
        monitor.warning(
            "the appliance hangs under KVM on this host; trying once more with software emulation");
        start(Accelerator::tcg);
    }
}

Appliance::~Appliance() {
    if (state_ && state_->handle && !state_->finished) {
        state_->watchdog.kill_now();
    }
}

guestfs_h* Appliance::handle() const {
    return state_->handle.get();
}
int Appliance::last_errno() const {
    return guestfs_last_errno(handle());
}

std::string Appliance::last_error() const {
    const char* text = guestfs_last_error(handle());
    return text == nullptr ? "unknown error" : text;
}

void Appliance::raise_if_lost(std::string_view what) {
    switch (state_->watchdog.verdict()) {
        case Watchdog::Verdict::running: return;
        case Watchdog::Verdict::interrupted: interrupt::check(); throw Interrupted();
        case Watchdog::Verdict::expired:
            throw Error(Failure::timeout, fmt::format("no answer from the appliance after {}; last seen: {}",
                                                      duration_text(state_->watchdog.deadline()), what));
        case Watchdog::Verdict::killed:
            throw Error(Failure::tool, fmt::format("the appliance was ended during: {}", what));
    }
}

void Appliance::raise(std::string_view what) {
    const std::string message = last_error();
    const int code = last_errno();
    raise_if_lost(what);
    throw ApplianceError(Failure::guest, fmt::format("{}: {}", what, message), {}, code);
}

std::vector<std::pair<std::string, std::string>> Appliance::file_systems() {
    const std::vector<std::string> flat =
        take_strings(call("list of file systems", [](guestfs_h* g) { return guestfs_list_filesystems(g); }));
    std::vector<std::pair<std::string, std::string>> pairs;
    for (std::size_t index = 0; index + 1 < flat.size(); index += 2) {
        pairs.emplace_back(with_stable_device(*this, flat[index]), flat[index + 1]);
    }
    return pairs;
}

std::string Appliance::read_device(const std::string& device, std::uint64_t offset, std::size_t count) {
    std::string result;
    // A protocol message holds less than 4 MiB.
    constexpr std::size_t chunk = 2U << 20U;
    while (result.size() < count) {
        const auto wanted = static_cast<int>(std::min(chunk, count - result.size()));
        std::size_t got = 0;
        char* bytes = call("read of " + device, [&](guestfs_h* g) {
            return guestfs_pread_device(g, device.c_str(), wanted,
                                        static_cast<std::int64_t>(offset + result.size()), &got);
        });
        result.append(bytes, got);
        std::free(bytes);
        if (got < static_cast<std::size_t>(wanted)) {
            break;
        }
    }
    return result;
}

void Appliance::finish() {
    State& state = *state_;
    call("sync", [](guestfs_h* g) { return guestfs_sync(g); });
    call("unmount of the guest's file systems", [](guestfs_h* g) { return guestfs_umount_all(g); });
    {
        const Guard guard(*this, default_deadline);
        if (guestfs_shutdown(state.handle.get()) != 0) {
            const std::string message = last_error();
            raise_if_lost("shutdown of the appliance");
            throw Error(Failure::tool,
                        fmt::format("the appliance did not shut down cleanly, the image may be damaged: {}",
                                    message));
        }
    }
    state.finished = true;
    state.handle.reset();
}

bool Appliance::from_image() const {
    return state_->from_image;
}
double Appliance::launch_seconds() const {
    return state_->launch_seconds;
}
bool Appliance::alive() const {
    return state_->handle && state_->watchdog.verdict() == Watchdog::Verdict::running;
}
pid_t Appliance::qemu_pid() const {
    return state_->pid;
}
Monitor& Appliance::monitor() const {
    return state_->monitor;
}
std::uint64_t Appliance::parent_activity() const {
    return state_->options.parent_activity;
}

std::vector<std::string> take_strings(char** list) {
    std::vector<std::string> strings;
    if (list == nullptr) {
        return strings;
    }
    for (char** item = list; *item != nullptr; ++item) {
        strings.emplace_back(*item);
        std::free(*item);
    }
    std::free(list);
    return strings;
}

std::string take_string(char* text) {
    if (text == nullptr) {
        return {};
    }
    std::string result(text);
    std::free(text);
    return result;
}

}  // namespace imgforge::guest
