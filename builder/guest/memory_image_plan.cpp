// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/memory_image_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "builder/base/text.hpp"
#include "builder/guest/memory_image.hpp"

namespace imgforge::guest {

namespace {

/// Bus address of our root disk: behind all that libguestfs numbers from 0, so that it is the same with any
/// number of disks before it.
constexpr int root_target = 100;

/// Runs in /init's bash. Functions and variables begin with imgforge_ where they could be seen.
constexpr std::string_view prepare_text = R"sh(imgforge_fail() {
    echo "failed $*" >/dev/virtio-ports/org.imgforge.wake
}
imgforge_prepare() {
    local disks root host slot names letter real target
    disks=(/sys/class/scsi_device/*:0:@TARGET@:0/device/block/sd*)
    [ -d "${disks[0]}" ] || { imgforge_fail "the root disk is not where it was put"; return; }
    root=${disks[0]##*/}
    host=${disks[0]#/sys/class/scsi_device/}
    host=${host%%:*}
    [ -e /sys/bus/acpi/drivers/vmgenid/QEMUVGID:00 ] || { imgforge_fail "no vmgenid driver"; return; }
    slot=(/dev/disk/by-path/*-scsi-0:0:0:0)
    slot=${slot[0]%:0:0}
    [ -L "$slot:0:0" ] || { imgforge_fail "no /dev/disk/by-path of the usual form"; return; }
    real=$(type -P udevadm)
    if [ "$real" = /sbin/udevadm ]; then
        mkdir /run/imgforge
        mv "$real" /run/imgforge/udevadm
        real=/run/imgforge/udevadm
    fi
    for target in 0 1; do
        echo 1 >"/sys/class/scsi_device/$host:0:$target:0/device/delete"
    done
    "$real" settle --timeout=600
    names=()
    for letter in a b c d e f g h i; do
        if [ "sd$letter" != "$root" ] && [ ${#names[@]} -lt @SLOTS@ ]; then
            : >"/dev/sd$letter"
            ln -s "../../sd$letter" "$slot:${#names[@]}:0"
            names+=("sd$letter")
        fi
    done
    {
        echo "#!/bin/bash"
        echo "host=$host slot=$slot real=$real names=(${names[*]})"
        echo "$imgforge_wake"
    } >/sbin/udevadm
    chmod 755 /sbin/udevadm
}
)sh";

/// Stands in for udevadm until guestfsd waits for udev for the last time before it is ready.
constexpr std::string_view wake_text = R"sh(
case "$*" in *exists*|*-E*) exec "$real" "$@" ;; esac
rm -f /sbin/udevadm
if [ "$real" = /run/imgforge/udevadm ]; then mv "$real" /sbin/udevadm; real=/sbin/udevadm; fi
for name in "${names[@]}"; do rm -f "/dev/$name"; done
for ((d = 0; d < ${#names[@]}; d++)); do rm -f "$slot:$d:0"; done
exec 3<>/dev/virtio-ports/org.imgforge.wake
sync
echo ready >&3
until read -r seconds disks noise <&3; do sleep 0.1; done
printf %s "$noise" >/dev/urandom
echo "${noise:0:32}" >/etc/machine-id
date -s "@$seconds" >/dev/null || { echo "failed to set the clock" >&3; exit 1; }
for ((d = 0; d < disks; d++)); do
    echo "0 $d 0" >"/sys/class/scsi_host/host$host/scan"
    for ((n = 0; n < 1500; n++)); do
        if [ -b "/dev/${names[d]}" ]; then break; fi
        read -r -t 0.02 -u 3
    done
done
"$real" settle --timeout=600
for ((d = 0; d < disks; d++)); do
    [ "$slot:$d:0" -ef "/dev/${names[d]}" ] || { echo "failed: disk $d is not ${names[d]}" >&3; exit 1; }
    echo 300 >"/sys/class/scsi_device/$host:0:$d:0/device/timeout"
done
md= lvm= ldm=
for file in /run/udev/data/b*; do
    while read -r line; do
        case "$line" in
            E:ID_FS_TYPE=*_raid_member) md=1 lvm=1 ;;
            E:ID_FS_TYPE=LVM2_member) lvm=1 ;;
            E:ID_FS_AMBIVALENT=*) md=1 lvm=1 ldm=1 ;;
            E:ID_PART_ENTRY_TYPE=0x42) ldm=1 ;;
            E:ID_PART_ENTRY_TYPE=5808c8aa-*|E:ID_PART_ENTRY_TYPE=af9b60a0-*) ldm=1 ;;
        esac
    done <"$file"
done
if [ "$md" ]; then mdadm -As --auto=yes --no-degraded 3>&-; fi
if [ "$lvm" ]; then lvm pvscan --cache --activate ay 3>&-; fi
if [ "$md" ]; then mdadm -As --auto=yes --run 3>&-; fi
if [ "$ldm" ]; then ldmtool create all 3>&-; fi
for ((n = 0; n < 100; n++)); do
    case "$(dmesg)" in
        *"crng reseeded due to virtual machine fork"*) echo ok >&3; exit 0 ;;
    esac
    read -r -t 0.1 -u 3
done
echo "failed to renew the random numbers" >&3
exit 1
)sh";

static_assert(wake_text.find('\'') == std::string_view::npos, "it stands between single quotes");

/// A value inside QEMU's comma-separated options.
std::string quoted(const std::filesystem::path& path) {
    std::string text = path.string();
    replace_all(text, ",", ",,");
    return text;
}

QemuParameters common(const MemoryImagePaths& paths, bool making) {
    const char* const share = making ? "on" : "off";
    const char* const throw_away = making ? "off" : "on";
    return {
        {"-object", fmt::format("memory-backend-file,id=imgforge-memory,mem-path={},share={},size={}M",
                                quoted(paths.memory), share, paths.memory_mib)},
        {"-machine", "memory-backend=imgforge-memory"},
        {"-qmp", fmt::format("unix:{}", quoted(paths.sockets / "monitor.sock"))},
        {"-chardev", fmt::format("socket,id=imgforge-wake,path={}", quoted(paths.sockets / "wake.sock"))},
        {"-device", "virtserialport,chardev=imgforge-wake,name=org.imgforge.wake"},
        // A new one at every start: the guest's kernel then renews its random numbers.
        {"-device", "vmgenid,guid=auto,id=imgforge-generation"},
        {"-drive", fmt::format("file={},format=qcow2,if=none,id=imgforge-root,cache=unsafe,snapshot={}",
                               quoted(paths.root), throw_away)},
        {"-device", fmt::format("scsi-hd,drive=imgforge-root,scsi-id={}", root_target)},
        // Where libguestfs puts its own root disk depends on the number of disks: nothing is there.
        {"-set", fmt::format("drive.appliance.file={}", paths.plug.string())},
    };
}

/// True for a parameter that libguestfs did not give, or gives anew for every start.
bool differs(const std::string& name, const std::string& value) {
    static const std::set<std::string> always{"-set", "-qmp", "-incoming"};
    if (always.contains(name) || value.find("imgforge-") != std::string::npos) {
        return true;
    }
    if (name == "-drive") {
        return value.find(",id=appliance") == std::string::npos;
    }
    if (name == "-device") {
        return value.starts_with("scsi-hd,drive=hd") || value.starts_with("vmgenid,");
    }
    return name == "-chardev" && value.find("guestfsd.sock") != std::string::npos;
}

/// Kernel parameters that do not matter once the kernel runs, or differ by the caller's terminal.
std::string lasting_parameters(const std::string& append) {
    std::string kept;
    std::size_t begin = 0;
    while (begin < append.size()) {
        const std::size_t end = std::min(append.find(' ', begin), append.size());
        const std::string word = append.substr(begin, end - begin);
        if (!word.empty() && !word.starts_with("TERM=") && !word.starts_with("lpj=") &&
            !word.starts_with("guestfs_channel=")) {
            kept += (kept.empty() ? "" : " ") + word;
        }
        begin = end + 1;
    }
    return kept;
}

}  // namespace

std::string prepare_disk() {
    std::string text(prepare_text);
    replace_all(text, "@TARGET@", std::to_string(root_target));
    replace_all(text, "@SLOTS@", std::to_string(memory_image_slots));
    text += fmt::format("imgforge_wake='{}'\nimgforge_prepare\n", wake_text);
    constexpr std::size_t block = 4096;
    text.resize((text.size() + block - 1) / block * block, '\n');
    return text;
}

std::string wake_line(double seconds, std::size_t disks, std::string_view noise) {
    return fmt::format("{:.3f} {} {}\n", seconds, disks, noise);
}

QemuParameters parameters_for_making(const MemoryImagePaths& paths) {
    return common(paths, true);
}

QemuParameters parameters_for_restoring(const MemoryImagePaths& paths) {
    QemuParameters parameters = common(paths, false);
    parameters.emplace_back("-incoming", "defer");
    return parameters;
}

std::vector<std::string> lasting_command(const std::vector<std::string>& command) {
    std::vector<std::string> kept;
    for (std::size_t at = 0; at < command.size(); ++at) {
        const bool pair = at > 0 && command[at].starts_with('-') && at + 1 < command.size() &&
                          !command[at + 1].starts_with('-');
        if (!pair) {
            kept.push_back(command[at]);
            continue;
        }
        const std::string& name = command[at];
        const std::string& value = command[++at];
        if (!differs(name, value)) {
            kept.push_back(name);
            kept.push_back(name == "-append" ? lasting_parameters(value) : value);
        }
    }
    return kept;
}

std::vector<std::filesystem::path> lasting_files(const std::vector<std::string>& command,
                                                 const std::filesystem::path& root) {
    std::vector<std::filesystem::path> files{root};
    for (std::size_t at = 0; at < command.size(); ++at) {
        if (at == 0) {
            files.emplace_back(command[at]);
        } else if (command[at - 1] == "-kernel" || command[at - 1] == "-initrd") {
            files.emplace_back(command[at]);
        }
    }
    return files;
}

}  // namespace imgforge::guest
