// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/identity_script.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

constexpr std::string_view mark = "IMGFORGE-END-OF-FILE";

/// A here-document: the quoted mark keeps the shell out of it.
std::string file(std::string_view path, std::string_view mode, std::string content) {
    if (content.find(mark) != std::string::npos) {
        throw Error(Failure::usage, fmt::format("the content of {} holds the line {}", path, mark));
    }
    if (content.empty() || content.back() != '\n') {
        content += '\n';
    }
    return fmt::format("cat >{0} <<'{1}'\n{2}{1}\nchmod {3} {0}\n", path, mark, content, mode);
}

/// Words that go into the script unquoted: names of hosts and users, hex digits.
const std::string& plain(const std::string& word) {
    const bool good = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
    });
    if (!good || word.front() == '-') {
        throw Error(Failure::usage, fmt::format("'{}' cannot be given to a guest as a name", word));
    }
    return word;
}

/// What services and cloud-init remember of the machine they ran on. Not what sysprep takes from images: this
/// came with the template's boot.
constexpr std::string_view forget =
    R"sh(rm -rf /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
rm -rf /run/cloud-init/result.json /run/cloud-init/status.json \
    /run/cloud-init/instance-data.json /run/cloud-init/instance-data-sensitive.json
rm -rf /run/cloud-init/.instance-id /run/cloud-init/sem
rm -f /var/log/cloud-init.log /var/log/cloud-init-output.log
rm -f /var/lib/dhcp/* /var/lib/dhcpcd/duid /var/lib/dhcpcd/secret /var/lib/dhcpcd/*.lease \
    /var/lib/NetworkManager/secret_key /var/lib/NetworkManager/*.lease
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /etc/iscsi/initiatorname.iscsi
rm -rf /run/systemd/netif/leases/*
)sh";

/// Kernels from 5.18 on take the new vmgenid as a reason to start their generator anew, and say so; others
/// are notified by ioctl.
constexpr std::string_view reseed = R"sh(printf %s "$entropy" | base64 -d >/dev/urandom
if ! dmesg 2>/dev/null | grep -q 'crng reseeded due to virtual machine fork'; then
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

/// sshd has no host key in the template, so it may have failed there; a socket-activated one is started by
/// its socket.
constexpr std::string_view start_sshd = R"sh(if command -v systemctl >/dev/null; then
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

/// With the identity in place, whoever cached the old one is notified, and cloud-init does what it does at
/// every first boot, with the seed.
constexpr std::string_view background = R"sh(cat >/run/imgforge-first-boot <<'IMGFORGE-END-OF-FILE'
systemctl daemon-reexec
systemctl try-restart systemd-journald rsyslog chrony chronyd systemd-timesyncd systemd-resolved
journalctl --flush
id=$(cat /etc/machine-id)
for folder in /var/log/journal/*; do [ "$folder" = "/var/log/journal/$id" ] || rm -rf "$folder"; done
{ cloud-init init --local; cloud-init init; cloud-init modules --mode=config
  cloud-init modules --mode=final; } >/dev/console 2>&1
rm -f /run/imgforge-first-boot
IMGFORGE-END-OF-FILE
if command -v systemd-run >/dev/null; then
    systemd-run -q --no-block --unit=imgforge-first-boot --property=Type=oneshot \
        /bin/sh /run/imgforge-first-boot
else
    nohup /bin/sh /run/imgforge-first-boot >/dev/null 2>&1 </dev/null &
fi
)sh";

// clang-format off
constexpr std::string_view bring_up = R"sh(card_of() {
    for card in /sys/class/net/*; do
        [ "$(cat "$card/address" 2>/dev/null)" = "$1" ] && basename "$card" && return
    done
    return 1
}
bring_up() {
    tries=0
    until card_of "$1" >/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || {
            echo "the card $1 did not appear: does the guest have PCI hot-plug?" >&2
            exit 6
        }
        sleep 0.1
    done
    command -v udevadm >/dev/null && udevadm settle -t 10
    card=$(card_of "$1")
    if systemctl -q is-active NetworkManager 2>/dev/null; then
        nmcli -w 60 device connect "$card" >/dev/null
    elif systemctl -q is-active systemd-networkd 2>/dev/null; then
        mkdir -p /run/systemd/network
        printf '[Match]\nMACAddress=%s\n[Network]\nDHCP=yes\n' "$1" \
            >"/run/systemd/network/05-imgforge-$card.network"
        chmod 644 "/run/systemd/network/05-imgforge-$card.network"
        systemctl restart systemd-networkd
    elif command -v ifup >/dev/null && [ -d /etc/network ]; then
        printf 'auto %s\niface %s inet dhcp\n' "$card" "$card" >"/run/imgforge-$card.interfaces"
        ifup -i "/run/imgforge-$card.interfaces" "$card" >&2
    elif command -v dhclient >/dev/null; then
        dhclient -1 "$card" >&2
    elif command -v dhcpcd >/dev/null; then
        dhcpcd -q -w "$card" >&2
    else
        udhcpc -q -n -i "$card" >&2
    fi
}
)sh";
// clang-format on

}  // namespace

std::string identity_script(const CloneIdentity& identity, std::string_view clock) {
    std::string script = "set -eu\numask 022\n";
    // busybox's date takes no fraction.
    script += fmt::format("date -u -s @{} >/dev/null 2>&1 || date -u -s @{} >/dev/null\n", clock,
                          clock.substr(0, clock.find('.')));
    script += fmt::format("entropy={}\n", base64_encode(identity.entropy));
    script += reseed;
    script += "umount /etc/machine-id 2>/dev/null || :\nrm -f /etc/machine-id\n";
    script += file("/etc/machine-id", "444", plain(identity.machine_id));
    script +=
        "if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then cp /etc/machine-id "
        "/var/lib/dbus/machine-id; fi\n";
    script += file("/run/imgforge-boot-id", "444", plain(identity.boot_id));
    // The kernel gives its own only once; over a memory image this is all that can be done (Firecracker's
    // documentation says the same).
    script += "mount --bind /run/imgforge-boot-id /proc/sys/kernel/random/boot_id\n";
    script += file("/etc/hostname", "644", plain(identity.hostname));
    script += fmt::format("echo {0} >/proc/sys/kernel/hostname\nsed -i 's/{1}/{0}/g' /etc/hosts\n",
                          identity.hostname, template_hostname);
    script += forget;
    script += "rm -f /etc/ssh/ssh_host_*\nmkdir -p /etc/ssh\n";
    for (const auto& key : identity.host_keys) {
        const std::string path = fmt::format("/etc/ssh/ssh_host_{}_key", plain(key.type));
        // The mode before the content: the key must not be readable for a moment.
        script += fmt::format("(umask 077; : >{})\n", path) + file(path, "600", key.private_key) +
                  file(path + ".pub", "644", key.public_key);
    }
    script += fmt::format(
        "home=$(getent passwd {0} | cut -d: -f6)\n[ -n \"$home\" ] || {{ echo \"no user {0}\" >&2; "
        "exit 7; }}\n",
        plain(identity.user));
    script += "mkdir -p \"$home/.ssh\"\n";
    script += file("\"$home/.ssh/authorized_keys\"", "600",
                   fmt::format("{}\n", fmt::join(identity.ssh_keys, "\n")));
    script += fmt::format("chmod 700 \"$home/.ssh\"\nchown -R {0}: \"$home/.ssh\"\n", identity.user);
    script +=
        "if command -v restorecon >/dev/null; then restorecon -R /etc/ssh /etc/machine-id /etc/hostname "
        "\"$home/.ssh\"; fi\n";
    script += start_sshd;
    return script;
}

std::string network_script(const std::vector<std::string>& macs) {
    std::string script = "set -eu\numask 022\n";
    script += bring_up;
    for (const auto& mac : macs) {
        script += fmt::format("bring_up {}\n", plain(mac));
    }
    script += background;
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

std::string template_seal_script() {
    return std::string(
               "set -eu\nfor unit in ssh sshd; do systemctl stop $unit.service 2>/dev/null || :; done\nrm -f "
               "/etc/ssh/ssh_host_*\n") +
           std::string(forget) +
           "journalctl -q --rotate --vacuum-time=1s 2>/dev/null || :\nsync\necho 3 "
           ">/proc/sys/vm/drop_caches\n";
}

}  // namespace imgforge::lifecycle
