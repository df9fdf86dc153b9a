// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/signing_place.hpp"
#include "builder/base/state_db.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/stages/contents.hpp"
#include "pipelines/stages/input_disk.hpp"
#include "pipelines/stages/publish_targets.hpp"
#include "pipelines/stages/refresh.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/store/gc.hpp"
#include "pipelines/store/publish.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

using engine::StageResult;
using engine::StageTask;

/// A Store with the database it stands on, for the length of one action.
struct OpenStore {
    explicit OpenStore(const Host& host)
        : database(host.places.state_db()), store(host.places, database, *host.clock) {}
    StateDb database;
    store::Store store;
};

/// The same tree with the values of secrets masked: it goes into a manifest that everybody may read.
Json masked(const Json& value) {
    if (value.is_array()) {
        Json list = Json::array();
        for (const Json& entry : value) {
            list.push_back(masked(entry));
        }
        return list;
    }
    if (value.is_object()) {
        Json map = Json::object();
        for (const auto& [key, entry] : value.items()) {
            map[key] = is_secret_key(key) && entry.is_primitive() ? Json("***") : masked(entry);
        }
        return map;
    }
    return value.is_string() ? Json(redact(value.get<std::string>())) : value;
}

Json recipe_record(const engine::RecipeFacts& recipe) {
    Json record = {{"name", recipe.name},
                   {"os", recipe.os},
                   {"file", recipe.file.empty() ? "" : fs::absolute(recipe.file).string()}};
    if (!recipe.file.empty() && fs::exists(recipe.file)) {
        record["sha256"] = sha256_hex(read_file(recipe.file));
    }
    for (const fs::path& file : recipe.extended) {
        record["extends"].push_back(
            {{"file", fs::absolute(file).string()}, {"sha256", sha256_hex(read_file(file))}});
    }
    record["overrides"] = recipe.overrides;
    record["installer"] = masked(to_json(recipe.installer));
    record["machine"] = to_json(recipe.machine);
    return record;
}

Json input_records(const engine::RecipeFacts& recipe, const StageTask& task) {
    Json list = Json::array();
    const engine::InstallerSource& installer = recipe.installer;
    if (!installer.iso.empty() || !installer.archive.empty()) {
        Json medium = {{"name", "medium"},
                       {"source", redact(installer.iso.empty() ? installer.archive : installer.iso)}};
        const auto& facts = task.input.facts.medium;
        medium["sha256"] = facts ? facts->sha256 : installer.sha256;
        if (facts && !facts->verified_by.empty()) {
            medium["verified_by"] = facts->verified_by;
        }
        list.push_back(std::move(medium));
    }
    return list;
}

Json stage_records(const StageTask& task) {
    Json list = Json::array();
    for (const engine::StageNote& note : task.input.stages) {
        list.push_back({{"name", note.name}, {"type", note.type}, {"fingerprint", note.fingerprint}});
    }
    list.push_back({{"name", task.name}, {"type", task.type}, {"fingerprint", task.fingerprint}});
    return list;
}

/// What a refresh has in common with the build it renews: the recipe and the stages before the updates.
std::string base_of(const StageTask& task) {
    std::string last;
    for (const engine::StageNote& note : task.input.stages) {
        if (note.name == update_stage || note.type == "sysprep" || note.type == "audit" ||
            note.type == "compact") {
            break;
        }
        last = note.fingerprint;
    }
    return sha256_hex(last + canonical(recipe_record(*task.recipe)));
}

Json policy_of(const Json& options) {
    Json policy = {{"keep", options.value("keep", 3)}};
    if (options.contains("keep-days")) {
        policy["keep_days"] = options["keep-days"];
    }
    policy["max_age"] = options.value("max-age", std::string("1d"));
    return policy;
}

Json tool_records(const Host& host) {
    const ProcessResult result = host.processes->run(
        {.program = "qemu-img", .args = {"--version"}, .timeout = std::chrono::seconds(20)});
    // "qemu-img version 7.2.22 (Debian …)"
    const std::size_t start = result.out.find("version ");
    return {{"qemu-img",
             start == std::string::npos
                 ? "unknown"
                 : result.out.substr(start + 8, result.out.find_first_of(" \n", start + 8) - start - 8)}};
}

store::Candidate candidate_of(StageTask& task) {
    const image::ChainPolicy policy = input_policy(task);
    // Before the appliance sees the disk.
    image::read_backing_chain(*task.input.disk, image::DiskFormat::qcow2, policy);
    std::map<std::string, fs::path> files = task.input.files;
    if (files.count(contents_role) == 0) {
        for (const auto& [role, name] : capture_contents_of_disk(*task.input.disk, task.scratch, task)) {
            files[role] = task.scratch / name;
        }
    }
    store::Candidate candidate;
    candidate.image = task.recipe->name;
    candidate.disk = *task.input.disk;
    candidate.references = policy;
    candidate.signing_key = signing_key_file(task.host->settings, task.host->places);
    candidate.recipe = recipe_record(*task.recipe);
    candidate.inputs = input_records(*task.recipe, task);
    candidate.tools = tool_records(*task.host);
    candidate.stages = stage_records(task);
    candidate.policy = policy_of(task.options);
    Json sources;
    candidate.contents = captured_contents(files, &sources).value_or(store::GuestContents{});
    candidate.recipe["sources"] = sources;
    candidate.recipe["base"] = base_of(task);
    if (const auto audit = files.find("audit"); audit != files.end()) {
        candidate.audit = audit->second;
    }
    const std::string compression = task.options.value("compress", std::string("zstd"));
    candidate.compression = compression == "zstd"   ? image::qemu_img::Compression::zstd
                            : compression == "zlib" ? image::qemu_img::Compression::zlib
                                                    : image::qemu_img::Compression::none;
    candidate.max_depth = task.options.value("chain", 4);
    return candidate;
}

engine::PublishedFacts facts_of(const store::PublishResult& result, std::string base) {
    const store::Generation& generation = result.generation;
    return {.image = generation.image,
            .generation = generation.generation,
            .published = result.published,
            .candidate = generation.state == store::GenerationState::candidate,
            .reason = result.reason,
            .disk = generation.disk(),
            .sha256 = generation.sha256,
            .virtual_size = generation.virtual_size,
            .allocated_size = generation.allocated_size,
            .recipe_base = std::move(base)};
}

/// After the last stage: a candidate that passed becomes current and old generations go; one that failed is
/// quarantined.
void settle(const Host& host, const std::string& image, int number, const fs::path& run_folder,
            const engine::BuildEnd& end) {
    OpenStore open(host);
    const auto generation = open.store.find(image, number);
    if (!generation || generation->state != store::GenerationState::candidate) {
        return;  // nothing was published, or an earlier build settled it
    }
    if (!end.success) {
        const std::string report =
            fmt::format("A stage after `publish` failed; its log and artefacts are in {}\n\n{}\n",
                        run_folder.string(), redact(end.error));
        open.store.quarantine(image, number, "a check of the recipe failed after it was published", report);
        host.monitor->warning(
            fmt::format("{} is quarantined; the generation in service stays", generation->label()));
        return;
    }
    open.store.promote(image, number);
    host.monitor->message(fmt::format("{} is now the current generation", generation->label()));
    store::collect_garbage(open.store, image, std::nullopt);
}

void register_end(StageTask& task, const std::string& image, int number) {
    const Host* const host = task.host;
    const std::vector<targets::NamedTarget> wanted = publish_targets(task);
    task.at_end(fmt::format("settle {}@{}", image, number),
                [host, image, number, wanted, folder = task.run_folder](const engine::BuildEnd& end) {
                    settle(*host, image, number, folder, end);
                    if (end.success) {
                        push_to_targets(*host, image, number, wanted);
                    }
                });
}

class PublishStage final : public engine::StageType {
public:
    std::string_view name() const override { return "publish"; }
    std::string_view gives() const override { return "generation"; }
    bool works_on_disk() const override { return true; }
    std::string_view summary() const override {
        return "publish the disk as a new generation, unless its content equals that of the current one";
    }
    int revision() const override { return 1; }

    const Json& schema() const override {
        static const Json schema = Json::parse(R"({
            "type": "object", "additionalProperties": false,
            "properties": {
                "keep": {"type": "integer", "minimum": 1, "default": 3,
                    "description":
                        "how many generations to keep, including the current one; those in use are kept anyway"},
                "keep-days": {"type": "integer", "minimum": 0,
                    "description": "also keep generations younger than this many days"},
                "max-age": {"type": "string", "pattern": "^[0-9]+[smhdw]?$", "default": "1d",
                    "x-message": "must be a time such as 12h, 1d or 2w",
                    "description": "age from which `imgforge refresh` looks for updates"},
                "to": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1},
                    "x-affects-result": false,
                    "description": "targets to push to, by name or location; failed pushes are retried"},
                "chain": {"type": "integer", "minimum": 0, "maximum": 16, "default": 4,
                    "description": "longest chain of generations stored as differences; 0: store each one whole"},
                "compress": {"enum": ["zstd", "zlib", "none"], "default": "zstd",
                    "description": "compression of the disk in the store"}
            }
        })");
        return schema;
    }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        if (!store::is_image_name(recipe.name)) {
            diagnostics.add(document.at("/name", fmt::format("'{}' cannot name a golden image", recipe.name),
                                        "a-z, 0-9, '.', '_' and '-', at most 64, a letter or digit first"));
        }
        try {
            parse_duration(options.value("max-age", std::string("1d")));
        } catch (const Error& error) {
            diagnostics.add(document.at(pointer + "/max-age", error.message()));
        }
    }

    /// Which golden image it becomes a generation of: a copied recipe with another name publishes anew, from
    /// the same cached disk.
    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json&) const override {
        return {{.name = "image", .value = recipe.name}};
    }

    /// The generation must be sound, and either be there or be superseded by refreshes of the same recipe.
    /// Whether it is current is not asked: an administrator may have rolled it back.
    bool still_valid(const StageResult& cached, const Host& host, std::string& reason) const override {
        if (!cached.facts.published || !fs::exists(host.places.state_db())) {
            reason = "the store is empty";
            return false;
        }
        const engine::PublishedFacts& facts = *cached.facts.published;
        const std::string& name = facts.image;
        const int number = facts.generation;
        const OpenStore open(host);
        const auto generation = open.store.find(name, number);
        if (generation && generation->state == store::GenerationState::quarantined) {
            reason = fmt::format("{} is quarantined", generation->label());
            return false;
        }
        const auto current = open.store.current(name);
        const auto serving = current && current->generation > number ? current : generation;
        if (serving && !open.store.damage(*serving).empty()) {
            reason = fmt::format("{} is damaged", serving->label());
            return false;
        }
        if (current && current->generation > number) {
            const Json recipe = current->manifest().value("recipe", Json::object());
            if (recipe.value("base", std::string()) == facts.recipe_base) {
                return true;
            }
            reason = fmt::format("{} of another form of the recipe is in service", current->label());
            return false;
        }
        if (!generation || generation->sha256 != facts.sha256) {
            reason = fmt::format("{}@{} was deleted", name, number);
            return false;
        }
        return true;
    }

    StageResult run(StageTask& task) const override {
        if (!task.input.disk) {
            throw Error(Failure::recipe, "publish has no disk to publish",
                        "a stage that makes one (install) must come before it");
        }
        publish_targets(task);  // a wrong name is reported before the work
        const store::Candidate candidate = candidate_of(task);
        OpenStore open(*task.host);
        const store::PublishResult published =
            store::publish(open.store, *task.host->processes, candidate, *task.host->monitor, task.activity);
        task.host->monitor->message(
            published.published ? fmt::format("{}: {}", published.generation.label(), published.reason)
                                : fmt::format("nothing published: {}", published.reason));
        register_end(task, published.generation.image, published.generation.generation);
        StageResult result;
        result.facts.published = facts_of(published, base_of(task));
        return result;
    }

    void reused(StageTask& task, const StageResult& cached) const override {
        const engine::PublishedFacts& facts = cached.facts.published.value();
        register_end(task, facts.image, facts.generation);
    }
};

}  // namespace

const engine::StageType& publish_stage() {
    static const PublishStage stage;
    return stage;
}

}  // namespace imgforge::stages
