// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

std::vector<Command> all_commands() {
    return {
        build_command(),
        report_command(),
        validate_command(),
        schema_command(),
        refresh_command(),
        images_list_command("images"),
        images_list_command("images list"),
        images_show_command(),
        images_diff_command(),
        images_promote_command(),
        images_rollback_command(),
        images_delete_command(),
        images_gc_command(),
        images_verify_command(),
        audit_command(),
        compact_command(),
        seed_create_command(),
        seed_inspect_command(),
        spawn_command(),
        list_command(),
        show_command(),
        ip_command(),
        ssh_command(),
        console_command(),
        logs_command(),
        start_command(),
        stop_command(),
        restart_command(),
        autostart_command(),
        consolidate_command(),
        respawn_command(),
        destroy_command(),
        cleanup_command(),
        media_probe_command(),
        media_create_command(),
        sysprep_command(),
        customize_command(),
        spool_run_command(),
        spool_watch_command(),
        doctor_command(),
        keygen_command(),
        completion_command(),
        complete_command(),
        manual_command(),
    };
}

}  // namespace imgforge::cli
