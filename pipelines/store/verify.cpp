// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/verify.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/qcow2_header.hpp"
#include "pipelines/store/attestation.hpp"
#include "pipelines/store/image_survey.hpp"
#include "pipelines/store/overlays.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/seal.hpp"
#include "pipelines/store/verify_digests.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

class Checker {
public:
    Checker(Store& store, const VerifyOptions& options) : store_(store), options_(options) {}

    std::vector<Finding> findings;
    std::vector<DigestTask> tasks;

    void check_image(const std::string& image, const std::set<int>& only) {
        const ImageSurvey survey = survey_image(store_, image);
        if (survey.index_fault) {
            add(image, 0, "index", index_path(store_.image_folder(image)), *survey.index_fault, true);
        } else if (survey.row && survey.index && survey.index->image.serial > survey.row->serial) {
            add(image, 0, "database", store_.places().state_db(),
                fmt::format(
                    "is older than index.json (change {} against {}): an old copy was put in its place",
                    survey.row->serial, survey.index->image.serial),
                true);
        }
        for (const std::string& stray : only.empty() ? survey.strays : std::vector<std::string>()) {
            add(image, 0, "folder", store_.image_folder(image) / stray, "does not belong to the store",
                false);
        }
        for (const auto& [number, evidence] : survey.generations) {
            if (only.empty() || only.contains(number)) {
                check_generation(image, number, evidence);
            }
        }
    }

    void check_references() {
        std::set<std::pair<std::string, std::pair<std::string, int>>> overlays;
        for (const OverlayUse& use : overlays_in(store_.places())) {
            overlays.insert({use.instance, {use.image, use.generation}});
        }
        const Rows rows(store_.database(), store_.places().images());
        std::set<std::pair<std::string, std::pair<std::string, int>>> recorded;
        for (const ImageRow& image : rows.images()) {
            for (const ReferenceRow& row : rows.references(image.name)) {
                recorded.insert({row.holder.name, {row.image, row.generation}});
                if (row.holder.kind == Holder::Kind::instance &&
                    !fs::exists(store_.places().instances() / row.holder.name)) {
                    add(row.image, row.generation, "reference", store_.places().state_db(),
                        fmt::format("is held for the machine {}, which has no directory", row.holder.name),
                        true);
                }
            }
        }
        for (const auto& use : overlays) {
            if (recorded.count(use) == 0) {
                add(use.second.first, use.second.second, "reference", store_.places().instances() / use.first,
                    fmt::format("the machine {} is based on it, but no reference is recorded", use.first),
                    true);
            }
        }
    }

private:
    void add(const std::string& image, int generation, std::string what, fs::path path, std::string problem,
             bool repairable) {
        findings.push_back({.image = image,
                            .generation = generation,
                            .what = std::move(what),
                            .path = std::move(path),
                            .problem = std::move(problem),
                            .repairable = repairable});
    }

    void check_generation(const std::string& image, int number, const Evidence& evidence) {
        const fs::path folder = store_.image_folder(image) / std::to_string(number);
        if (!evidence.folder) {
            add(image, number, "folder", folder, "is gone, but the records have it", false);
            return;
        }
        if (!evidence.row) {
            add(image, number, "database", store_.places().state_db(),
                fmt::format("does not know the generation in {}", folder.string()), true);
        }
        if (evidence.index_readable && !evidence.indexed) {
            add(image, number, "index", index_path(store_.image_folder(image)),
                "does not have this generation", true);
        }
        if (evidence.manifest_fault) {
            add(image, number, "manifest", folder / "manifest.json", *evidence.manifest_fault, false);
        }
        compare_records(image, number, evidence);
        check_files(image, number, evidence, folder);
        check_chain(image, number, evidence, folder);
    }

    static bool manifest_is_genuine(const Evidence& evidence) {
        return evidence.row && evidence.described &&
               evidence.described->manifest_sha256 == evidence.row->manifest_sha256;
    }

    /// What the disk must be by the records: the index, which has a checksum; without it the manifest if the
    /// database vouches for it.
    static std::optional<Generation> truth_of(const Evidence& evidence) {
        if (evidence.indexed) {
            return evidence.indexed;
        }
        return evidence.row && !manifest_is_genuine(evidence) ? evidence.row : evidence.described;
    }

    /// Names which of the records contradicts the others.
    void compare_records(const std::string& image, int number, const Evidence& evidence) {
        if (evidence.row && evidence.indexed) {
            const Json row = to_json(*evidence.row);
            const Json indexed = to_json(*evidence.indexed);
            for (const auto& [key, value] : row.items()) {
                const Json other = indexed.value(key, Json());
                if (value != other) {
                    // The index carries a checksum over itself, so it is the database that was changed behind
                    // our back.
                    add(image, number, "database", store_.places().state_db(),
                        fmt::format("was changed: {} is {}, index.json has {}", key, value.dump(),
                                    other.dump()),
                        true);
                }
            }
        }
        if (evidence.row && !evidence.indexed && manifest_is_genuine(evidence)) {
            // No index to ask: the manifest, whose digest the database has, is the second witness. It knows
            // no state.
            const Json row = to_json(*evidence.row);
            const Json described = to_json(*evidence.described);
            for (const auto& [key, value] : described.items()) {
                if (key != "state" && value != row.value(key, Json())) {
                    add(image, number, "database", store_.places().state_db(),
                        fmt::format("was changed: {} is {}, manifest.json has {}", key,
                                    row.value(key, Json()).dump(), value.dump()),
                        true);
                }
            }
        }
        const std::optional<Generation>& truth = evidence.indexed ? evidence.indexed : evidence.row;
        if (truth && evidence.described && evidence.described->manifest_sha256 != truth->manifest_sha256) {
            add(image, number, "manifest",
                store_.image_folder(image) / std::to_string(number) / "manifest.json",
                fmt::format("was changed: its digest is {}, published was {}",
                            evidence.described->manifest_sha256, truth->manifest_sha256),
                false);
        }
    }

    void check_files(const std::string& image, int number, const Evidence& evidence, const fs::path& folder) {
        const std::optional<Generation> truth = truth_of(evidence);
        std::map<std::string, std::string> expected{{"manifest.json", ""}};
        if (truth) {
            expected["disk.qcow2"] = truth->sha256;
        }
        if (fs::exists(folder / attestation_name)) {
            expected[attestation_name] = "";  // its signature says more: `images verify --key`
        }
        for (const auto& [name, digest] : evidence.file_digests) {
            expected[name] = digest;
        }
        for (const auto& [name, digest] : expected) {
            if (!fs::exists(folder / name)) {
                add(image, number, fs::path(name).stem(), folder / name, "is missing", false);
            } else if (!digest.empty() && (options_.digests || name != "disk.qcow2")) {
                tasks.push_back({.image = image,
                                 .generation = number,
                                 .what = fs::path(name).stem(),
                                 .path = folder / name,
                                 .expected = digest});
            }
        }
        for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
            if (expected.count(entry.path().filename()) == 0) {
                add(image, number, "folder", entry.path(), "was not published with the generation", false);
            } else if (!is_read_only(entry.path())) {
                add(image, number, "mode", entry.path(), "is writable", true);
            }
        }
        if (!is_read_only(folder)) {
            add(image, number, "mode", folder, "is writable", true);
        }
    }

    void check_chain(const std::string& image, int number, const Evidence& evidence, const fs::path& folder) {
        const fs::path disk = folder / "disk.qcow2";
        const std::optional<Generation> truth = truth_of(evidence);
        if (!truth || !fs::exists(disk)) {
            return;
        }
        try {
            const image::Qcow2Header header = image::read_qcow2_header(disk);
            const std::string wanted = truth->parent ? fmt::format("../{}/disk.qcow2", *truth->parent) : "";
            if (header.backing_file.value_or("") != wanted ||
                (truth->parent && header.backing_format.value_or("") != "qcow2")) {
                add(image, number, "chain", disk,
                    fmt::format("names '{}' ({}) as backing file, published was '{}'",
                                header.backing_file.value_or(""), header.backing_format.value_or("no format"),
                                wanted),
                    false);
            }
            if (truth->parent && !fs::exists(folder / wanted)) {
                add(image, number, "chain", disk,
                    fmt::format("is based on {}@{}, which is missing", image, *truth->parent), false);
            }
            if (header.virtual_size != truth->virtual_size) {
                add(image, number, "disk", disk,
                    fmt::format("has {} in place of {}", header.virtual_size.text(),
                                truth->virtual_size.text()),
                    false);
            }
        } catch (const Error& error) {
            add(image, number, "disk", disk, error.message(), false);
        }
    }

    Store& store_;
    const VerifyOptions& options_;
};

/// By image the generations to look at; none: all of them.
using Wanted = std::map<std::string, std::set<int>>;

Wanted wanted_of(const Store& store, const std::vector<std::string>& specs) {
    Wanted wanted;
    const std::vector<std::string> known = images_anywhere(store);
    for (const std::string& spec : specs.empty() ? known : specs) {
        const ImageSpec named = parse_image_spec(spec);
        const bool whole =
            !named.generation && std::find(known.begin(), known.end(), named.name) != known.end();
        if (whole) {
            wanted[named.name].clear();
            continue;
        }
        std::optional<Generation> one = store.resolve(spec);
        if (wanted.contains(named.name) && wanted[named.name].empty()) {
            continue;  // all of them are looked at anyway
        }
        for (; one; one = one->parent ? store.find(one->image, *one->parent) : std::nullopt) {
            wanted[named.name].insert(one->generation);
        }
    }
    return wanted;
}

/// Kept in the database so that nothing uses what is known to be damaged; what stands on a damaged generation
/// is damaged with it. A look without digests finds damage, but proves nobody sound.
void remember_damage(Store& store, const Wanted& wanted, bool digests, const std::vector<Finding>& findings) {
    for (const auto& [image, only] : wanted) {
        std::map<int, std::string> problems;
        for (const Finding& finding : findings) {
            // A file that somebody added harms nothing.
            const bool harmless = finding.repairable || finding.generation == 0 ||
                                  finding.problem == "was not published with the generation";
            if (finding.image == image && !harmless) {
                problems.emplace(finding.generation,
                                 fmt::format("{} {}", finding.path.string(), finding.problem));
            }
        }
        std::vector<int> checked;
        for (const Generation& generation : store.generations(image)) {
            const auto below = generation.parent ? problems.find(*generation.parent) : problems.end();
            if (below != problems.end()) {
                problems.emplace(generation.generation, fmt::format("it is based on {}@{}, which is damaged",
                                                                    image, *generation.parent));
            }
            if ((digests && (only.empty() || only.contains(generation.generation))) ||
                problems.count(generation.generation) != 0) {
                checked.push_back(generation.generation);
            }
        }
        if (!checked.empty()) {
            store.record_damage(image, checked, problems);
        }
    }
}

}  // namespace

std::vector<Finding> verify(Store& store, const VerifyOptions& options, Monitor& monitor,
                            std::uint64_t parent_activity) {
    const Wanted wanted = wanted_of(store, options.images);
    Activity activity(monitor, "verify", parent_activity);
    Checker checker(store, options);
    for (const auto& [image, only] : wanted) {
        checker.check_image(image, only);
    }
    if (options.images.empty()) {
        checker.check_references();
    }
    for (Finding& finding : run_tasks(std::move(checker.tasks), options.threads, activity)) {
        checker.findings.push_back(std::move(finding));
    }
    std::sort(checker.findings.begin(), checker.findings.end(), [](const Finding& a, const Finding& b) {
        return std::tie(a.image, a.generation, a.what, a.path) <
               std::tie(b.image, b.generation, b.what, b.path);
    });
    remember_damage(store, wanted, options.digests, checker.findings);
    activity.finish();
    return std::move(checker.findings);
}

Json to_json(const Finding& finding) {
    return {{"image", finding.image},
            {"generation", finding.generation == 0 ? Json() : Json(finding.generation)},
            {"what", finding.what},
            {"path", finding.path.string()},
            {"problem", finding.problem},
            {"repairable", finding.repairable}};
}

}  // namespace imgforge::store
