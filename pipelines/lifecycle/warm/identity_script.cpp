// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/identity_script.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/process.hpp"

namespace imgforge::lifecycle {
namespace {

/// Writes a file by the shell alone. `mask` decides the mode of a file that is not there; one that is keeps
/// its own.
std::string file(std::string_view path, std::string_view mask, const std::vector<std::string>& lines) {
    std::string text = fmt::format("umask {}\nprintf '%s\\n'", mask);
    for (const auto& line : lines) {
        text += ' ';
        text += shell_quote(line);
    }
    return text + fmt::format(" >{}\n", path);
}

constexpr std::string_view only_owner_reads = "077";
constexpr std::string_view nobody_writes = "333";
constexpr std::string_view all_read = "022";

/// Bytes as printf writes them: "\177".
std::string octal(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes) {
        text += fmt::format("\\{:03o}", static_cast<unsigned char>(byte));
    }
    return text;
}

/// A private key without its last line end, which printf adds.
std::string without_line_end(std::string text) {
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

/// What services and cloud-init remember of the machine they ran on. Not what sysprep takes from images: this
/// came with the template's boot.
constexpr std::string_view remembered =
    R"sh(/var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem \
    /run/cloud-init/result.json /run/cloud-init/status.json \
    /run/cloud-init/instance-data.json /run/cloud-init/instance-data-sensitive.json \
    /run/cloud-init/.instance-id /run/cloud-init/sem \
    /var/log/cloud-init.log /var/log/cloud-init-output.log \
    /var/lib/dhcp/* /var/lib/dhcpcd/duid /var/lib/dhcpcd/secret /var/lib/dhcpcd/*.lease \
    /var/lib/NetworkManager/secret_key /var/lib/NetworkManager/*.lease \
    /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /etc/iscsi/initiatorname.iscsi \
    /run/systemd/netif/leases/* /etc/ssh/ssh_host_*)sh";

/// Kernels from 5.18 on take the new vmgenid as a reason to start their generator anew, in a driver of ACPI,
/// later of the platform; others are notified by ioctl.
constexpr std::string_view reseed =
    R"sh(generation_driver=
for device in /sys/bus/acpi/drivers/vmgenid/*:* /sys/bus/platform/drivers/vmgenid/*:*; do
    if [ -e "$device" ]; then generation_driver=yes; fi
done
if [ -z "$generation_driver" ]; then
    command -v python3 >/dev/null || {
        echo "the kernel has no vmgenid driver and no python3 is there to reseed its random numbers" >&2
        exit 5
    }
    ENTROPY=$entropy python3 -c '
import base64, fcntl, os, struct
seed = base64.b64decode(os.environ["ENTROPY"])
with open("/dev/random", "wb") as pool:
    # RNDADDENTROPY
    fcntl.ioctl(pool, 0x40085203, struct.pack("ii%ds" % len(seed), 8 * len(seed), len(seed), seed))
    fcntl.ioctl(pool, 0x5207)  # RNDRESEEDCRNG
'
fi
)sh";

/// machine-id may be a mount over a file of an image without one.
constexpr std::string_view unmount_machine_id =
    R"sh(while read -r _ where _; do
    if [ "$where" = /etc/machine-id ]; then umount /etc/machine-id; fi
done </proc/mounts
)sh";

/// The home of $user, from the file where the template's user stands, else from wherever the guest keeps
/// users.
constexpr std::string_view find_home =
    R"sh(home=
while IFS=: read -r name _ _ _ _ directory _; do
    if [ "$name" = "$user" ]; then home=$directory; fi
done </etc/passwd
if [ -z "$home" ]; then home=$(getent passwd "$user" | cut -d: -f6); fi
if [ -z "$home" ]; then echo "no user $user" >&2; exit 7; fi
)sh";

/// In place of sed: /etc/hosts with the clone's name.
constexpr std::string_view rename_in_hosts =
    R"sh(hosts=
while IFS= read -r line || [ -n "$line" ]; do
    while :; do
        case $line in
            *"$template"*) line=${line%%"$template"*}$hostname${line#*"$template"} ;;
            *) break ;;
        esac
    done
    hosts="$hosts$line
"
done </etc/hosts
printf %s "$hosts" >/etc/hosts
)sh";

/// A running sshd reads its host keys again on SIGHUP, for a fraction of what a restart by the service
/// manager costs. One started by its socket reads them with the next connection.
constexpr std::string_view renew_sshd =
    R"sh(renew_sshd() {
    if [ -r /run/sshd.pid ]; then
        read -r pid </run/sshd.pid
        read -r command <"/proc/$pid/comm" || return 1
        if [ "$command" = sshd ]; then kill -HUP "$pid"; return; fi
    fi
    return 1
}
if renew_sshd 2>/dev/null; then
    :
elif command -v systemctl >/dev/null; then
    for unit in ssh.service sshd.service; do
        systemctl -q is-enabled $unit 2>/dev/null || systemctl -q is-active ssh.socket 2>/dev/null || continue
        systemctl reset-failed $unit 2>/dev/null || :
        systemctl restart $unit
        break
    done
elif command -v rc-service >/dev/null; then
    rc-service sshd restart >/dev/null
fi
)sh";

/// Its address stays, without anybody who gives it up when the clone's card gets another MAC. The clone
/// starts a client of its own.
constexpr std::string_view stop_dhcp =
    R"sh(for process in /proc/[0-9]*; do
    read -r command 2>/dev/null <"$process/comm" || continue
    case $command in dhcpcd|dhclient|udhcpc) kill -9 "${process#/proc/}" 2>/dev/null || : ;; esac
done
)sh";

/// What a clone runs until its first login is in the memory that all clones share, instead of being read from
/// the disk by each. A guest without a client for SSH does without.
constexpr std::string_view log_in_once =
    R"sh(log_in_once() {
    command -v ssh >/dev/null && command -v ssh-keygen >/dev/null || return 0
    key=/run/imgforge-once
    rm -f $key $key.pub
    ssh-keygen -q -t ed25519 -N "" -f $key
    [ -e "$home/.ssh" ] || mkdir -m 700 "$home/.ssh"
    cp $key.pub "$home/.ssh/authorized_keys"
    chmod 600 "$home/.ssh/authorized_keys"
    chown -R "$user:" "$home/.ssh"
    cache=$home/.cache
    [ ! -e "$cache" ] || cache=
    for time in 1 2; do
        ssh -F /dev/null -i $key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes \
            -o ConnectTimeout=60 -o LogLevel=ERROR "$user@127.0.0.1" true </dev/null || :
    done
    [ -z "$cache" ] || rm -rf "$cache"
    rm -f $key $key.pub "$home/.ssh/authorized_keys"
}
run_once() {
    for program in date umount mount rm chown ip chrt nohup sleep systemd-run; do
        command -v $program >/dev/null && $program --help >/dev/null 2>&1 </dev/null || :
    done
}
)sh";

std::string host_keys_of(const CloneIdentity& identity) {
    std::string script = "[ -d /etc/ssh ] || mkdir -p /etc/ssh\n";
    for (const auto& key : identity.host_keys) {
        const std::string path = fmt::format("/etc/ssh/ssh_host_{}_key", plain_word(key.type));
        script += file(path, only_owner_reads, {without_line_end(key.private_key)});
        script += file(path + ".pub", all_read, {without_line_end(key.public_key)});
    }
    return script;
}

std::string login_keys_of(const CloneIdentity& identity) {
    std::string script = "umask 077\n[ -d \"$home/.ssh\" ] || mkdir -p \"$home/.ssh\"\n";
    if (!identity.ssh_keys.empty()) {
        script += file("\"$home/.ssh/authorized_keys\"", only_owner_reads, identity.ssh_keys);
    }
    return script + "chown -R \"$user:\" \"$home/.ssh\"\n";
}

}  // namespace

const std::string& plain_word(const std::string& word) {
    const bool good = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
    });
    if (!good || word.front() == '-') {
        throw Error(Failure::usage, fmt::format("'{}' cannot be given to a guest as a name", word));
    }
    return word;
}

std::string identity_script(const CloneIdentity& identity, std::string_view clock) {
    std::string script = fmt::format("set -eu\numask 022\nuser={}\nhostname={}\ntemplate={}\nentropy={}\n",
                                     plain_word(identity.user), plain_word(identity.hostname),
                                     template_hostname, base64_encode(identity.entropy));
    // busybox's date takes no fraction.
    script += fmt::format("date -u -s @{} >/dev/null 2>&1 || date -u -s @{} >/dev/null\n", clock,
                          clock.substr(0, clock.find('.')));
    script += fmt::format("printf '{}' >/dev/urandom\n", octal(identity.entropy));
    script += reseed;
    script += find_home;
    script += unmount_machine_id;
    script += fmt::format("rm -rf /etc/machine-id \"$home/.ssh/authorized_keys\" {}\n", remembered);
    script += file("/etc/machine-id", nobody_writes, {plain_word(identity.machine_id)});
    script += "if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then\n" +
              file("/var/lib/dbus/machine-id", all_read, {identity.machine_id}) + "fi\n";
    // The kernel gives its own only once; over a memory image this is all that can be done (Firecracker's
    // documentation says the same).
    script += file("/run/imgforge-boot-id", nobody_writes, {plain_word(identity.boot_id)});
    script += "mount --bind /run/imgforge-boot-id /proc/sys/kernel/random/boot_id\n";
    script += file("/etc/hostname", all_read, {identity.hostname});
    script += "printf '%s\\n' \"$hostname\" >/proc/sys/kernel/hostname\n";
    script += rename_in_hosts;
    script += host_keys_of(identity);
    script += login_keys_of(identity);
    script +=
        "umask 022\nif [ -e /sys/fs/selinux/enforce ]; then\n"
        "    restorecon -R /etc/ssh /etc/machine-id /etc/hostname \"$home/.ssh\"\nfi\n";
    script += renew_sshd;
    return script;
}

std::string template_ready_script() {
    return R"sh(command -v cloud-init >/dev/null || exit 4
[ -e /var/lib/cloud/instance/boot-finished ] || exit 3
command -v systemctl >/dev/null || exit 0
case $(systemctl is-system-running) in running|degraded) exit 0 ;; esac
exit 3
)sh";
}

std::string template_seal_script(const std::string& user) {
    std::string script = fmt::format("set -eu\numask 022\nuser={}\n", plain_word(user));
    script += "sync\necho 3 >/proc/sys/vm/drop_caches\n";
    script += find_home;
    script += log_in_once;
    script += "log_in_once || :\nrun_once\n";
    script += stop_dhcp;
    script += fmt::format("rm -rf {}\n", remembered);
    script +=
        "for log in /var/log/wtmp /var/log/btmp /var/log/lastlog; do if [ -f $log ]; then : >$log; fi; done\n"
        "journalctl -q --rotate --vacuum-time=1s 2>/dev/null || :\nsync\n";
    return script;
}

}  // namespace imgforge::lifecycle
