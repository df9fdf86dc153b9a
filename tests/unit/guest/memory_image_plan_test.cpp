// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/memory_image_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "builder/base/process.hpp"
#include "builder/guest/memory_image.hpp"

namespace imgforge::guest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

/// As libguestfs 1.48.6 of Debian 12 starts it (recorded), with one disk of a guest.
std::vector<std::string> recorded(const std::string& socket_folder, const std::string& terminal) {
    return {
        "/usr/bin/qemu-system-x86_64",
        "-global",
        "virtio-blk-pci.scsi=off",
        "-no-user-config",
        "-nodefaults",
        "-display",
        "none",
        "-machine",
        "accel=tcg",
        "-cpu",
        "max,la57=off",
        "-m",
        "1280",
        "-no-reboot",
        "-rtc",
        "driftfix=slew",
        "-no-hpet",
        "-global",
        "kvm-pit.lost_tick_policy=discard",
        "-kernel",
        "/var/tmp/.guestfs-0/appliance.d/kernel",
        "-initrd",
        "/var/tmp/.guestfs-0/appliance.d/initrd",
        "-object",
        "rng-random,filename=/dev/urandom,id=rng0",
        "-device",
        "virtio-rng-pci,rng=rng0",
        "-device",
        "virtio-scsi-pci,id=scsi",
        "-drive",
        "file=/tmp/d.qcow2,cache=unsafe,discard=unmap,format=qcow2,id=hd0,if=none",
        "-device",
        "scsi-hd,drive=hd0,serial=diska",
        "-drive",
        "file=/var/tmp/.guestfs-0/appliance.d/root,snapshot=on,id=appliance,cache=unsafe,if=none,format=raw",
        "-device",
        "scsi-hd,drive=appliance",
        "-device",
        "virtio-serial-pci",
        "-serial",
        "stdio",
        "-chardev",
        "socket,path=" + socket_folder + "/guestfsd.sock,id=channel0",
        "-device",
        "virtserialport,chardev=channel0,name=org.libguestfs.channel.0",
        "-append",
        "panic=1 console=ttyS0 root=UUID=f9 selinux=0 quiet TERM=" + terminal};
}

const MemoryImagePaths paths{.memory = "/c/memory",
                             .root = "/c/with,comma/root.qcow2",
                             .plug = "/c/plug.raw",
                             .sockets = "/tmp/s",
                             .memory_mib = 1280};

std::vector<std::string> with(std::vector<std::string> command, const QemuParameters& parameters) {
    for (const auto& [name, value] : parameters) {
        command.push_back(name);
        command.push_back(value);
    }
    return command;
}

TEST(LastingCommand, making_and_restoring_are_the_same_machine) {
    auto made = with(recorded("/tmp/libguestfsA", "xterm"), parameters_for_making(paths));
    std::replace(made.begin(), made.end(), recorded("", "xterm").back(),
                 recorded("", "xterm").back() + " " + std::string(plug_parameter));
    auto restored = recorded("/tmp/libguestfsB", "dumb");
    const auto disk = std::find(restored.begin(), restored.end(), "scsi-hd,drive=hd0,serial=diska") + 1;
    const std::vector<std::string> second{"-drive", "file=/tmp/e.raw,snapshot=on,id=hd1,if=none", "-device",
                                          "scsi-hd,drive=hd1,serial=diskb,physical_block_size=4096"};
    restored.insert(disk, second.begin(), second.end());
    EXPECT_EQ(lasting_command(made), lasting_command(with(restored, parameters_for_restoring(paths))));
}

TEST(LastingCommand, every_other_difference_is_seen) {
    const auto plain = lasting_command(recorded("/tmp/a", "xterm"));
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"accel=tcg", "accel=kvm"},
             {"max,la57=off", "qemu64"},
             {"1280", "2048"},
             {"/usr/bin/qemu-system-x86_64", "/opt/qemu"},
             {"virtio-scsi-pci,id=scsi", "virtio-scsi-pci,id=scsi,disable-modern=on"},
             {"/var/tmp/.guestfs-0/appliance.d/kernel", "/boot/vmlinuz"}}) {
        auto other = recorded("/tmp/a", "xterm");
        std::replace(other.begin(), other.end(), from, to);
        EXPECT_NE(lasting_command(other), plain) << from;
    }
    auto smp = recorded("/tmp/a", "xterm");
    smp.insert(smp.end(), {"-smp", "2"});
    EXPECT_NE(lasting_command(smp), plain);
    auto other_root = recorded("/tmp/a", "xterm");
    other_root.back() = "panic=1 console=ttyS0 root=UUID=f8 selinux=0 quiet TERM=xterm";
    EXPECT_NE(lasting_command(other_root), plain);
}

TEST(LastingFiles, are_qemu_kernel_initrd_and_root) {
    EXPECT_THAT(
        lasting_files(lasting_command(recorded("/tmp/a", "xterm")), "/root-disk"),
        ElementsAre("/root-disk", "/usr/bin/qemu-system-x86_64", "/var/tmp/.guestfs-0/appliance.d/kernel",
                    "/var/tmp/.guestfs-0/appliance.d/initrd"));
}

TEST(Parameters, memory_is_shared_when_made_and_private_when_restored) {
    EXPECT_THAT(parameters_for_making(paths),
                Contains(Pair("-object", HasSubstr("mem-path=/c/memory,share=on,size=1280M"))));
    EXPECT_THAT(parameters_for_restoring(paths),
                Contains(Pair("-object", HasSubstr("mem-path=/c/memory,share=off,size=1280M"))));
    EXPECT_THAT(parameters_for_restoring(paths), Contains(Pair("-incoming", "defer")));
}

TEST(Parameters, a_restored_machine_never_writes_to_the_root_disk_of_the_image) {
    EXPECT_THAT(parameters_for_making(paths), Contains(Pair("-drive", HasSubstr("snapshot=off"))));
    EXPECT_THAT(parameters_for_restoring(paths),
                Contains(Pair("-drive", HasSubstr("file=/c/with,,comma/root.qcow2,format=qcow2"))));
    EXPECT_THAT(parameters_for_restoring(paths), Contains(Pair("-drive", HasSubstr("snapshot=on"))));
}

TEST(Parameters, every_start_has_a_generation_of_its_own) {
    for (const auto& parameters : {parameters_for_making(paths), parameters_for_restoring(paths)}) {
        EXPECT_THAT(parameters, Contains(Pair("-device", HasSubstr("vmgenid,guid=auto"))));
    }
}

TEST(PrepareDisk, is_whole_blocks_of_valid_shell) {
    const std::string disk = prepare_disk();
    EXPECT_EQ(disk.size() % 4096, 0U);
    EXPECT_THAT(disk, Not(HasSubstr("@TARGET@")));
    EXPECT_THAT(disk, Not(HasSubstr("@SLOTS@")));
    EXPECT_EQ(disk.find('\0'), std::string::npos);
    SystemProcessRunner processes;
    EXPECT_TRUE(processes.run({.program = "bash", .args = {"-n"}, .stdin_text = disk}).ok());
    const std::size_t begin = disk.find("imgforge_wake='") + std::string("imgforge_wake='").size();
    const std::string wake = disk.substr(begin, disk.rfind("'\nimgforge_prepare") - begin);
    EXPECT_TRUE(processes.run({.program = "bash", .args = {"-n"}, .stdin_text = wake}).ok());
}

TEST(WakeLine, is_what_the_shell_reads) {
    EXPECT_EQ(wake_line(1790000000.5, 2, "0a1b"), "1790000000.500 2 0a1b\n");
}

}  // namespace
}  // namespace imgforge::guest
