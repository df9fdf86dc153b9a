// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/cli/command.hpp"

namespace imgforge::cli {

// One function per command, each in its own cmd_<name>.cpp; registry.cpp lists them in the order of the
// manual.
Command build_command();
Command validate_command();
Command schema_command();
Command inspect_command();
Command init_command();
Command fmt_command();
Command refresh_command();
/// `name`: "images" alone is "images list".
Command images_list_command(std::string name);
Command images_show_command();
Command images_diff_command();
Command images_promote_command();
Command images_rollback_command();
Command images_delete_command();
Command images_gc_command();
Command images_verify_command();
Command seed_create_command();
Command seed_inspect_command();
Command seed_extract_command();
Command seed_diff_command();
Command seed_show_command();
Command spawn_command();
Command list_command();
Command show_command();
Command ip_command();
Command ssh_command();
Command console_command();
Command logs_command();
Command start_command();
Command suspend_command();
Command resume_command();
Command forward_command();
Command hydrate_command();
Command set_command();
Command snapshot_command();
Command snapshots_command();
Command restore_command();
Command clone_command();
Command rename_command();
Command lab_up_command();
Command lab_status_command();
Command lab_down_command();
Command cp_command();
Command ssh_config_command();
Command inventory_command();
Command stop_command();
Command restart_command();
Command autostart_command();
Command consolidate_command();
Command respawn_command();
Command destroy_command();
Command cleanup_command();
Command spool_run_command();
Command spool_watch_command();
Command spool_takeover_command();
Command doctor_command();
Command report_command();
Command audit_command();
Command compact_command();
Command media_probe_command();
Command media_create_command();
Command keygen_command();
Command media_replay_command();
Command completion_command();
Command complete_command();
Command manual_command();

Command sysprep_command();
Command customize_command();

}  // namespace imgforge::cli
