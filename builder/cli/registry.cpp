// SPDX-License-Identifier: GPL-3.0-or-later
#include <iterator>

#include "builder/cli/commands.hpp"
#include "builder/cli/exchange_commands.hpp"

namespace imgforge::cli {

namespace {

/// Recipes, images, seeds.
std::vector<Command> image_commands() {
    return {
        build_command(),
        report_command(),
        validate_command(),
        schema_command(),
        inspect_command(),
        init_command(),
        fmt_command(),
        refresh_command(),
        images_list_command("images"),
        images_list_command("images list"),
        images_show_command(),
        images_diff_command(),
        images_import_command(),
        images_export_command(),
        images_targets_command(),
        images_push_command(),
        images_withdraw_command(),
        images_pull_command(),
        images_follow_command(),
        catalog_command(),
        images_promote_command(),
        images_rollback_command(),
        images_delete_command(),
        images_gc_command(),
        images_verify_command(),
        audit_command(),
        compact_command(),
        seed_create_command(),
        seed_inspect_command(),
        seed_extract_command(),
        seed_diff_command(),
        seed_show_command(),
    };
}

/// Machines and labs.
std::vector<Command> machine_commands() {
    return {
        spawn_command(),       list_command(),       show_command(),       ip_command(),
        ssh_command(),         cp_command(),         ssh_config_command(), inventory_command(),
        forward_command(),     console_command(),    logs_command(),       start_command(),
        stop_command(),        restart_command(),    set_command(),        snapshot_command(),
        snapshots_command(),   restore_command(),    clone_command(),      rename_command(),
        suspend_command(),     resume_command(),     autostart_command(),  hydrate_command(),
        consolidate_command(), respawn_command(),    destroy_command(),    cleanup_command(),
        lab_up_command(),      lab_status_command(), lab_down_command(),
    };
}

/// Media, disks, spool, this host.
std::vector<Command> tool_commands() {
    return {
        media_probe_command(), media_create_command(), media_replay_command(), sysprep_command(),
        customize_command(),   spool_run_command(),    spool_watch_command(),  spool_takeover_command(),
        doctor_command(),      keygen_command(),       completion_command(),   complete_command(),
        manual_command(),
    };
}

}  // namespace

std::vector<Command> all_commands() {
    std::vector<Command> all = image_commands();
    for (const auto& commands_of : {machine_commands, tool_commands}) {
        std::vector<Command> more = commands_of();
        all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    }
    return all;
}

}  // namespace imgforge::cli
