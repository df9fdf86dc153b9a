// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/network_script.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pipelines/lifecycle/warm/identity_script.hpp"

namespace imgforge::lifecycle {
namespace {

/// A card is ready when udev has given it its name; guests without udev have no /run/udev.
constexpr std::string_view find_card = R"sh(card_of() {
    for directory in /sys/class/net/*; do
        read -r address 2>/dev/null <"$directory/address" || continue
        if [ "$address" = "$1" ]; then
            read -r index <"$directory/ifindex"
            if [ -d /run/udev/data ] && [ ! -e "/run/udev/data/n$index" ]; then return 1; fi
            card=${directory##*/}
            return 0
        fi
    done
    return 1
}
wait_for_card() {
    tries=0
    until card_of "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || {
            echo "the card $1 did not appear: does the guest have PCI hot-plug?" >&2
            exit 6
        }
        sleep 0.05
    done
}
)sh";

constexpr std::string_view bring_up_function = R"sh(bring_up() {
    wait_for_card "$1"
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

/// QEMU's own network is the same for every machine (net/slirp.c: 10.0.2.0/24, the guest .15, the router .2,
/// a name server .3).
constexpr std::string_view user_network = R"sh(set_user_address() {
    wait_for_card "${2:-$1}"
    # QEMU's network has learned the template's MAC as soon as its guest sent anything, and sends there until
    # it hears of another one.
    if [ -e "/proc/sys/net/ipv4/conf/$card/arp_notify" ]; then
        echo 1 >"/proc/sys/net/ipv4/conf/$card/arp_notify"
    fi
    ip -batch - 2>/dev/null <<IMGFORGE-END-OF-FILE || return 1
link set dev $card address $1 up
address replace 10.0.2.15/24 broadcast 10.0.2.255 dev $card
route replace default via 10.0.2.2 dev $card
IMGFORGE-END-OF-FILE
    if [ ! -L /etc/resolv.conf ]; then echo nameserver 10.0.2.3 >/etc/resolv.conf; fi
}
)sh";

/// With the identity in place, cloud-init does what it does at every first boot, with the seed, and whoever
/// cached the old identity is notified. The processor is left to those who log in: only what users asked for
/// (the final modules) runs above idle priority.
constexpr std::string_view first_boot = R"sh(idle=
if command -v chrt >/dev/null && chrt -i 0 true 2>/dev/null; then idle='chrt -i 0'; fi
systemctl try-restart systemd-journald
journalctl --flush
if [ -n "$hand_over" ] && [ -L /etc/resolv.conf ] && card_of "$hand_over"; then
    resolvectl dns "$card" 10.0.2.3
fi
{ $idle nice -n 19 cloud-init init --local; $idle nice -n 19 cloud-init init
  $idle nice -n 19 cloud-init modules --mode=config
  nice -n 10 cloud-init modules --mode=final; } >/dev/console 2>&1
if [ -n "$hand_over" ]; then bring_up "$hand_over"; fi
systemctl daemon-reexec
systemctl try-restart rsyslog chrony chronyd systemd-timesyncd systemd-resolved
read -r id </etc/machine-id
for folder in /var/log/journal/*; do [ "$folder" = "/var/log/journal/$id" ] || rm -rf "$folder"; done
rm -f /run/imgforge-first-boot
)sh";

/// The DHCP client it starts lives in its unit, which therefore stays.
/// Even to ask the service manager for it costs what the first login needs: it waits until the processor has
/// nothing to do, some seconds later.
constexpr std::string_view background_part = R"sh(later='sleep 3
if command -v systemd-run >/dev/null; then
    systemd-run -q --no-block --unit=imgforge-first-boot --property=Type=oneshot \
        --property=RemainAfterExit=yes /bin/sh /run/imgforge-first-boot
else
    /bin/sh /run/imgforge-first-boot
fi'
idle=
if command -v chrt >/dev/null; then idle='chrt -i 0'; fi
{ $idle nohup /bin/sh -c "$later" || nohup /bin/sh -c "$later"; } >/dev/null 2>&1 </dev/null &
)sh";

std::string functions() {
    std::string script = "set -eu\numask 022\n";
    script += find_card;
    script += bring_up_function;
    script += user_network;
    return script + "hand_over=\n";
}

/// What the background needs of this script goes with it.
std::string background() {
    std::string script = "{ printf 'hand_over=%s\\n' \"$hand_over\"\ncat <<'IMGFORGE-END-OF-FILE'\n";
    script += find_card;
    script += bring_up_function;
    script += first_boot;
    script += "IMGFORGE-END-OF-FILE\n} >/run/imgforge-first-boot\n";
    script += background_part;
    return script;
}

}  // namespace

std::string network_script_of_whole(const std::string& mac) {
    return functions() +
           fmt::format("if set_user_address {0} {1}; then hand_over={0}; else bring_up {1}; fi\n",
                       plain_word(mac), template_mac) +
           background();
}

std::string network_script(const std::vector<PluggedCard>& cards) {
    std::string script = functions();
    const auto known =
        std::find_if(cards.begin(), cards.end(), [](const auto& card) { return card.user_network; });
    for (auto card = cards.begin(); card != cards.end(); ++card) {
        const std::string& mac = plain_word(card->mac);
        script +=
            card == known
                ? fmt::format("if set_user_address {0}; then hand_over={0}; else bring_up {0}; fi\n", mac)
                : fmt::format("bring_up {}\n", mac);
    }
    return script + background();
}

}  // namespace imgforge::lifecycle
