// SPDX-License-Identifier: GPL-3.0-or-later
// What verify found stays known: in the database, and as a text beside the generation for those who only read
// the store. Everything that takes a generation into use asks here.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/store/chain_check.hpp"
#include "pipelines/store/reports.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/store.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {

std::string quarantine_report(int generation) {
    return fmt::format("quarantine-{}.txt", generation);
}

std::string damage_report(int generation) {
    return fmt::format("damaged-{}.txt", generation);
}

bool is_report(std::string_view name) {
    return name.starts_with("quarantine-") || name.starts_with("damaged-");
}

std::string Store::damage(const Generation& generation) const {
    const fs::path folder = generation.folder.parent_path();
    if (folder == image_folder(generation.image)) {
        return Rows(database_, places_.images()).damage(generation.image, generation.generation);
    }
    const fs::path report = folder / damage_report(generation.generation);
    std::error_code code;
    if (!fs::exists(report, code)) {
        return {};
    }
    try {
        const std::string text = read_file(report);
        return text.substr(0, text.find('\n'));
    } catch (const Error&) {
        return "its owner found damage";  // the report itself is not for everybody
    }
}

bool Store::is_usable(const Generation& generation) const {
    return generation.state != GenerationState::quarantined && damage(generation).empty();
}

void Store::require_usable(const Generation& generation) const {
    if (generation.state == GenerationState::quarantined) {
        throw Error(Failure::integrity,
                    fmt::format("{} is quarantined: {}", generation.label(), generation.reason),
                    "use another generation");
    }
    require_sound(generation);
    require_own_chain(*this, generation);
}

void Store::require_sound(const Generation& generation) const {
    const std::string problem = damage(generation);
    if (!problem.empty()) {
        throw Error(Failure::integrity,
                    fmt::format("{} is damaged and not used: {}", generation.label(), problem),
                    fmt::format("use another generation or build it again; `imgforge images verify {}` looks "
                                "again after the cause was removed",
                                generation.image));
    }
}

void Store::record_damage(std::string_view image, const std::vector<int>& checked,
                          const std::map<int, std::string>& problems) {
    database_.transaction([&] {
        Rows rows(database_, places_.images());
        for (const int number : checked) {
            const auto problem = problems.find(number);
            rows.set_damage(image, number, problem == problems.end() ? std::string() : problem->second,
                            clock_.wall_seconds());
        }
    });
    for (const int number : checked) {
        const fs::path report = image_folder(image) / damage_report(number);
        const auto problem = problems.find(number);
        if (problem != problems.end()) {
            write_file_atomically(report, problem->second + "\n");
        } else if (fs::exists(report)) {
            remove_tree(report);
        }
    }
}

}  // namespace imgforge::store
