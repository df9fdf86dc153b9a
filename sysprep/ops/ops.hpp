// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

// One function per file of this directory, for operations that look into files or write some; what only names
// paths is a row of sysprep/tables.
Operation machine_id_operation();
Operation dbus_machine_id_operation();
Operation hostname_operation();
Operation hostname_references_operation();
Operation ssh_hostkeys_operation();
Operation ssh_hostkey_generator_operation();
Operation credential_secret_operation();
Operation hostid_operation();
Operation networkmanager_profiles_operation();
Operation ifcfg_operation();
Operation netplan_operation();
Operation interfaces_operation();
Operation resolv_conf_operation();
Operation iscsi_operation();
Operation lvm_files_operation();
Operation mdadm_hostname_operation();
Operation boot_environment_operation();
Operation rescue_kernel_operation();
Operation grub_install_device_operation();
Operation installer_datasource_operation();
Operation cloud_init_operation();
Operation cloud_init_settings_operation();
Operation snapd_operation();
Operation popularity_contest_operation();
Operation rhsm_operation();
Operation self_signed_tls_operation();
Operation libvirt_operation();
Operation passwords_operation();
Operation build_users_operation();
Operation ssh_user_files_operation();
Operation proxies_operation();
Operation pacman_keyring_operation();
Operation mail_operation();
Operation cron_spool_operation();
Operation logs_operation();
Operation caches_operation();
Operation build_traces_operation();
Operation requested_paths_operation();
Operation backup_files_operation();
Operation named_state_operation();
Operation initramfs_operation();
Operation snapshots_operation();
Operation swap_operation();
Operation lvm_free_space_operation();
Operation free_space_operation();

// Functions of rows of sysprep/tables that need a few lines of code as well.

/// Takes registration and identity out of Landscape's settings.
void forget_landscape(Cleaner& cleaner);
/// Takes the builder's name out of the settings of Chef, Cinc and Salt.
void forget_node_names(Cleaner& cleaner);
/// Throws Failure::guest for a guest that holds the data of an etcd member.
void refuse_cluster_member(Cleaner& cleaner);

}  // namespace imgforge::sysprep
