// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/base/monitor.hpp"

struct guestfs_h;

namespace imgforge::guest {

/// How the appliance's QEMU runs guest code. `kvm` only where a real boot was seen (virt/acceleration
/// measures it).
enum class Accelerator { kvm, tcg };

/// One disk of the appliance, in order /dev/sda, /dev/sdb … The format is always stated (CVE-2010-3851).
struct Drive {
    std::filesystem::path file;
    std::string format = "qcow2";
    bool read_only = false;  ///< libguestfs puts a throw-away overlay in front; the file is not changed
    bool discard = true;     ///< pass trim on to the file (writable drives)
    int sector_bytes = 512;  ///< of the disk: 512 or 4096
};

/// From now on every start of an appliance in this process may take this long, whatever its options and the
/// load say (`appliance: {timeout}` of the settings).
void set_launch_timeout(std::chrono::seconds timeout);

struct ApplianceOptions {
    std::vector<Drive> drives;
    Accelerator accelerator = Accelerator::tcg;
    bool network = false;  ///< QEMU's user network, only for package work that asked for it
    int memory_mib = 0;    ///< 0: libguestfs' default (1280)
    int cpus = 0;          ///< 0: libguestfs' default (1)
    std::chrono::seconds launch_deadline{150};  ///< longer by the load of the host
    std::uint64_t parent_activity = 0;
};

/// A libguestfs call that failed; `code` is the errno inside the appliance, 0 when it was no system call.
class ApplianceError final : public Error {
public:
    ApplianceError(Failure kind, std::string message, std::string hint, int code)
        : Error(kind, std::move(message), std::move(hint)), code_(code) {}
    int code() const noexcept { return code_; }

private:
    int code_;
};

/// One running libguestfs appliance. A watchdog thread ends its QEMU when a call passes its deadline or a
/// signal has come, so that no call hangs; the call then throws Failure::timeout or Interrupted, and the
/// appliance is lost. Use from one thread at a time. The images given writable must be private copies or
/// overlays: losing the appliance may leave them half written.
class Appliance {
public:
    /// Launches. With Accelerator::kvm a launch that passes its deadline is tried once more with tcg
    /// (warning). Throws Failure::host (appliance or kernel unusable), Failure::timeout or Interrupted.
    Appliance(ApplianceOptions options, Monitor& monitor);
    /// Ends the appliance without a sync when finish() was not called.
    ~Appliance();
    Appliance(const Appliance&) = delete;
    Appliance& operator=(const Appliance&) = delete;

    /// Runs any libguestfs calls under the deadline: `auto n = appliance.call("size of /dev/sda",
    /// [](guestfs_h* g) { return guestfs_blockdev_getsize64(g, "/dev/sda"); });`. A result of nullptr or -1
    /// is a failure and throws ApplianceError with `what`, the libguestfs message and the errno. Results that
    /// libguestfs allocates are the caller's.
    template <class Body>
    auto call(std::string_view what, Body&& body, std::chrono::seconds deadline = default_deadline)
        -> std::invoke_result_t<Body, guestfs_h*> {
        const Guard guard(*this, deadline);
        auto result = std::forward<Body>(body)(handle());
        bool failed = false;
        if constexpr (std::is_pointer_v<decltype(result)>) {
            failed = result == nullptr;
        } else {
            failed = result == -1;
        }
        if (failed) {
            raise(what);
        }
        return result;
    }

    /// Like call(), but a failure is returned (nullptr or -1) unless the appliance is lost. errno in
    /// last_errno().
    template <class Body>
    auto attempt(std::string_view what, Body&& body, std::chrono::seconds deadline = default_deadline)
        -> std::invoke_result_t<Body, guestfs_h*> {
        const Guard guard(*this, deadline);
        auto result = std::forward<Body>(body)(handle());
        raise_if_lost(what);
        return result;
    }

    /// The handle for calls that cannot block (setters, feature tests). Everything else goes through call().
    guestfs_h* handle() const;
    int last_errno() const;
    std::string last_error() const;

    /// Devices and file systems: pairs (mountable, type), as guestfs_list_filesystems; includes LVs and btrfs
    /// subvolumes.
    std::vector<std::pair<std::string, std::string>> file_systems();
    /// `count` bytes of a device; fewer at its end.
    std::string read_device(const std::string& device, std::uint64_t offset, std::size_t count);

    /// sync, unmount all, shut down, each checked; then closes. A failure means the image may be damaged:
    /// Failure::tool.
    void finish();
    /// Seconds the launch took; without the making of a memory image, if there was one before it.
    double launch_seconds() const;
    /// True when it went on from a memory image (memory_image.hpp) instead of booting.
    bool from_image() const;
    /// False once QEMU was ended by the watchdog or died.
    bool alive() const;
    pid_t qemu_pid() const;
    Monitor& monitor() const;
    std::uint64_t parent_activity() const;

    static constexpr std::chrono::seconds default_deadline{600};

private:
    struct State;
    /// Arms the watchdog for one call.
    class Guard {
    public:
        Guard(Appliance& appliance, std::chrono::seconds deadline);
        ~Guard();
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;

    private:
        Appliance& appliance_;
    };
    void start(Accelerator accelerator);
    bool start_from_image(Accelerator accelerator);
    void configure(Accelerator accelerator);
    void add_drives();
    void launch(std::chrono::seconds deadline);
    [[noreturn]] void raise(std::string_view what);
    void raise_if_lost(std::string_view what);

    std::unique_ptr<State> state_;
};

/// A libguestfs string list as a vector; frees it. nullptr gives an empty vector.
std::vector<std::string> take_strings(char** list);
/// A libguestfs string; frees it.
std::string take_string(char* text);

}  // namespace imgforge::guest
