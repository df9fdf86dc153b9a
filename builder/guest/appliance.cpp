// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance.hpp"

#include <fmt/format.h>
#include <guestfs.h>
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
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/watchdog.hpp"

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

struct Appliance::State {
    ApplianceOptions options;
    Monitor& monitor;
    Handle<guestfs_h, guestfs_close> handle;
    Watchdog watchdog;
    double launch_seconds = 0;
    pid_t pid = 0;
    bool finished = false;

    State(ApplianceOptions given, Monitor& sink) : options(std::move(given)), monitor(sink) {}
};

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

void Appliance::start(Accelerator accelerator) {
    configure(accelerator);
    add_drives();
    launch();
}

void Appliance::configure(Accelerator accelerator) {
    State& state = *state_;
    state.watchdog.reset();
    state.handle.reset(guestfs_create_flags(GUESTFS_CREATE_NO_ENVIRONMENT));
    if (!state.handle) {
        throw Error(Failure::host, "libguestfs cannot make a handle");
    }
    guestfs_h* g = state.handle.get();
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
    guestfs_set_network(g, state.options.network ? 1 : 0);
    if (state.options.memory_mib > 0) {
        guestfs_set_memsize(g, state.options.memory_mib);
    }
    if (accelerator == Accelerator::tcg) {
        // Nothing in the appliance is worth what the guards against speculation cost without acceleration: a
        // fifth of its start. What the user asks for (LIBGUESTFS_APPEND) comes last and wins.
        const char* const own = guestfs_get_append(g);
        guestfs_set_append(
            g, fmt::format("mitigations=off random.trust_cpu=on {}", own == nullptr ? "" : own).c_str());
    }
    if (state.options.cpus > 0) {
        guestfs_set_smp(g, state.options.cpus);
    }
    guestfs_set_event_callback(
        g, on_message, GUESTFS_EVENT_APPLIANCE | GUESTFS_EVENT_LIBRARY | GUESTFS_EVENT_WARNING, 0, nullptr);
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

static std::chrono::seconds launch_time(std::chrono::seconds deadline) {
    const std::chrono::seconds setting(launch_timeout_setting.load());
    return setting > std::chrono::seconds::zero() ? setting : scaled_by_load(deadline);
}

void Appliance::launch() {
    State& state = *state_;
    Activity activity(state.monitor, "start the appliance", state.options.parent_activity);
    const auto begin = std::chrono::steady_clock::now();
    state.watchdog.watch_children_of_this_thread();
    {
        const Guard guard(*this, launch_time(state.options.launch_deadline));
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
