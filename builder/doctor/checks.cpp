// SPDX-License-Identifier: GPL-3.0-or-later
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/doctor/device_access.hpp"
#include "builder/doctor/doctor.hpp"
#include "builder/doctor/networks.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/memory_image.hpp"
#include "builder/virt/acceleration.hpp"
#include "builder/virt/connection.hpp"

namespace fs = std::filesystem;

namespace imgforge::doctor {
namespace {

Check acceleration(DoctorContext& context) {
    const virt::Acceleration found =
        virt::acceleration(context.processes, context.places.cache(), context.settings.acceleration);
    const bool kvm = found.accelerator == virt::Accelerator::kvm;
    return {.ok = kvm,
            .detail = found.detail,
            .fix = kvm ? ""
                       : "use a host whose /dev/kvm really runs guests (on a virtual host: turn nested "
                         "virtualisation on); everything "
                         "works without it, about 10 times slower"};
}

/// The kernels that the appliance, the acceleration test and direct boots can use.
Check kernel(DoctorContext&) {
    std::vector<std::string> readable;
    std::vector<std::string> unreadable;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator("/boot", code)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("vmlinuz-")) {
            (::access(entry.path().c_str(), R_OK) == 0 ? readable : unreadable)
                .push_back(entry.path().string());
        }
    }
    if (!readable.empty()) {
        return {.ok = true, .detail = readable.front() + " can be read", .required = true};
    }
    if (!unreadable.empty()) {
        // Ubuntu ships kernels 0600 (Launchpad 759725), which stops the appliance for ordinary users.
        return {
            .detail = unreadable.front() + " cannot be read by this user, so the appliance cannot start",
            .command = fmt::format("dpkg-statoverride --update --add root root 0644 {}", unreadable.front()),
            .required = true};
    }
    return {.detail = "no kernel in /boot, so the appliance cannot start",
            .command = "apt-get install -y linux-image-amd64",
            .required = true};
}

Check appliance(DoctorContext& context) {
    const virt::Acceleration speed =
        virt::acceleration(context.processes, context.places.cache(), context.settings.acceleration);
    guest::keep_memory_images_in(guest::memory_image_folder_in(context.places.cache()));
    const TempDir folder("imgforge-doctor");
    const fs::path disk = folder / "empty.raw";
    write_file_atomically(disk, std::string(1U << 20U, '\0'), 0600);
    guest::Appliance guest(
        {.drives = {{.file = disk, .format = "raw", .read_only = true}},
         .accelerator =
             speed.accelerator == virt::Accelerator::kvm ? guest::Accelerator::kvm : guest::Accelerator::tcg},
        context.monitor);
    std::vector<std::string> missing;
    for (const char* feature : {"xfs", "btrfs", "lvm2", "zerofree", "fstrim", "luks"}) {
        char* const wanted[] = {const_cast<char*>(feature), nullptr};
        if (guest.call("features", [&](guestfs_h* g) { return guestfs_feature_available(g, wanted); }) == 0) {
            missing.emplace_back(feature);
        }
    }
    const std::string launched = fmt::format("appliance up in {:.1f} s ({})", guest.launch_seconds(),
                                             guest.from_image() ? "from its memory image" : "booted");
    guest.finish();
    if (!missing.empty()) {
        return {.detail = fmt::format("{}, but without {}", launched, fmt::join(missing, ", ")),
                .command = "apt-get install -y libguestfs-xfs btrfs-progs lvm2 zerofree cryptsetup-bin",
                .required = true};
    }
    return {.ok = true, .detail = launched, .required = true};
}

Check system_connection(DoctorContext&) {
    try {
        const virt::Connection connection =
            virt::Connection::open("qemu:///system", {}, std::chrono::seconds(5));
        return {
            .ok = true,
            .detail = fmt::format("qemu:///system answers, libvirt {}", connection.host().libvirt_version)};
    } catch (const Error& error) {
        return {.detail = fmt::format("qemu:///system does not answer; machines run on the embedded driver "
                                      "with user networking ({})",
                                      error.message()),
                .command = system_daemon_command};
    }
}

/// libvirtd opens /dev/kvm as root and finds KVM; the QEMU it starts to ask for details cannot, so its answer
/// never fits and is asked for anew at every call (some seconds each).
Check system_kvm(DoctorContext&) {
    struct stat device = {};
    if (::stat("/dev/kvm", &device) != 0) {
        return {.ok = true, .detail = "no /dev/kvm, so nobody has to open it"};
    }
    std::error_code code;
    const bool readable =
        ::access("/etc/libvirt/qemu.conf", R_OK) == 0 && fs::is_regular_file("/etc/libvirt/qemu.conf", code);
    const std::string name = qemu_user(readable ? read_file("/etc/libvirt/qemu.conf") : std::string());
    const std::optional<HostUser> user = host_user(name);
    if (!user) {
        return {.ok = true,
                .detail = fmt::format("no user {}: libvirt's system daemon is not installed", name)};
    }
    if (may_read_and_write(device, *user)) {
        return {.ok = true,
                .detail =
                    fmt::format("the user {}, which runs QEMU for qemu:///system, can open /dev/kvm", name)};
    }
    const struct group* const owner = ::getgrgid(device.st_gid);
    const bool by_group = owner != nullptr && device.st_gid != 0 &&
                          (device.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP);
    return {.detail =
                fmt::format("the user {}, which runs QEMU for qemu:///system, cannot open /dev/kvm: machines "
                            "there have no KVM, and every libvirt call probes QEMU again",
                            name),
            .command = by_group ? fmt::format("usermod --append --groups {} {} && systemctl restart libvirtd",
                                              owner->gr_name, name)
                                : "chgrp kvm /dev/kvm && chmod 0660 /dev/kvm && systemctl restart libvirtd"};
}

Check embedded_driver(DoctorContext&) {
    const TempDir root("imgforge-doctor");
    const virt::Connection connection = virt::Connection::open(virt::embedded_uri(root.path()));
    return {.ok = true,
            .detail = fmt::format("qemu:///embed works without a daemon, QEMU {}",
                                  connection.host().hypervisor_version),
            .required = true};
}

Check space(DoctorContext& context) {
    const ByteSize free = ByteSize::bytes(free_space(context.places.home));
    constexpr ByteSize wanted = ByteSize::gib(10);
    const bool enough = free >= wanted;
    return {.ok = enough,
            .detail = fmt::format("{} free for {}", free.text(), context.places.home.string()),
            .fix = enough ? ""
                          : "imgforge images gc; imgforge cleanup; or set IMGFORGE_HOME to a directory with "
                            "10 GiB free",
            .required = true};
}

Check permissions(DoctorContext& context) {
    context.places.create();
    write_file_atomically(context.places.cache() / ".doctor", "");
    fs::remove(context.places.cache() / ".doctor");
    return {.ok = true, .detail = context.places.home.string() + " can be written", .required = true};
}

/// First line that a program says of its version.
std::string version_of(ProcessRunner& processes, const std::string& program) {
    const ProcessResult result =
        processes.run({.program = program, .args = {"--version"}, .timeout = std::chrono::seconds(20)});
    const std::string& text = result.out.empty() ? result.err : result.out;
    return result.ok() ? text.substr(0, text.find('\n')) : std::string();
}

Check programs(DoctorContext& context) {
    std::vector<std::string> missing;
    std::string fixes;
    // program -> package
    for (const auto& [program, package] :
         std::vector<std::pair<std::string, std::string>>{{"qemu-system-x86_64", "qemu-system-x86"},
                                                          {"qemu-img", "qemu-utils"},
                                                          {"xorriso", "xorriso"},
                                                          {"gpgv", "gpgv"},
                                                          {"ssh", "openssh-client"}}) {
        if (!find_program(program)) {
            missing.push_back(program);
            fixes += " " + package;
        }
    }
    if (!missing.empty()) {
        return {.detail = fmt::format("not found: {}", fmt::join(missing, ", ")),
                .command = "apt-get install -y" + fixes,
                .required = true};
    }
    return {.ok = true,
            .detail = fmt::format("{}; {}", version_of(context.processes, "qemu-system-x86_64"),
                                  version_of(context.processes, "xorriso")),
            .required = true};
}

Check firmware(DoctorContext&) {
    std::error_code code;
    const bool found = fs::exists("/usr/share/qemu/firmware", code) && fs::exists("/usr/share/OVMF", code);
    return {.ok = found,
            .detail = found ? "OVMF is installed: machines can use UEFI"
                            : "OVMF is not installed: only BIOS firmware",
            .command = found ? "" : "apt-get install -y ovmf"};
}

Check memory(DoctorContext&) {
    const std::uint64_t page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const ByteSize total = ByteSize::bytes(static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page);
    const bool enough = total >= ByteSize::mib(3500);
    return {
        .ok = enough,
        .detail = fmt::format("{} of memory, {} cores", total.text(), ::sysconf(_SC_NPROCESSORS_ONLN)),
        .fix = enough
                   ? ""
                   : "an install wants 1.5 GiB for the guest and the appliance 1.3 GiB: add memory or swap"};
}

}  // namespace

std::vector<CheckType> all_checks() {
    return {
        {"programs", false, programs, "",
         "apt-get install -y qemu-system-x86 qemu-utils xorriso gpgv openssh-client"},
        {"kernel", false, kernel, "", "apt-get install -y linux-image-amd64"},
        {"acceleration", true, acceleration, "", "apt-get install -y qemu-system-x86 linux-image-amd64"},
        {"appliance", true, appliance, "libguestfs-test-tool (says at its end what is missing)"},
        {"embedded-driver", false, embedded_driver, "",
         "apt-get install -y libvirt0 libvirt-daemon qemu-system-x86"},
        {"libvirt-system", false, system_connection, "", system_daemon_command},
        {"libvirt-kvm", false, system_kvm, "", system_daemon_command},
        {"network", false, networks, "", start_network},
        {"firmware", false, firmware, "", "apt-get install -y ovmf"},
        {"memory", false, memory, "add memory or swap"},
        {"permissions", false, permissions, "set IMGFORGE_HOME to a directory this user may write to"},
        {"space", false, space,
         "imgforge images gc; imgforge cleanup; or set IMGFORGE_HOME to a directory with 10 GiB free"},
    };
}

}  // namespace imgforge::doctor
