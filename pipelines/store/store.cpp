// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/store.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/other_stores.hpp"
#include "pipelines/store/overlays.hpp"
#include "pipelines/store/reports.hpp"
#include "pipelines/store/rows.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

/// Holders of one generation as a sentence: "instance web-1, generation debian13@7".
std::string sentence(const std::vector<Holder>& holders) {
    std::string text;
    for (const Holder& holder : holders) {
        text += (text.empty() ? "" : ", ") + to_string(holder);
    }
    return text;
}

/// Recorded holders, child generations, and machines whose overlay names the disk.
std::vector<Holder> holders_of(const Rows& rows, std::string_view image, int generation,
                               const std::vector<OverlayUse>& overlays) {
    std::set<Holder> all;
    for (const Holder& holder : rows.references(image, generation)) {
        all.insert(holder);
    }
    for (const int child : rows.children(image, generation)) {
        all.insert({.kind = Holder::Kind::generation, .name = fmt::format("{}@{}", image, child)});
    }
    for (const OverlayUse& use : overlays) {
        if (use.image == image && use.generation == generation) {
            all.insert({.kind = Holder::Kind::instance, .name = use.instance});
        }
    }
    return {all.begin(), all.end()};
}

Error not_there(std::string_view image, int generation) {
    return {Failure::domain, fmt::format("{} has no generation {}", image, generation),
            fmt::format("`imgforge images show {}` lists its generations", image)};
}

}  // namespace

Store::Store(Places places, StateDb& database, Clock& clock)
    : places_(std::move(places)), database_(database), clock_(clock) {
    Rows::migrate(database_);
    try {
        recover();
    } catch (const Error& error) {
        // Somebody who may only look (a store of root) must still be able to look; verify tells about the
        // leftovers.
        log::warn("leftovers could not be cleared: " + error.describe());
    }
}

Generation Store::acquire(std::string_view spec, const Holder& holder) {
    const Generation found = resolve(spec);
    require_usable(found);
    add_reference(found.image, found.generation, holder);
    return found;
}

void Store::add_reference(std::string_view image, int generation, const Holder& holder) {
    const auto other = elsewhere(image).empty() ? std::nullopt : find(image, generation);
    if (other) {
        require_readable(*other);
    }
    database_.transaction([&] {
        Rows rows(database_, places_.images());
        if (rows.generation(image, generation)) {
            rows.put_reference(image, generation, holder, clock_.wall_seconds());
        } else if (other) {
            rows.put_other_reference(image, generation, holder, clock_.wall_seconds());
        } else {
            throw not_there(image, generation);
        }
    });
}

void Store::remove_reference(std::string_view image, int generation, const Holder& holder) {
    database_.transaction(
        [&] { Rows(database_, places_.images()).drop_reference(image, generation, holder); });
}

void Store::remove_references(const Holder& holder) {
    database_.transaction([&] { Rows(database_, places_.images()).drop_references(holder); });
}

std::vector<Holder> Store::holders(std::string_view image, int generation) const {
    return holders_of(Rows(database_, places_.images()), image, generation, overlays_in(places_));
}

std::map<std::pair<std::string, int>, std::vector<Holder>> Store::all_holders(std::string_view image) const {
    const Rows rows(database_, places_.images());
    std::map<std::pair<std::string, int>, std::set<Holder>> found;
    for (const std::string& name : image.empty() ? images() : std::vector<std::string>{std::string(image)}) {
        for (const ReferenceRow& row : rows.references(name)) {
            found[{name, row.generation}].insert(row.holder);
        }
        for (const Generation& generation : rows.generations(name)) {
            if (generation.parent) {
                found[{name, *generation.parent}].insert(
                    {.kind = Holder::Kind::generation, .name = generation.label()});
            }
        }
    }
    for (const OverlayUse& use : overlays_in(places_)) {
        if (image.empty() || use.image == image) {
            found[{use.image, use.generation}].insert({.kind = Holder::Kind::instance, .name = use.instance});
        }
    }
    std::map<std::pair<std::string, int>, std::vector<Holder>> all;
    for (const auto& [key, holders] : found) {
        all[key] = {holders.begin(), holders.end()};
    }
    return all;
}

Generation Store::promote(std::string_view image, int generation) {
    const FileLock held = lock(image, "promote");
    database_.transaction([&] {
        Rows rows(database_, places_.images());
        const auto found = rows.generation(image, generation);
        if (!found) {
            throw not_there(image, generation);
        }
        if (found->state == GenerationState::quarantined) {
            throw Error(
                Failure::integrity,
                fmt::format("{} is quarantined and cannot become current: {}", found->label(), found->reason),
                fmt::format("build it again; the report is {}",
                            (image_folder(image) / quarantine_report(generation)).string()));
        }
        require_sound(*found);
        if (found->state == GenerationState::current) {
            return;
        }
        if (const auto before = rows.current(image)) {
            rows.set_state(image, before->generation, GenerationState::retired);
        }
        rows.set_state(image, generation, GenerationState::current);
        rows.touch(image);
    });
    write_index(image);
    return *find(image, generation);
}

void Store::quarantine(std::string_view image, int generation, std::string_view reason,
                       std::string_view report) {
    const FileLock held = lock(image, "quarantine");
    database_.transaction([&] {
        Rows rows(database_, places_.images());
        const auto found = rows.generation(image, generation);
        if (!found) {
            throw not_there(image, generation);
        }
        if (found->state == GenerationState::current) {
            throw Error(Failure::domain, fmt::format("{} is the current generation", found->label()),
                        fmt::format("run `imgforge images rollback {}` first", image));
        }
        rows.set_state(image, generation, GenerationState::quarantined, reason);
        rows.touch(image);
    });
    write_index(image);
    if (!report.empty()) {
        write_file_atomically(image_folder(image) / quarantine_report(generation), report);
    }
}

Generation Store::rollback(std::string_view image) {
    return promote(image, rollback_goal(image).generation);
}

Generation Store::rollback_goal(std::string_view image) const {
    const Generation now = resolve(image);
    const std::vector<Generation> all = generations(image);
    for (auto candidate = all.rbegin(); candidate != all.rend(); ++candidate) {
        if (candidate->generation < now.generation && candidate->state == GenerationState::retired) {
            return *candidate;
        }
    }
    throw Error(
        Failure::domain, fmt::format("{} has no earlier generation to go back to", now.label()),
        fmt::format("`imgforge images show {0}` lists the generations, `imgforge images promote {0}@N` makes "
                    "one of them current",
                    image));
}

/// Inside a transaction: checks everything first, so that a refusal changes nothing.
void Store::drop_row(std::string_view image, int generation, bool even_current,
                     const std::vector<OverlayUse>& overlays) {
    Rows rows(database_, places_.images());
    const auto found = rows.generation(image, generation);
    if (!found) {
        throw not_there(image, generation);
    }
    const std::vector<Holder> who = holders_of(rows, image, generation, overlays);
    if (!who.empty()) {
        throw Error(Failure::domain, fmt::format("{}@{} is in use by {}", image, generation, sentence(who)),
                    "destroy or consolidate the machines, or delete the newer generations first");
    }
    if (found->state == GenerationState::current && !even_current && rows.count_generations(image) > 1) {
        throw Error(Failure::domain, fmt::format("{} is the current generation", found->label()),
                    fmt::format("promote another one first, or run `imgforge images rollback {}`", image));
    }
    rows.begin_journal("delete", image, generation, clock_.wall_seconds());
    rows.drop_generation(image, generation);
}

/// Nothing goes when one of them cannot go, unless `refused` takes the reasons.
void Store::remove_rows(std::string_view image, const std::vector<int>& generations, bool even_current,
                        std::map<int, std::string>* refused) {
    const FileLock held = lock(image, "delete");
    std::vector<int> dropped;
    database_.transaction([&] {
        // Within the transaction nobody can add a reference, so what the disks say now stays true for all of
        // them.
        const std::vector<OverlayUse> overlays = overlays_in(places_);
        for (const int generation : generations) {
            try {
                drop_row(image, generation, even_current, overlays);
                dropped.push_back(generation);
            } catch (const Error& error) {
                if (refused == nullptr || error.kind() != Failure::domain) {
                    throw;
                }
                (*refused)[generation] = error.message();
            }
        }
        if (!dropped.empty()) {
            Rows(database_, places_.images()).touch(image);
        }
    });
    if (!dropped.empty()) {
        finish_removals(image, dropped);
    }
}

void Store::remove(std::string_view image, int generation, bool even_current) {
    remove_rows(image, {generation}, even_current, nullptr);
}

void Store::remove_image(std::string_view image) {
    std::vector<int> numbers;
    for (const Generation& generation : generations(image)) {
        numbers.push_back(generation.generation);
    }
    std::reverse(numbers.begin(), numbers.end());  // differences before what they stand on
    remove_rows(image, numbers, true, nullptr);
}

std::map<int, std::string> Store::remove_all(std::string_view image, const std::vector<int>& generations) {
    std::map<int, std::string> refused;
    if (!generations.empty()) {
        remove_rows(image, generations, false, &refused);
    }
    return refused;
}

}  // namespace imgforge::store
