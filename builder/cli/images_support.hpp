// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/state_db.hpp"
#include "builder/cli/command.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::cli {

/// The store of this command with its database; messages about fixed leftovers go to the monitor.
struct OpenStore {
    explicit OpenStore(CommandContext& context)
        : database(context.places.state_db()), store(context.places, database, *context.clock) {
        store.look_in(context.settings.image_path);
    }
    StateDb database;
    store::Store store;
};

/// One generation as `images list` has it, with who needs it.
Json generation_record(const store::Generation& generation, const std::vector<store::Holder>& holders);

}  // namespace imgforge::cli
