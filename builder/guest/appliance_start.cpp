// SPDX-License-Identifier: GPL-3.0-or-later
// How an appliance starts: from a memory image, or by booting.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/guest/appliance_state.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/memory_image_maker.hpp"
#include "builder/guest/memory_image_plan.hpp"
#include "builder/guest/memory_image_session.hpp"

namespace imgforge::guest {

namespace {

/// Appliance console and library messages go to the debug log; never TRACE, which prints arguments (contents
/// of files).
void on_message(guestfs_h*, void*, std::uint64_t event, int, int, const char* buffer, std::size_t length,
                const std::uint64_t*, std::size_t) {
    std::string text(buffer, length);
    for (char& character : text) {
        if (character == '\0' || character == '\r') {
            character = ' ';
        }
    }
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    if (!text.empty()) {
        log::debug(
            fmt::format("{}: {}", (event & GUESTFS_EVENT_APPLIANCE) != 0 ? "appliance" : "libguestfs", text));
    }
}

/// The error as a sentence of the host's side: what users can do about the usual reasons of a failed launch.
std::string launch_hint(const std::string& message) {
    if (message.find("Permission denied") != std::string::npos ||
        message.find("supermin") != std::string::npos) {
        return "run `imgforge doctor`; on Ubuntu the host's kernel must be readable: sudo chmod 0644 "
               "/boot/vmlinuz-*";
    }
    if (message.find("lock") != std::string::npos) {
        return "another process uses the image: shut the machine down first";
    }
    return "run `imgforge doctor`, or `libguestfs-test-tool` for details";
}

}  // namespace

GuestfsHandle configured_handle(const ApplianceOptions& options, Accelerator accelerator) {
    GuestfsHandle handle(guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT));
    if (!handle) {
        throw Error(Failure::host, "libguestfs cannot make a handle");
    }
    guestfs_h* const g = handle.get();
    guestfs_set_error_handler(g, nullptr, nullptr);
    // LIBGUESTFS_PATH, _CACHEDIR and the like are the user's; the backend and acceleration are ours.
    guestfs_parse_environment(g);
    guestfs_set_trace(g, 0);
    guestfs_set_backend(g, "direct");
    guestfs_clear_backend_setting(g, "force_kvm");
    guestfs_clear_backend_setting(g, "force_tcg");
    guestfs_set_backend_setting(g, accelerator == Accelerator::kvm ? "force_kvm" : "force_tcg", "1");
    // Own process group: Ctrl-C must reach us, not QEMU.
    guestfs_set_pgroup(g, 1);
    guestfs_set_network(g, options.network ? 1 : 0);
    if (options.memory_mib > 0) {
        guestfs_set_memsize(g, options.memory_mib);
    }
    if (accelerator == Accelerator::tcg) {
        // Nothing in the appliance is worth what the guards against speculation cost without acceleration: a
        // fifth of its start. What the user asks for (LIBGUESTFS_APPEND) comes last and wins.
        const char* const own = guestfs_get_append(g);
        guestfs_set_append(
            g, fmt::format("mitigations=off random.trust_cpu=on {}", own == nullptr ? "" : own).c_str());
    }
    if (options.cpus > 0) {
        guestfs_set_smp(g, options.cpus);
    }
    guestfs_set_event_callback(
        g, on_message, GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_LIBRARY | GUESTFS_EVENT_WARNING, 0, nullptr);
    return handle;
}

void give_to_qemu(guestfs_h* handle, const QemuParameters& parameters) {
    // libguestfs hands them on in the reverse order.
    for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
        guestfs_config(handle, parameter->first.c_str(), parameter->second.c_str());
    }
}

void Appliance::configure(Accelerator accelerator) {
    state_->watchdog.reset();
    state_->handle = configured_handle(state_->options, accelerator);
}

void Appliance::add_drives() {
    guestfs_h* const g = handle();
    for (std::size_t index = 0; index < state_->options.drives.size(); ++index) {
        const Drive& drive = state_->options.drives[index];
        const std::string label = drive_label(index);
        // cachemode unsafe: a private copy whose shutdown is checked; QEMU still writes its caches to the
        // file on a sync.
        const int done =
            drive.read_only ? guestfs_add_drive_opts(g, drive.file.c_str(), GUESTFS_ADD_DRIVE_OPTS_FORMAT,
                                                     drive.format.c_str(), GUESTFS_ADD_DRIVE_OPTS_READONLY, 1,
                                                     GUESTFS_ADD_DRIVE_OPTS_LABEL, label.c_str(),
                                                     GUESTFS_ADD_DRIVE_OPTS_BLOCKSIZE, drive.sector_bytes, -1)
                            : guestfs_add_drive_opts(
                                  g, drive.file.c_str(), GUESTFS_ADD_DRIVE_OPTS_FORMAT, drive.format.c_str(),
                                  GUESTFS_ADD_DRIVE_OPTS_CACHEMODE, "unsafe", GUESTFS_ADD_DRIVE_OPTS_DISCARD,
                                  drive.discard ? "besteffort" : "disable", GUESTFS_ADD_DRIVE_OPTS_LABEL,
                                  label.c_str(), GUESTFS_ADD_DRIVE_OPTS_BLOCKSIZE, drive.sector_bytes, -1);
        if (done != 0) {
            throw Error(Failure::tool,
                        fmt::format("cannot add {} to the appliance: {}", drive.file.string(), last_error()));
        }
    }
}

/// A launch is work of one processor: where others want it as well it takes as many times longer as there are
/// runnable tasks per processor. At most eight times: a hang must still end.
static std::chrono::seconds scaled_by_load(std::chrono::seconds deadline) {
    double load = 0;
    const double processors = std::max(1.0, static_cast<double>(std::thread::hardware_concurrency()));
    if (::getloadavg(&load, 1) != 1) {
        return deadline;
    }
    constexpr double most = 8.0;
    const double factor = std::clamp(load / processors, 1.0, most);
    return std::chrono::seconds(static_cast<long>(static_cast<double>(deadline.count()) * factor));
}

/// Seconds; 0 without a setting.
static std::atomic<std::chrono::seconds::rep> launch_timeout_setting{0};

void set_launch_timeout(std::chrono::seconds timeout) {
    launch_timeout_setting = timeout.count();
}

std::chrono::seconds launch_time(std::chrono::seconds deadline) {
    const std::chrono::seconds setting(launch_timeout_setting.load());
    return setting > std::chrono::seconds::zero() ? setting : scaled_by_load(deadline);
}

void Appliance::start(Accelerator accelerator) {
    if (!start_from_image(accelerator)) {
        configure(accelerator);
        add_drives();
        launch(launch_time(state_->options.launch_deadline));
    }
}

bool Appliance::start_from_image(Accelerator accelerator) {
    State& state = *state_;
    configure(accelerator);
    auto image = provide_memory_image(handle(), state.options, accelerator, state.monitor);
    if (!image) {
        return false;
    }
    // Twenty times what it takes on a quiet host; a boot comes after it.
    constexpr std::chrono::seconds usual{45};
    const std::chrono::seconds deadline = launch_time(usual);
    MemoryImageSession session(deadline, restore_body(*image, state.options.drives.size()));
    give_to_qemu(handle(), parameters_for_restoring({.memory = image->memory(),
                                                     .root = image->root(),
                                                     .plug = image->plug(),
                                                     .sockets = session.sockets(),
                                                     .memory_mib = guestfs_get_memsize(handle())}));
    try {
        add_drives();
        launch(deadline);
        session.finish();
        state.from_image = true;
        return true;
    } catch (const Error& error) {
        const std::string reason = session.failure();
        log::warn(fmt::format("the appliance boots, because its memory image did not go on: {}",
                              reason.empty() ? error.message() : reason));
        if (session.was_connected()) {
            image->held.reset();
            drop_memory_image(image->folder.parent_path(), image->folder.filename().string());
        }
        return false;
    }
}

void Appliance::launch(std::chrono::seconds deadline) {
    State& state = *state_;
    Activity activity(state.monitor, "start the appliance", state.options.parent_activity);
    const auto begin = std::chrono::steady_clock::now();
    state.watchdog.watch_children_of_this_thread();
    {
        const Guard guard(*this, deadline);
        if (guestfs_launch(handle()) != 0) {
            const std::string message = last_error();
            raise_if_lost("start of the libguestfs appliance");
            throw Error(Failure::host, fmt::format("the libguestfs appliance does not start: {}", message),
                        launch_hint(message));
        }
    }
    state.pid = static_cast<pid_t>(guestfs_get_pid(handle()));
    state.watchdog.watch(state.pid);
    state.launch_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    log::debug(fmt::format("appliance launched in {:.1f} s", state.launch_seconds));
}

}  // namespace imgforge::guest
