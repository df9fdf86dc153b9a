// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

std::vector<Command> light_commands() {
    return {
        images_list_command("images"), images_list_command("images list"),
        images_show_command(),         images_diff_command(),
        images_promote_command(),      images_rollback_command(),
        images_delete_command(),       images_gc_command(),
        images_verify_command(),       seed_create_command(),
        seed_inspect_command(),
    };
}

}  // namespace imgforge::cli
