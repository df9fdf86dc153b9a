// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/build_user.hpp"

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "pipelines/lifecycle/ssh_keys.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

/// Accounts: userdel(8) of shadow with -f goes on although the user is logged in; busybox has deluser. Both
/// leave the former lists as backups ("/etc/passwd-"), which still name the user.
constexpr const char* remove_account =
    "if command -v userdel >/dev/null; then userdel -r -f \"$user\" 2>/dev/null; else deluser --remove-home "
    "\"$user\"; fi\n"
    "if command -v groupdel >/dev/null; then groupdel \"$user\" 2>/dev/null; fi\n"
    "for list in passwd shadow group gshadow subuid subgid; do\n"
    "  [ -e /etc/$list ] && [ -e /etc/$list- ] && cp -p /etc/$list /etc/$list-\n"
    "done\n"
    "rm -rf \"/home/$user\" \"/var/mail/$user\" \"/var/spool/mail/$user\" \"/var/spool/cron/crontabs/$user\" "
    "\\\n"
    "  \"/var/lib/sudo/lectured/$user\" \"/var/db/sudo/lectured/$user\" \"/var/lib/systemd/linger/$user\" "
    "\\\n"
    "  \"/var/lib/AccountsService/users/$user\"\n"
    "rules=/etc/sudoers.d/90-cloud-init-users\n"
    "if [ -e $rules ]; then\n"
    "  sed -i \"/$user/d\" $rules\n"
    "  grep -qv -e '^[[:space:]]*#' -e '^[[:space:]]*$' $rules || rm -f $rules\n"
    "fi\n";

/// What `cloud-init clean` removes, and no more: what the image brought along (seed, scripts) stays.
constexpr const char* remove_seed =
    "if [ -d /var/lib/cloud ]; then\n"
    "  find /var/lib/cloud -mindepth 1 -maxdepth 1 ! -name seed ! -name scripts -exec rm -rf {} +\n"
    "fi\n"
    "rm -rf /run/cloud-init /var/log/cloud-init.log /var/log/cloud-init-output.log\n"
    "rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* \\\n"
    "  /etc/NetworkManager/system-connections/cloud-init-* /etc/systemd/network/10-cloud-init-* \\\n"
    "  /etc/udev/rules.d/70-persistent-net.rules /etc/NetworkManager/conf.d/99-cloud-init.conf\n"
    "rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /etc/ssh/sshd_config.d/50-cloud-init.conf\n"
    "[ -s /root/.ssh/authorized_keys ] || rm -f /root/.ssh/authorized_keys\n"
    "rmdir /root/.ssh 2>/dev/null\n"
    "rm -rf /dev/shm/.imgforge-ansible /root/.ansible/tmp; rmdir /root/.ansible 2>/dev/null\n";

/// From here on nothing is logged onto the disk. Lines of text logs go that name the user; binary login
/// records (utmp(5)) go as a whole.
constexpr const char* remove_logs =
    "if command -v journalctl >/dev/null; then journalctl --relinquish-var >/dev/null 2>&1; fi\n"
    "if [ -d /var/log/journal ]; then find /var/log/journal -mindepth 1 -delete; fi\n"
    "for service in rsyslog syslog-ng syslog auditd; do\n"
    "  if [ -d /run/systemd/system ]; then systemctl stop $service.socket $service 2>/dev/null\n"
    "  else rc-service $service stop 2>/dev/null; fi\n"
    "done\n"
    "for log in $(grep -rlI -e \"$user\" /var/log 2>/dev/null); do sed -i \"/$user/d\" \"$log\"; done\n"
    "for log in /var/log/wtmp /var/log/btmp /var/log/lastlog /var/log/faillog /var/log/wtmp.db "
    "/var/lib/wtmpdb/wtmp.db \\\n"
    "  /var/log/tallylog; do [ -e $log ] && : >$log; done\n"
    "rm -f /var/lib/lastlog/lastlog2.db\n";

/// machine-id(5): empty means a new one at the next boot.
constexpr const char* remove_identity =
    "[ -e /etc/machine-id ] && : >/etc/machine-id\n"
    "[ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ] && rm -f /var/lib/dbus/machine-id\n"
    "rm -f /var/lib/systemd/random-seed /var/lib/dhcp/*.leases /var/lib/dhcpcd/*.lease /var/lib/dhcpcd/duid "
    "\\\n"
    "  /var/lib/NetworkManager/*.lease\n";

}  // namespace

seeds::SeedSpec build_seed(const std::string& public_key, std::vector<seeds::HostKey> host_keys,
                           const std::string& machine) {
    seeds::SeedSpec seed;
    seed.default_user = false;
    seed.users.push_back({.name = build_user,
                          .gecos = "imgforge provision",
                          .sudo = true,
                          .shell = "/bin/sh",
                          .ssh_keys = {public_key}});
    seed.host_keys = std::move(host_keys);
    seed.instance_id = machine;
    // The image's name stays; a name that no resolver knows makes sudo wait for DNS without a network. Nor
    // shall cloud-init set what a clone's own first boot sets: locale and package sources.
    seed.extra = {{"preserve_hostname", true}, {"locale", false}, {"apt", {{"preserve_sources_list", true}}}};
    return seed;
}

BuildAccess make_build_access(const fs::path& folder, const std::string& machine) {
    make_directories(folder, 0700);
    BuildAccess access{folder / "id", folder / "known_hosts", folder / "seed.iso"};
    const lifecycle::SshKeyPair key = lifecycle::make_ssh_key(build_user);
    write_file_atomically(access.identity, key.private_key, 0600);
    const seeds::SeedSpec seed =
        build_seed(key.public_key, seeds::make_host_keys({"ed25519", "ecdsa"}, machine), machine);
    std::string known;
    for (const seeds::HostKey& host_key : seed.host_keys) {
        known += lifecycle::known_hosts_line(machine, host_key.public_key);
    }
    write_file_atomically(access.known_hosts, known, 0600);
    seeds::write_seed_iso(seeds::seed_files(seed), seeds::volume_label(seed.datasource), access.seed);
    return access;
}

std::string removal_script() {
    return fmt::format("user={}\n{}{}{}{}sync\n", build_user, remove_account, remove_seed, remove_logs,
                       remove_identity) +
           fmt::format(
               "if grep -q '^{0}:' /etc/passwd || [ -e /home/{0} ]; then\n"
               "  echo 'the user {0} is still there' >&2; exit 1\nfi\n"
               "echo '{1}'\n",
               build_user, removed_mark) +
           "if [ -d /run/systemd/system ]; then systemctl --no-block poweroff; else poweroff; fi\n";
}

std::string reboot_script() {
    return "if [ -d /run/systemd/system ]; then systemctl --no-block reboot; else reboot; fi\n";
}

}  // namespace imgforge::provision
