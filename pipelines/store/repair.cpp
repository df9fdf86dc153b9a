// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/qcow2_header.hpp"
#include "pipelines/store/image_survey.hpp"
#include "pipelines/store/overlays.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/seal.hpp"
#include "pipelines/store/verify.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

/// References worth keeping: recorded ones whose machine still exists, and those that overlays prove.
std::set<std::pair<int, Holder>> surviving_references(const Store& store, const std::string& image) {
    std::set<std::pair<int, Holder>> all;
    for (const ReferenceRow& row : Rows(store.database(), store.places().images()).references(image)) {
        if (row.holder.kind == Holder::Kind::build ||
            fs::exists(store.places().instances() / row.holder.name)) {
            all.insert({row.generation, row.holder});
        }
    }
    for (const OverlayUse& use : overlays_in(store.places())) {
        if (use.image == image) {
            all.insert({use.generation, {Holder::Kind::instance, use.instance}});
        }
    }
    return all;
}

/// Which record of a generation to believe. The manifest is the published truth about the disk; state and
/// digests come from the index, which has a checksum, unless the database is ahead of it.
std::optional<Generation> believe(const Evidence& evidence, bool database_is_newer) {
    if (!evidence.folder) {
        return std::nullopt;
    }
    if (evidence.row && (database_is_newer || !evidence.indexed)) {
        return evidence.row;
    }
    return evidence.indexed ? evidence.indexed : evidence.described;
}

class Repairer {
public:
    explicit Repairer(Store& store) : store_(store) {}

    std::vector<std::string> lines;

    void repair_image(const std::string& image) {
        const FileLock held = store_.lock(image, "repair");
        const ImageSurvey survey = survey_image(store_, image);
        const std::set<std::pair<int, Holder>> references = surviving_references(store_, image);
        const bool database_is_newer =
            survey.row && (!survey.index || survey.row->serial > survey.index->image.serial);
        std::vector<Generation> believed;
        for (const auto& [number, evidence] : survey.generations) {
            if (auto generation = believe(evidence, database_is_newer)) {
                settle_state(*generation, survey, references);
                believed.push_back(std::move(*generation));
            } else if (!evidence.folder) {
                lines.push_back(fmt::format("{}@{}: forgotten, its directory is gone", image, number));
            } else {
                lines.push_back(fmt::format("{}@{}: left alone, its manifest cannot be read", image, number));
            }
        }
        settle_chains(believed);
        write(image, survey, believed, references);
        for (const Generation& generation : believed) {
            seal(generation.folder);
        }
    }

private:
    /// Without index and database nobody knows the states: what machines use was in service once, the rest
    /// must be looked at.
    void settle_state(Generation& generation, const ImageSurvey& survey,
                      const std::set<std::pair<int, Holder>>& references) {
        if (survey.index || survey.row) {
            return;
        }
        const bool used = std::any_of(references.begin(), references.end(),
                                      [&](const auto& one) { return one.first == generation.generation; });
        generation.state = used ? GenerationState::retired : GenerationState::candidate;
        lines.push_back(
            fmt::format("{}: its state is unknown, now {}; `imgforge images promote {}` puts it in service",
                        generation.label(), to_string(generation.state), generation.label()));
    }

    void settle_chains(std::vector<Generation>& generations) {
        std::set<int> present;
        for (const Generation& generation : generations) {
            present.insert(generation.generation);
        }
        for (Generation& generation : generations) {
            if (generation.parent && present.count(*generation.parent) == 0) {
                generation.reason =
                    fmt::format("the generation {} it is stored on is gone", *generation.parent);
                generation.parent.reset();
                generation.state = GenerationState::quarantined;
                lines.push_back(fmt::format("{}: quarantined, {}", generation.label(), generation.reason));
            }
        }
    }

    void write(const std::string& image, const ImageSurvey& survey,
               const std::vector<Generation>& generations,
               const std::set<std::pair<int, Holder>>& references) {
        const ImageRow row{.name = image,
                           .serial = std::max(survey.row ? survey.row->serial : 0,
                                              survey.index ? survey.index->image.serial : 0) +
                                     1,
                           .next_generation = std::max(
                               {survey.row ? survey.row->next_generation : 1,
                                survey.index ? survey.index->image.next_generation : 1,
                                survey.generations.empty() ? 1 : survey.generations.rbegin()->first + 1})};
        int kept = 0;
        store_.database().transaction([&] {
            Rows rows(store_.database(), store_.places().images());
            rows.clear_image(image);
            rows.put_image(row);
            for (const Generation& generation : generations) {
                rows.put_generation(generation);
            }
            for (const auto& [number, holder] : references) {
                if (rows.generation(image, number)) {
                    rows.put_reference(image, number, holder, store_.clock().wall_seconds());
                    ++kept;
                }
            }
        });
        store::write_index(store_.image_folder(image), {.image = row, .generations = generations});
        lines.push_back(
            fmt::format("{}: index rebuilt, {} generations, {} references", image, generations.size(), kept));
    }

    Store& store_;
};

}  // namespace

std::vector<std::string> repair(Store& store, Monitor& monitor) {
    const Activity activity(monitor, "repair");
    Repairer repairer(store);
    for (const std::string& image : images_anywhere(store)) {
        in_context([&] { return "repairing " + image; }, [&] { repairer.repair_image(image); });
    }
    return std::move(repairer.lines);
}

void require_sound_database(StateDb& database) {
    const std::string answer = quick_check(database);
    if (answer != "ok") {
        throw Error(Failure::integrity,
                    fmt::format("the state database {} is damaged: {}", database_file(database), answer),
                    "run `imgforge images verify --repair`, which rebuilds it from the directories");
    }
}

fs::path move_damaged_database_aside(const fs::path& database, std::int64_t now) {
    const fs::path aside = database.string() + fmt::format(".damaged-{}", now);
    rename_durably(database, aside);
    // A write-ahead log belongs to the file it was written for; left here it would be applied to the new
    // database.
    for (const char* const suffix : {"-wal", "-shm"}) {
        std::error_code ignored;
        fs::rename(database.string() + suffix, aside.string() + suffix, ignored);
    }
    return aside;
}

}  // namespace imgforge::store
