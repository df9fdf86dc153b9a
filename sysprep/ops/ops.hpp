// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

// One function per file of this folder; registry.cpp lists them in the order of the manual.
Operation machine_id_operation();
Operation dbus_machine_id_operation();
Operation hostname_operation();
Operation hostname_references_operation();
Operation machine_info_operation();
Operation ssh_hostkeys_operation();
Operation ssh_hostkey_generator_operation();
Operation other_ssh_hostkeys_operation();
Operation random_seed_operation();
Operation credential_secret_operation();
Operation tpm_state_operation();
Operation journal_operation();
Operation hostid_operation();
Operation timers_operation();
Operation clock_state_operation();
Operation dhcp_client_operation();
Operation networkmanager_state_operation();
Operation networkmanager_profiles_operation();
Operation ifcfg_operation();
Operation netplan_operation();
Operation interfaces_operation();
Operation udev_names_operation();
Operation resolv_conf_operation();
Operation iscsi_operation();
Operation nvme_operation();
Operation vpn_identity_operation();
Operation lvm_files_operation();
Operation mdadm_hostname_operation();
Operation multipath_operation();
Operation blkid_cache_operation();
Operation boot_environment_operation();
Operation rescue_kernel_operation();
Operation grub_install_device_operation();
Operation installer_datasource_operation();
Operation cloud_init_operation();
Operation cloud_init_settings_operation();
Operation cloud_agents_operation();
Operation ubuntu_pro_operation();
Operation snapd_operation();
Operation popularity_contest_operation();
Operation rhsm_operation();
Operation suse_registration_operation();
Operation config_management_operation();
Operation containers_operation();
Operation kubernetes_operation();
Operation domain_operation();
Operation self_signed_tls_operation();
Operation application_ids_operation();
Operation libvirt_operation();
Operation passwords_operation();
Operation build_users_operation();
Operation ssh_user_files_operation();
Operation histories_operation();
Operation credentials_operation();
Operation installer_logs_operation();
Operation installer_files_operation();
Operation debconf_passwords_operation();
Operation password_backups_operation();
Operation proxies_operation();
Operation etckeeper_operation();
Operation pacman_keyring_operation();
Operation mail_operation();
Operation cron_spool_operation();
Operation logs_operation();
Operation login_records_operation();
Operation crash_data_operation();
Operation temporary_files_operation();
Operation caches_operation();
Operation logrotate_state_operation();
Operation desktop_operation();
Operation accounting_operation();
Operation package_database_leftovers_operation();
Operation build_traces_operation();
Operation initramfs_operation();
Operation snapshots_operation();
Operation swap_operation();
Operation lvm_free_space_operation();
Operation free_space_operation();

}  // namespace imgforge::sysprep
