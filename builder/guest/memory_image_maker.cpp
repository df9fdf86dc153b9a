// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/memory_image_maker.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <sstream>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/host_cpu.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/process.hpp"
#include "builder/guest/memory_image_plan.hpp"
#include "builder/guest/memory_image_session.hpp"

namespace imgforge::guest {

namespace {

namespace fs = std::filesystem;

/// Where libguestfs has the appliance's root disk (guestfs(3), "SUPERMIN APPLIANCES" and "FIXED APPLIANCE").
fs::path appliance_root(guestfs_h* handle) {
    const char* const path = guestfs_get_path(handle);
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (fs::exists(fs::path(folder) / "supermin.d")) {
            const std::string cache = take_string(guestfs_get_cachedir(handle));
            return fs::path(cache) / fmt::format(".guestfs-{}", ::geteuid()) / "appliance.d" / "root";
        }
        if (fs::exists(fs::path(folder) / "README.fixed")) {
            return fs::path(folder) / "root";
        }
    }
    return {};
}

/// What a guest sees of this host under KVM.
std::string host_cpu() {
    utsname kernel{};
    ::uname(&kernel);
    return sha256_hex(host_cpu_lines({"vendor_id", "model", "stepping", "flags", "microcode"}) +
                      kernel.release);
}

std::string libguestfs_version(guestfs_h* handle) {
    struct guestfs_version* const version = imgforge::guestfs_version(handle);
    if (version == nullptr) {
        return "unknown";
    }
    std::string text =
        fmt::format("{}.{}.{}{}", version->major, version->minor, version->release, version->extra);
    guestfs_free_version(version);
    return text;
}

/// Runs the start that ends in the saved image. What the guest refuses comes as Failure::guest.
void boot_and_save(GuestfsHandle& handle, const MemoryImagePaths& paths, const fs::path& folder,
                   std::chrono::seconds deadline, std::vector<std::string>& command) {
    MemoryImageSession session(deadline, making_body(folder / "state", command));
    MemoryImagePaths with_sockets = paths;
    with_sockets.sockets = session.sockets();
    guestfs_h* const g = handle.get();
    give_to_qemu(g, parameters_for_making(with_sockets));
    guestfs_add_drive_opts(g, paths.plug.c_str(), GUESTFS_ADD_DRIVE_OPTS_FORMAT, "raw",
                           GUESTFS_ADD_DRIVE_OPTS_READONLY, 1, GUESTFS_ADD_DRIVE_OPTS_LABEL,
                           std::string(plug_label).c_str(), -1);
    Watchdog watchdog;
    watchdog.watch_children_of_this_thread();
    watchdog.arm(deadline);
    const bool launched = guestfs_launch(g) == 0;
    if (launched) {
        watchdog.watch(static_cast<pid_t>(guestfs_get_pid(g)));
    }
    watchdog.disarm();
    interrupt::check();
    if (launched) {
        watchdog.kill_now();
        throw Error(Failure::guest, "this libguestfs starts its daemon in another way");
    }
    session.finish();
}

void make(const ApplianceOptions& options, Accelerator accelerator, const fs::path& folder,
          const MemoryImageKey& key) {
    remove_tree(folder);
    make_directories(folder, 0700);
    MemoryImage image{.folder = folder, .held = std::nullopt, .command = {}, .stamps = {}};
    write_file_atomically(image.plug(), prepare_disk(), 0600);
    write_file_atomically(image.memory(), "", 0600);
    constexpr std::uintmax_t mebibyte = 1U << 20U;
    fs::resize_file(image.memory(), static_cast<std::uintmax_t>(key.memory_mib) * mebibyte);
    SystemProcessRunner processes;
    run_checked(processes, {.program = "qemu-img",
                            .args = {"create", "-q", "-f", "qcow2", "-F", "raw", "-b", key.root,
                                     image.root().string()}});
    fs::permissions(image.root(), fs::perms::owner_read | fs::perms::owner_write);

    GuestfsHandle handle = configured_handle(options, accelerator);
    guestfs_set_autosync(handle.get(), 0);
    guestfs_set_append(handle.get(), fmt::format("{} {}", key.append, plug_parameter).c_str());
    std::vector<std::string> command;
    const MemoryImagePaths paths{.memory = image.memory(),
                                 .root = image.root(),
                                 .plug = image.plug(),
                                 .sockets = {},
                                 .memory_mib = key.memory_mib};
    boot_and_save(handle, paths, folder, launch_time(options.launch_deadline), command);
    handle.reset();
    seal_memory_image(folder, key, lasting_command(command), lasting_files(command, key.root));
}

/// Why no image is made or used; empty when one can be.
std::string obstacle(guestfs_h* handle, const ApplianceOptions& options, const fs::path& folder,
                     const MemoryImageKey& key) {
    if (options.drives.size() > memory_image_slots) {
        return fmt::format("the appliance has more than {} disks", memory_image_slots);
    }
    if (guestfs_get_verbose(handle) != 0) {
        return "libguestfs is asked to be verbose";
    }
    if (const auto reason = unusable_reason(folder, key)) {
        return *reason;
    }
    return {};
}

void make_if_possible(const ApplianceOptions& options, Accelerator accelerator, const fs::path& folder,
                      const MemoryImageKey& key, Monitor& monitor) {
    constexpr std::uintmax_t mebibyte = 1U << 20U;
    if (!fs::exists(key.root) ||
        free_space(folder) < 2 * static_cast<std::uintmax_t>(key.memory_mib) * mebibyte) {
        return;
    }
    const auto alone =
        FileLock::try_acquire(memory_image_lock(folder, key.name()), "make the appliance's memory image");
    if (!alone) {
        return;
    }
    Activity activity(monitor, "make a memory image of the appliance (once)", options.parent_activity);
    try {
        // Made in place: it counts from the moment image.json is there, which comes last.
        make(options, accelerator, folder / key.name(), key);
    } catch (...) {
        remove_tree(folder / key.name());
        throw;
    }
}

}  // namespace

MemoryImageKey memory_image_key(guestfs_h* handle, Accelerator accelerator, bool network) {
    const char* const append = guestfs_get_append(handle);
    const char* const hypervisor = guestfs_get_hv(handle);
    std::string settings;
    for (const std::string& setting : take_strings(guestfs_get_backend_settings(handle))) {
        settings += " " + setting;
    }
    const bool kvm = accelerator == Accelerator::kvm;
    return {.libguestfs = libguestfs_version(handle) + settings,
            .hypervisor = hypervisor == nullptr ? "" : hypervisor,
            .accelerator = kvm ? "kvm" : "tcg",
            .host_cpu = kvm ? host_cpu() : "",
            .append = append == nullptr ? "" : append,
            .root = appliance_root(handle).string(),
            .memory_mib = guestfs_get_memsize(handle),
            .cpus = guestfs_get_smp(handle),
            .network = network};
}

std::optional<MemoryImage> provide_memory_image(guestfs_h* handle, const ApplianceOptions& options,
                                                Accelerator accelerator, Monitor& monitor) {
    const auto folder = memory_image_folder();
    if (!folder) {
        return std::nullopt;
    }
    const MemoryImageKey key = memory_image_key(handle, accelerator, options.network);
    try {
        if (const std::string reason = obstacle(handle, options, *folder, key); !reason.empty()) {
            log::debug(fmt::format("no memory image for the appliance: {}", reason));
            return std::nullopt;
        }
        make_directories(*folder, 0700);
        if (auto found = find_memory_image(*folder, key)) {
            return found;
        }
        make_if_possible(options, accelerator, *folder, key, monitor);
        return find_memory_image(*folder, key);
    } catch (const Error& error) {
        // A home that cannot be written to does not deserve a warning at every start.
        const auto say = error.kind() == Failure::host ? log::debug : log::warn;
        say(fmt::format("the appliance boots, because no memory image could be made: {}", error.message()));
        if (error.kind() == Failure::guest) {
            mark_unusable(*folder, key, error.message());
        }
        return std::nullopt;
    }
}

}  // namespace imgforge::guest
