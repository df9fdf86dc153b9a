// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "pipelines/store/folder_names.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/reports.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/seal.hpp"
#include "pipelines/store/store.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

constexpr auto lock_timeout = std::chrono::minutes(5);

/// Left by an AtomicFile whose process died: ".index.json.HEX.tmp".
bool is_temporary(std::string_view name) {
    return name.starts_with(".index.json.") || name.starts_with(".quarantine-") ||
           name.starts_with(".damaged-");
}

bool is_leftover(std::string_view name) {
    return name.starts_with(scratch_prefix) || name.starts_with(removal_prefix) || is_temporary(name);
}

}  // namespace

fs::path Store::image_folder(std::string_view image) const {
    return places_.images() / std::string(image);
}

FileLock Store::lock(std::string_view image, std::string_view purpose) const {
    const fs::path locks = places_.images() / ".locks";
    make_directories(locks);
    return FileLock::acquire(locks / (std::string(image) + std::string(lock_suffix)), purpose, lock_timeout);
}

void Store::write_index(std::string_view image) const {
    try {
        const Rows rows(database_, places_.images());
        const auto row = rows.image(image);
        if (row && index_is_ahead(image_folder(image), row)) {
            log::warn(
                fmt::format("{} is newer than the database and was left unchanged; run `imgforge images "
                            "verify --repair`",
                            index_path(image_folder(image)).string()));
        } else if (row) {
            store::write_index(image_folder(image), {.image = *row, .generations = rows.generations(image)});
        }
    } catch (const Error& error) {
        // The change itself is committed in the database; the next command writes the index (its serial
        // lags).
        log::warn("the index of " + std::string(image) + " could not be written: " + error.describe());
    }
}

void Store::finish_removal(std::string_view image, int generation) const {
    const fs::path folder = image_folder(image) / std::to_string(generation);
    const fs::path doomed = image_folder(image) / fmt::format("{}{}", removal_prefix, generation);
    if (fs::exists(folder)) {
        remove_tree(doomed);
        unseal(folder);
        rename_durably(folder, doomed,
                       "run `imgforge images gc` again when the cause is gone: the generation counts as "
                       "deleted already");
    }
    unseal(doomed);
    remove_tree(doomed);
    remove_tree(image_folder(image) / quarantine_report(generation));
    remove_tree(image_folder(image) / damage_report(generation));
}

void Store::finish_removals(std::string_view image, const std::vector<int>& generations) {
    for (const int generation : generations) {
        finish_removal(image, generation);
    }
    write_index(image);
    database_.transaction([&] {
        Rows rows(database_, places_.images());
        for (const int generation : generations) {
            rows.end_journal(image, generation);
        }
    });
    forget_empty_image(image);
}

void Store::finish_publication(std::string_view image, int generation, std::vector<std::string>& fixed) {
    const fs::path folder = image_folder(image) / std::to_string(generation);
    Rows rows(database_, places_.images());
    if (fs::exists(folder)) {
        if (!rows.generation(image, generation)) {
            const Generation record = generation_from_folder(folder);
            database_.transaction([&] {
                ImageRow row = *rows.image(image);
                row.next_generation = std::max(row.next_generation, generation + 1);
                row.serial += 1;
                rows.put_image(row);
                rows.put_generation(record);
            });
            fixed.push_back(
                fmt::format("{}@{}: recorded as candidate, its publisher was killed after it was complete",
                            image, generation));
        }
        seal(folder);
    }
    write_index(image);
    database_.transaction([&] { rows.end_journal(image, generation); });
}

void Store::sweep_scratch(std::string_view image, std::vector<std::string>& fixed) {
    const fs::path folder = image_folder(image);
    std::set<std::string> scratches;
    for (const std::string& name : entries(folder)) {
        if (name.starts_with(removal_prefix)) {
            unseal(folder / name);
            remove_tree(folder / name);
            fixed.push_back(
                fmt::format("{}: finished deleting {}", image, name.substr(removal_prefix.size())));
        } else if (is_temporary(name)) {
            remove_tree(folder / name);
        } else if (name.starts_with(scratch_prefix)) {
            const bool is_lock = name.size() > lock_suffix.size() &&
                                 name.substr(name.size() - lock_suffix.size()) == lock_suffix;
            scratches.insert(is_lock ? name.substr(0, name.size() - lock_suffix.size()) : name);
        }
    }
    const Rows rows(database_, places_.images());
    for (const ReferenceRow& row : rows.references(image)) {
        if (row.holder.kind == Holder::Kind::build && row.holder.name.starts_with(scratch_prefix)) {
            scratches.insert(row.holder.name);
        }
    }
    for (const std::string& name : scratches) {
        const auto dead = FileLock::try_acquire(alive_file(folder, name), "sweep");
        if (!dead) {
            continue;
        }
        if (fs::exists(folder / name)) {
            fixed.push_back(fmt::format("{}: removed the unfinished publication {}", image,
                                        name.substr(scratch_prefix.size())));
        }
        remove_tree(folder / name);
        database_.transaction([&] {
            Rows(database_, places_.images()).drop_references({Holder::Kind::build, name});
        });
        ::unlink(alive_file(folder, name).c_str());
    }
}

void Store::forget_empty_image(std::string_view image) {
    Rows rows(database_, places_.images());
    const fs::path folder = image_folder(image);
    const std::vector<std::string> names = entries(folder);
    const bool only_records = std::all_of(names.begin(), names.end(), [](const std::string& name) {
        return name == "index.json" || is_report(name) || is_temporary(name);
    });
    if (!only_records || !rows.generations(image).empty() || !rows.journal(image).empty()) {
        return;
    }
    database_.transaction([&] { rows.drop_image(image); });
    remove_tree(folder);
}

bool Store::has_leftovers(std::string_view image) const {
    const Rows rows(database_, places_.images());
    const std::vector<std::string> names = entries(image_folder(image));
    if (std::any_of(names.begin(), names.end(), [](const std::string& name) { return is_leftover(name); }) ||
        !rows.journal(image).empty()) {
        return true;
    }
    const auto row = rows.image(image);
    return row && index_lags(image_folder(image), *row);
}

std::vector<std::string> Store::recover() {
    std::set<std::string> names;
    for (const std::string& name : entries(places_.images())) {
        if (is_image_name(name)) {
            names.insert(name);
        }
    }
    for (const ImageRow& row : Rows(database_, places_.images()).images()) {
        names.insert(row.name);
    }
    std::vector<std::string> fixed;
    for (const std::string& name : names) {
        if (has_leftovers(name)) {
            const std::vector<std::string> lines = recover(name);
            fixed.insert(fixed.end(), lines.begin(), lines.end());
        }
    }
    return fixed;
}

std::vector<std::string> Store::recover(std::string_view image) {
    const fs::path locks = places_.images() / ".locks";
    make_directories(locks);
    const auto held =
        FileLock::try_acquire(locks / (std::string(image) + std::string(lock_suffix)), "clear leftovers");
    if (!held) {
        return {};  // somebody works on it: what looks like a leftover is theirs
    }
    return recover_locked(image);
}

std::vector<std::string> Store::recover_locked(std::string_view image) {
    const interrupt::Shield shield;
    std::vector<std::string> fixed;
    const Rows rows(database_, places_.images());
    std::vector<int> doomed;
    for (const JournalRow& row : rows.journal(image)) {
        if (row.operation == "publish") {
            finish_publication(image, row.generation, fixed);
        } else {
            doomed.push_back(row.generation);
            fixed.push_back(fmt::format("{}@{}: finished deleting it", image, row.generation));
        }
    }
    if (!doomed.empty()) {
        finish_removals(image, doomed);
    }
    sweep_scratch(image, fixed);
    const auto row = rows.image(image);
    if (row && index_lags(image_folder(image), *row)) {
        write_index(image);
        fixed.push_back(fmt::format("{}: wrote its index, which lagged behind the database", image));
    }
    forget_empty_image(image);
    return fixed;
}

}  // namespace imgforge::store
