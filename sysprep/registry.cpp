// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/registry.hpp"

#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

std::vector<Operation> all_operations() {
    return {
        machine_id_operation(),
        dbus_machine_id_operation(),
        hostname_operation(),
        hostname_references_operation(),
        machine_info_operation(),
        ssh_hostkeys_operation(),
        ssh_hostkey_generator_operation(),
        other_ssh_hostkeys_operation(),
        random_seed_operation(),
        credential_secret_operation(),
        tpm_state_operation(),
        journal_operation(),
        hostid_operation(),
        timers_operation(),
        clock_state_operation(),
        dhcp_client_operation(),
        networkmanager_state_operation(),
        networkmanager_profiles_operation(),
        ifcfg_operation(),
        netplan_operation(),
        interfaces_operation(),
        udev_names_operation(),
        resolv_conf_operation(),
        iscsi_operation(),
        nvme_operation(),
        vpn_identity_operation(),
        lvm_files_operation(),
        mdadm_hostname_operation(),
        multipath_operation(),
        blkid_cache_operation(),
        boot_environment_operation(),
        rescue_kernel_operation(),
        grub_install_device_operation(),
        installer_datasource_operation(),
        cloud_init_operation(),
        cloud_init_settings_operation(),
        cloud_agents_operation(),
        ubuntu_pro_operation(),
        snapd_operation(),
        popularity_contest_operation(),
        rhsm_operation(),
        suse_registration_operation(),
        config_management_operation(),
        containers_operation(),
        kubernetes_operation(),
        domain_operation(),
        self_signed_tls_operation(),
        application_ids_operation(),
        libvirt_operation(),
        passwords_operation(),
        build_users_operation(),
        ssh_user_files_operation(),
        histories_operation(),
        credentials_operation(),
        installer_logs_operation(),
        installer_files_operation(),
        debconf_passwords_operation(),
        password_backups_operation(),
        proxies_operation(),
        etckeeper_operation(),
        pacman_keyring_operation(),
        mail_operation(),
        cron_spool_operation(),
        logs_operation(),
        login_records_operation(),
        crash_data_operation(),
        temporary_files_operation(),
        caches_operation(),
        logrotate_state_operation(),
        desktop_operation(),
        accounting_operation(),
        package_database_leftovers_operation(),
        build_traces_operation(),
        initramfs_operation(),
        snapshots_operation(),
        swap_operation(),
        lvm_free_space_operation(),
        free_space_operation(),
    };
}

const std::vector<RowException>& row_exceptions() {
    static const std::vector<RowException> exceptions{
        {"B14", "firewall rules stay: removing them would open the clone"},
        {"C1",
         "UUIDs of file systems stay: they matter only when two clones are attached to one host, and boot "
         "refers to them"},
        {"C2", "LVM UUIDs stay, as those of file systems"},
        {"C4",
         "names inside on-disk metadata of LVM, md and ext4 are reported by the audit; only their own tools "
         "can rewrite them"},
        {"C13", "EFI variables are no part of a disk; the audit requires the fallback loader"},
        {"C15", "marks that ask for a relabel or reconfiguration are the administrator's decision"},
        {"F11",
         "package databases, keyrings, fstab, SELinux store, locale and empty state folders always stay"},
    };
    return exceptions;
}

}  // namespace imgforge::sysprep
