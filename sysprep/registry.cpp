// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/registry.hpp"

#include <iterator>

#include "sysprep/ops/ops.hpp"
#include "sysprep/tables/tables.hpp"

namespace imgforge::sysprep {

std::vector<Operation> all_operations() {
    std::vector<Operation> all{
        machine_id_operation(),
        dbus_machine_id_operation(),
        hostname_operation(),
        hostname_references_operation(),
        ssh_hostkeys_operation(),
        ssh_hostkey_generator_operation(),
        credential_secret_operation(),
        hostid_operation(),
        networkmanager_profiles_operation(),
        ifcfg_operation(),
        netplan_operation(),
        interfaces_operation(),
        resolv_conf_operation(),
        iscsi_operation(),
        lvm_files_operation(),
        mdadm_hostname_operation(),
        boot_environment_operation(),
        rescue_kernel_operation(),
        grub_install_device_operation(),
        installer_datasource_operation(),
        cloud_init_operation(),
        cloud_init_settings_operation(),
        snapd_operation(),
        popularity_contest_operation(),
        rhsm_operation(),
        self_signed_tls_operation(),
        libvirt_operation(),
        passwords_operation(),
        build_users_operation(),
        ssh_user_files_operation(),
        proxies_operation(),
        pacman_keyring_operation(),
        mail_operation(),
        cron_spool_operation(),
        logs_operation(),
        caches_operation(),
        build_traces_operation(),
        requested_paths_operation(),
        backup_files_operation(),
        named_state_operation(),
        initramfs_operation(),
        snapshots_operation(),
        swap_operation(),
        lvm_free_space_operation(),
        free_space_operation(),
    };
    for (auto rows : {tables::machine_rows(), tables::network_rows(), tables::management_rows(),
                      tables::service_rows(), tables::user_rows(), tables::system_rows()}) {
        all.insert(all.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    }
    return all;
}

const std::vector<RowException>& row_exceptions() {
    static const std::vector<RowException> exceptions{
        {"B14", "firewall rules stay: removing them would open the clone"},
        {"C1",
         "UUIDs of file systems stay: they matter only when two clones are attached to one host, and boot "
         "refers to them; `--new-uuids` renews them with all that names them"},
        {"C2", "LVM UUIDs stay, as those of file systems"},
        {"C4",
         "names inside on-disk metadata of LVM, md and ext4 are reported by the audit; only their own tools "
         "can rewrite them"},
        {"C13", "EFI variables are not part of a disk; the audit requires the fallback loader"},
        {"C15", "marks that ask for a relabel or reconfiguration are the administrator's decision"},
        {"F11",
         "package databases, keyrings, fstab, SELinux store, locale and empty state directories always stay"},
    };
    return exceptions;
}

}  // namespace imgforge::sysprep
