// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/run_folder.hpp"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/random.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

fs::path run_lock(const fs::path& folder) {
    return folder / ".lock";
}

}  // namespace

RunFolder RunFolder::make(const Places& places, const std::string& recipe, std::int64_t now) {
    const std::string id = fmt::format("{:%Y%m%d-%H%M%S}-{}-{}", fmt::gmtime(static_cast<std::time_t>(now)),
                                       recipe, random_hex(2));
    RunFolder made{.id = id, .path = places.runs() / id};
    make_directories(made.path, 0700);
    return made;
}

void RunFolder::take_lock(const std::string& recipe) {
    alive = FileLock::try_acquire(run_lock(path), "build of " + recipe);
}

bool RunFolder::is_live(const Places& places, const std::string& id) {
    const fs::path lock = run_lock(places.runs() / id);
    std::error_code code;
    return fs::exists(lock, code) &&
           !FileLock::try_acquire(lock, "looking whether this run is alive", FileLock::Mode::shared)
                .has_value();
}

}  // namespace imgforge::engine
