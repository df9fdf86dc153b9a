// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/open_image.hpp"
#include "pipelines/engine/source_schema.hpp"
#include "pipelines/engine/trust_rules.hpp"
#include "pipelines/stages/medium_source.hpp"
#include "pipelines/stages/stage_types.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

Json fetch_schema() {
    using engine::path_schema;
    Json properties = engine::verification_properties();
    properties.update(
        {{"source", path_schema("Path or URL; without it the recipe's installer.iso")},
         {"checksums", path_schema("Path or URL of a SHA256SUMS or SHA512SUMS file that lists the file")},
         {"signature", path_schema("Path or URL of the detached OpenPGP signature of the checksums file")},
         {"as",
          {{"type", "string"},
           {"enum", {"medium", "disk"}},
           {"default", "medium"},
           {"description",
            "medium: an installer ISO for a later stage; disk: a standalone qcow2 image for the "
            "following stages"}}}});
    return {{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
}

/// Options in the form of the `installer:` block; without a source that block itself.
engine::InstallerSource source_of(const engine::RecipeFacts& recipe, const Json& options) {
    if (!options.contains("source")) {
        return installer_of(recipe);
    }
    engine::InstallerSource source = engine::installer_source(options);
    source.iso = options["source"];
    return source;
}

/// A foreign disk is not trusted: its format is stated, and a backing file would be resolved on this host.
void check_disk(const engine::StageTask& task, const fs::path& disk) {
    image::open_image(*task.host->processes, {.file = disk, .format = image::DiskFormat::qcow2});
}

class Fetch final : public engine::StageType {
public:
    std::string_view name() const override { return "fetch"; }
    std::string_view summary() const override {
        return "Download and verify an ISO or disk image; interrupted downloads resume";
    }
    int revision() const override { return 1; }
    const Json& schema() const override {
        static const Json schema = fetch_schema();
        return schema;
    }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        const engine::InstallerSource block = source_of(recipe, options);
        const auto spec = medium_spec(block, recipe.folder);
        std::error_code code;
        check_keyring(block, options.contains("source") ? pointer : "/installer", recipe.folder, document,
                      diagnostics);
        if (options.contains("source")) {
            for (const auto& [key, message] : engine::trust_faults(options)) {
                diagnostics.add(document.at(pointer + "/" + key, message, {}, true));
            }
        }
        if (!spec) {
            diagnostics.add(document.at(
                pointer, "nothing to fetch: give 'source', or installer.iso in the recipe", {}, true));
        } else if (options.contains("source") && !fetch::is_url(spec->location) &&
                   !fs::exists(spec->location, code)) {
            diagnostics.add(
                document.at(pointer + "/source", fmt::format("no such file: {}", spec->location)));
        }
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        return medium_ingredients(recipe, source_of(recipe, options));
    }

    engine::StageResult run(engine::StageTask& task) const override {
        const auto spec = medium_spec(source_of(*task.recipe, task.options), task.recipe->folder);
        const fetch::Medium medium = fetch::fetch_medium(spec.value(), fetch_services(task));
        const bool disk = task.options["as"] == "disk";
        const fs::path name = disk ? fs::path("disk.qcow2") : fs::path(fetch::base_name(spec->location));
        std::error_code code;
        fs::create_hard_link(medium.path, task.scratch / name, code);
        if (code || disk) {
            // Another file system; or a disk, which the layer store makes read-only.
            fs::remove(task.scratch / name, code);
            copy_file_fast(medium.path, task.scratch / name);
        }
        engine::StageResult result;
        result.facts.medium = {.sha256 = medium.sha256, .verified_by = medium.verified_by};
        if (disk) {
            check_disk(task, task.scratch / name);
            result.disk = name;
            result.standalone = true;
        } else {
            result.files["medium"] = name;
        }
        return result;
    }
};

}  // namespace

const engine::StageType& fetch_stage() {
    static const Fetch type;
    return type;
}

}  // namespace imgforge::stages
