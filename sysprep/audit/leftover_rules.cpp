// SPDX-License-Identifier: GPL-3.0-or-later
// Rule 1 of SYSPREP.md section 4: one row per row of section 1, as data.
#include <algorithm>

#include <fmt/format.h>

#include "sysprep/audit/rules.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// What a clean image has at the paths of a row.
enum class State {
    absent,       ///< no such file (folders may stay)
    empty,        ///< no file, or one without content
    empty_below,  ///< no file anywhere below these folders
};

struct Row {
    std::string rule;
    std::string source;
    State state;
    std::string what;
    std::vector<std::string> patterns;
    std::vector<std::string> except{};
};

const std::vector<Row>& rows() {
    static const std::vector<Row> all{
        {"machine-info",
         "SYSPREP.md A5",
         State::absent,
         "describes the build machine",
         {"/etc/machine-info"}},
        {"journal",
         "SYSPREP.md A12",
         State::empty_below,
         "journal of the build machine",
         {"/var/log/journal"}},
        {"tpm-state",
         "SYSPREP.md A11",
         State::absent,
         "bound to the TPM of the build machine",
         {"/var/lib/systemd/tpm2-srk-public-key.*", "/var/lib/systemd/pcrlock.json"}},
        {"hostid", "SYSPREP.md A13", State::absent, "host id that all clones would share", {"/etc/hostid"}},
        {"timers",
         "SYSPREP.md A14",
         State::empty,
         "time stamp of a timer of the build machine",
         {"/var/lib/systemd/timers/stamp-*", "/var/spool/anacron/*", "/var/lib/apt/periodic/*"}},
        {"clock-drift",
         "SYSPREP.md A15",
         State::absent,
         "clock data of the build machine",
         {"/var/lib/chrony/drift", "/var/lib/ntp/ntp.drift", "/var/lib/ntpsec/ntp.drift",
          "/var/lib/chrony/*.nts"}},
        {"dhcp-leases",
         "SYSPREP.md B1 to B4",
         State::empty,
         "DHCP lease or identifier: clones would ask for the same address",
         {"/var/lib/dhclient/*", "/var/lib/dhcp/*", "/var/lib/dhcp3/*", "/var/lib/dhcpcd/duid",
          "/var/lib/dhcpcd/secret", "/var/lib/dhcpcd/*.lease*", "/var/lib/dhcpcd/rdm_monotonic",
          "/etc/dhcpcd.duid", "/etc/dhcpcd.secret", "/var/lib/wicked/*.xml", "/var/lib/connman/*/*",
          "/var/lib/dhcpd/*", "/var/lib/systemd/network/*"}},
        {"networkmanager-state",
         "SYSPREP.md B4",
         State::absent,
         "NetworkManager's secret or state: clones would have the same addresses",
         {"/var/lib/NetworkManager/*"},
         {"/var/lib/NetworkManager/NetworkManager.state"}},
        {"persistent-net",
         "SYSPREP.md B9",
         State::absent,
         "ties interface names to old MAC addresses",
         {"/etc/udev/rules.d/70-persistent-net.rules", "/etc/udev/rules.d/75-persistent-net-generator.rules",
          "/etc/udev/rules.d/70-persistent-cd.rules"}},
        {"nvme-identity",
         "SYSPREP.md B12",
         State::absent,
         "NVMe host identity that all clones would share",
         {"/etc/nvme/hostnqn", "/etc/nvme/hostid"}},
        {"overlay-network-identity",
         "SYSPREP.md B13",
         State::absent,
         "identity in an overlay network",
         {"/var/lib/tailscale/*", "/var/lib/zerotier-one/identity.*",
          "/var/lib/zerotier-one/authtoken.secret", "/etc/wireguard/*.conf", "/etc/cloudflared/*.json"}},
        {"lvm-devices",
         "SYSPREP.md C3",
         State::absent,
         "ties LVM to the disk of the build machine",
         {"/etc/lvm/devices/system.devices", "/etc/lvm/devices/backup/*", "/etc/lvm/archive/*",
          "/etc/lvm/backup/*", "/etc/lvm/cache/.cache"}},
        {"multipath",
         "SYSPREP.md C6",
         State::absent,
         "multipath ids of the build machine",
         {"/etc/multipath/wwids", "/etc/multipath/bindings"}},
        {"blkid-cache",
         "SYSPREP.md C7",
         State::absent,
         "stale cache of block devices",
         {"/etc/blkid.tab*", "/etc/blkid/*"}},
        {"rescue-kernel",
         "SYSPREP.md C10",
         State::absent,
         "carries the machine-id of the build machine in its name",
         {"/boot/vmlinuz-0-rescue-*", "/boot/initramfs-0-rescue-*", "/boot/loader/entries/*-0-rescue.conf"}},
        {"device-map",
         "SYSPREP.md C12",
         State::absent,
         "names the disk of the build machine",
         {"/boot/grub/device.map", "/boot/grub2/device.map"}},
        {"boot-flags",
         "SYSPREP.md C15",
         State::absent,
         "changes the first boot of every clone",
         {"/.unconfigured", "/fastboot", "/forcefsck", "/firstboot"}},
        {"agents",
         "SYSPREP.md D4",
         State::absent,
         "identity given by another platform",
         {"/var/lib/waagent/*", "/etc/instance_id", "/etc/default/instance_configs.cfg",
          "/var/lib/amazon/ssm/*", "/etc/.ignition-result.json", "/var/lib/cloud/.bootstrap-complete"}},
        {"ubuntu-registration",
         "SYSPREP.md D5",
         State::absent,
         "registration of the build machine",
         {"/var/lib/ubuntu-advantage/private/*", "/var/lib/ubuntu-advantage/machine-id",
          "/etc/apt/auth.conf.d/90ubuntu-advantage", "/var/lib/landscape/client/*",
          "/var/lib/whoopsie/whoopsie-id", "/var/cache/pollinate/seeded"}},
        {"snap-identity",
         "SYSPREP.md D6",
         State::absent,
         "identity of snapd or LXD",
         {"/var/lib/snapd/device/*", "/var/lib/snapd/auth.json", "/var/snap/lxd/common/lxd/server.*"}},
        {"redhat-registration",
         "SYSPREP.md D8",
         State::absent,
         "registration of the build machine",
         {"/etc/pki/consumer/*", "/etc/pki/entitlement/*", "/var/lib/rhsm/*/*", "/etc/rhsm/facts/*",
          "/etc/sysconfig/rhn/systemid", "/etc/insights-client/machine-id",
          "/etc/insights-client/.registered", "/etc/insights-client/.unregistered",
          "/etc/insights-client/.lastupload", "/var/lib/yum/uuid", "/var/lib/dnf/repos/*/countme"}},
        {"suse-registration",
         "SYSPREP.md D9",
         State::absent,
         "registration of the build machine",
         {"/etc/SUSEConnect", "/etc/zypp/credentials.d/*", "/var/lib/zypp/AnonymousUniqueId",
          "/var/lib/suseconnect/*"}},
        {"configuration-agents",
         "SYSPREP.md D10",
         State::absent,
         "identity of a configuration agent",
         {"/etc/puppetlabs/puppet/ssl/*/*", "/var/lib/puppet/ssl/*/*", "/etc/chef/client.pem",
          "/etc/chef/validation.pem", "/etc/salt/minion_id", "/etc/salt/pki/minion/*",
          "/var/cfengine/ppkeys/*"}},
        {"container-identity",
         "SYSPREP.md D11",
         State::absent,
         "identity or credentials of a container engine",
         {"/etc/docker/key.json", "/var/lib/docker/engine-id", "/var/lib/docker/swarm/*",
          "/var/lib/containerd/io.containerd.grpc.v1.introspection/uuid"}},
        {"kubernetes",
         "SYSPREP.md D12",
         State::absent,
         "identity of a cluster node",
         {"/etc/kubernetes/pki/*", "/etc/kubernetes/*.conf", "/var/lib/kubelet/pki/*", "/var/lib/etcd/*",
          "/var/lib/rancher/*/server/token", "/var/lib/rancher/*/server/cred/*",
          "/etc/rancher/node/password"}},
        {"directory-membership",
         "SYSPREP.md D13",
         State::absent,
         "membership in a directory service",
         {"/etc/krb5.keytab", "/var/lib/sss/db/*", "/var/lib/sss/mc/*", "/var/lib/sss/secrets/*",
          "/var/lib/ipa-client/sysrestore/*", "/var/lib/samba/private/*.tdb"}},
        {"application-ids",
         "SYSPREP.md D15",
         State::absent,
         "node id that all clones would share",
         {"/var/lib/mysql/auto.cnf", "/var/lib/rabbitmq/.erlang.cookie", "/opt/consul/node-id",
          "/opt/consul/data/node-id", "/var/lib/consul/node-id", "/var/lib/consul/data/node-id",
          "/var/lib/nomad/client/client-id", "/opt/nomad/data/client/client-id",
          "/opt/nomad/data/client/secret-id", "/var/lib/netdata/registry/netdata.public.unique.id",
          "/var/ossec/etc/client.keys", "/var/lib/teleport/host_uuid",
          "/var/lib/newrelic-infra/data/agent_id", "/etc/machine-fingerprint"}},
        {"installer-files",
         "SYSPREP.md E6, E7",
         State::empty,
         "installer log or answer file: holds answers and passwords",
         {"/var/log/installer/*", "/var/log/installer/*/*", "/var/lib/preseed/*", "/preseed.cfg",
          "/root/*ks.cfg", "/root/anaconda-post.log", "/var/log/anaconda/*", "/root/autoinst.xml",
          "/root/inst-sys", "/var/adm/autoinstall/*/*", "/var/log/YaST2/*", "/etc/install.inf",
          "/var/log/agama*", "/root/answers"}},
        {"debconf-passwords",
         "SYSPREP.md E8",
         State::empty,
         "passwords given to debconf",
         {"/var/cache/debconf/passwords.dat", "/var/cache/debconf/passwords.dat-old"}},
        {"account-backups",
         "SYSPREP.md E9",
         State::absent,
         "old copy of an account file",
         {"/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-",
          "/var/backups/shadow.bak*", "/var/backups/gshadow.bak*", "/var/backups/passwd.bak*",
          "/var/backups/group.bak*"}},
        {"repository-credentials",
         "SYSPREP.md E10",
         State::absent,
         "proxy or credentials of the build",
         {"/etc/apt/auth.conf", "/etc/apt/auth.conf.d/*", "/etc/apt/apt.conf.d/90curtin-aptproxy"}},
        {"etckeeper",
         "SYSPREP.md E11",
         State::absent,
         "history of /etc: deleted secrets stay in it for ever",
         {"/etc/.git", "/etc/.git/*"}},
        {"mail",
         "SYSPREP.md E13",
         State::empty,
         "mail of the build machine",
         {"/var/mail/*", "/var/spool/mail/*", "/var/spool/postfix/*/*", "/var/spool/postfix/*/*/*",
          "/var/spool/exim4/*/*", "/var/spool/mqueue/*", "/root/mbox", "/root/dead.letter"},
         {"/var/spool/postfix/etc/*", "/var/spool/postfix/etc/*/*", "/var/spool/postfix/lib/*",
          "/var/spool/postfix/lib/*/*", "/var/spool/postfix/usr/*", "/var/spool/postfix/usr/*/*",
          "/var/spool/postfix/dev/*", "/var/spool/postfix/pid/*"}},
        {"user-jobs",
         "SYSPREP.md E14",
         State::absent,
         "job of a user of the build machine",
         {"/var/spool/cron/crontabs/*", "/var/spool/cron/tabs/*", "/var/spool/cron/root", "/var/spool/at/*",
          "/var/spool/atjobs/*", "/var/spool/cron/atjobs/*"},
         {"/var/spool/*/.SEQ", "/var/spool/cron/atjobs/.SEQ"}},
        {"logs",
         "SYSPREP.md F1, F2",
         State::empty_below,
         "log of the build machine",
         {"/var/log"},
         {"/var/log/journal/*", "/var/log/installer/*", "/var/log/anaconda/*", "/var/log/YaST2/*",
          "/var/log/cloud-init*", "/var/log/agama*", "/var/log/README"}},
        {"login-records",
         "SYSPREP.md F2",
         State::absent,
         "record of logins",
         {"/var/lib/wtmpdb/wtmp.db", "/var/lib/lastlog/lastlog2.db"}},
        {"crash-dumps",
         "SYSPREP.md F3",
         State::empty,
         "memory dump: may hold keys",
         {"/var/crash/*", "/var/lib/systemd/coredump/*", "/var/lib/systemd/pstore/*", "/var/spool/abrt/*",
          "/core", "/core.*", "/var/lib/apport/coredump/*"}},
        {"temporary-files",
         "SYSPREP.md F4",
         State::empty_below,
         "temporary file of the build",
         {"/tmp", "/var/tmp"}},
        {"caches",
         "SYSPREP.md F5",
         State::absent,
         "cache of the package manager",
         {"/var/cache/apt/archives/*.deb", "/var/cache/apt/archives/partial/*", "/var/cache/dnf/*/packages/*",
          "/var/cache/yum/*/*/*/packages/*", "/var/cache/zypp/packages/*/*", "/var/cache/pacman/pkg/*",
          "/var/cache/apk/*.apk", "/var/lib/apt/lists/*"},
         {"/var/lib/apt/lists/lock"}},
        {"package-database-leftovers",
         "SYSPREP.md F9",
         State::absent,
         "old copy of a package database",
         {"/var/lib/rpm/__db.*", "/var/lib/dpkg/*-old"}},
        {"logrotate-state",
         "SYSPREP.md F6",
         State::absent,
         "dates of log rotations",
         {"/var/lib/logrotate/status", "/var/lib/logrotate/logrotate.status", "/var/lib/logrotate.status"}},
        {"desktop-state",
         "SYSPREP.md F7",
         State::absent,
         "state of a desktop user",
         {"/var/lib/AccountsService/users/*", "/var/lib/AccountsService/icons/*", "/var/lib/fprint/*",
          "/var/lib/bluetooth/*"}},
        {"accounting",
         "SYSPREP.md F8",
         State::empty,
         "process accounting of the build machine",
         {"/var/account/pacct*", "/var/log/account/*"}},
        {"build-tools",
         "SYSPREP.md F10",
         State::absent,
         "left by an image tool",
         {"/usr/lib/virt-sysprep", "/root/virt-sysprep-firstboot.log", "/root/*.iso"}},
    };
    return all;
}

bool excepted(const Row& row, const std::string& path) {
    return std::any_of(row.except.begin(), row.except.end(),
                       [&](const std::string& pattern) { return matches_pattern(pattern, path); });
}

bool is_leftover(const Row& row, const std::string& path, const TreeEntry& entry) {
    using guest::FileType;
    if (excepted(row, path)) {
        return false;
    }
    switch (row.state) {
        // A folder that a package brings may stay; a pattern without wildcard that names a folder means the
        // folder.
        case State::absent: return entry.stat.type != FileType::directory || row.rule == "etckeeper";
        case State::empty:
        case State::empty_below: return entry.stat.type == FileType::regular && entry.stat.size > 0;
    }
    return false;
}

std::vector<Finding> check_row(const GuestTree& tree, const Row& row) {
    std::vector<Finding> out;
    for (const std::string& pattern : row.patterns) {
        for (const std::string& path :
             row.state == State::empty_below ? tree.below(pattern) : tree.glob(pattern)) {
            if (is_leftover(row, path, *tree.find(path))) {
                out.push_back(leftover(path, row.what));
            }
        }
    }
    return out;
}

/// Debian's open-iscsi needs GenerateName=yes (its start script fails without the file); elsewhere the file
/// must be absent (SYSPREP.md B11).
std::vector<Finding> iscsi(const GuestFacts& facts) {
    constexpr std::string_view path = "/etc/iscsi/initiatorname.iscsi";
    const std::string_view text = facts.tree.read(path);
    if (text.find("InitiatorName=") == std::string_view::npos) {
        return {};
    }
    for (const std::string_view line : lines_of(text)) {
        if (line.starts_with("InitiatorName=")) {
            return {leftover(std::string(path),
                             "iSCSI name that all clones would share: shared disks get damaged")};
        }
    }
    return {};
}

std::vector<Finding> popularity(const GuestFacts& facts) {
    const auto lines = lines_of(facts.tree.read("/etc/popularity-contest.conf"));
    const bool has_id = std::any_of(lines.begin(), lines.end(),
                                    [](std::string_view line) { return line.starts_with("MY_HOSTID="); });
    return has_id ? std::vector<Finding>{leftover("/etc/popularity-contest.conf",
                                                  "host id that all clones would share")}
                  : std::vector<Finding>{};
}

/// SYSPREP.md D14: made at installation, one per machine; ours is made again at the first boot.
std::vector<Finding> snakeoil(const GuestFacts& facts) {
    std::vector<Finding> out;
    for (const std::string path : {"/etc/ssl/private/ssl-cert-snakeoil.key",
                                   "/etc/pki/tls/private/localhost.key", "/etc/bind/rndc.key"}) {
        const TreeEntry* const entry = facts.tree.find(path);
        if (entry != nullptr && entry->stat.size > 0) {
            out.push_back(leftover(path, "private key that all clones would share"));
        }
    }
    for (const std::string& path : facts.tree.glob("/etc/cockpit/ws-certs.d/0-self-signed*")) {
        out.push_back(leftover(path, "private key or certificate that all clones would share"));
    }
    return out;
}

}  // namespace

std::vector<GuestRule> leftover_rules() {
    std::vector<GuestRule> out;
    for (const Row& row : rows()) {
        out.push_back({row.rule, "no file that is a " + row.what, row.source,
                       [&row](const GuestFacts& facts) { return check_row(facts.tree, row); }});
    }
    out.push_back({"iscsi-name", "no iSCSI initiator name", "SYSPREP.md B11", iscsi});
    out.push_back({"popularity-contest", "no popularity-contest host id", "SYSPREP.md D7", popularity});
    out.push_back({"self-made-keys", "no TLS keys made at installation", "SYSPREP.md D14", snakeoil});
    return out;
}

}  // namespace imgforge::sysprep::audit
