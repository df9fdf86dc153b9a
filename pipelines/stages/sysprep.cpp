// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/guest/inspection.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "sysprep/sysprep_image.hpp"

namespace imgforge::stages {

using engine::StageResult;
using engine::StageTask;

namespace {

std::vector<std::string> strings(const Json& options, const char* key) {
    return options.contains(key) ? options.at(key).get<std::vector<std::string>>()
                                 : std::vector<std::string>();
}

sysprep::SysprepOptions options_of(const StageTask& task) {
    sysprep::SysprepOptions options;
    options.keep = strings(task.options, "keep");
    options.remove = strings(task.options, "remove");
    options.keep_passwords = strings(task.options, "keep-passwords");
    options.remove_users = strings(task.options, "remove-users");
    options.new_uuids = task.options.value("new-uuids", false);
    const std::string state = task.options.value("machine-id", "empty");
    options.machine_id = state == "uninitialized" ? sysprep::MachineIdState::uninitialized
                         : state == "delete"      ? sysprep::MachineIdState::remove
                         : state == "keep"        ? sysprep::MachineIdState::keep
                                                  : sysprep::MachineIdState::empty;
    // What the recipe put into the image on purpose is not a leftover.
    if (const auto& customized = task.input.facts.customized) {
        options.keep.insert(options.keep.end(), customized->paths.begin(), customized->paths.end());
        options.keep_passwords.insert(options.keep_passwords.end(), customized->passwords.begin(),
                                      customized->passwords.end());
    }
    return options;
}

class SysprepStage final : public OfflineStage {
public:
    std::string_view name() const override { return "sysprep"; }
    std::string_view summary() const override {
        return "clean the image of identity, secrets and traces, so that clones are unique";
    }
    int revision() const override { return 2; }
    bool changes_guest() const override { return true; }

    const Json& schema() const override {
        static const Json schema = Json::parse(R"json({
            "type": "object", "additionalProperties": false,
            "properties": {
                "operations": {"type": "string",
                    "description": "operations to run: a,b means only these, -c all default ones except c; )json"
                                               R"json(see imgforge sysprep --list-operations",
                    "default": ""},
                "new-uuids": {"type": "boolean", "default": false, "description":
                    "renew UUIDs of file systems, LVM and partitions, with fstab, boot loader and initramfs"},
                "machine-id": {"enum": ["empty", "uninitialized", "delete", "keep"],
                    "description": "what to leave in /etc/machine-id", "default": "empty"},
                "keep": {"type": "array", "items": {"type": "string"},
                    "description": "patterns of paths in the guest that are never touched", "default": []},
                "remove": {"type": "array", "items": {"type": "string", "pattern": "^~?/",
                    "x-message": "must begin with / or ~/"},
                    "description": "patterns of paths to remove as well; ~/ is every home", "default": []},
                "keep-passwords": {"type": "array", "items": {"type": "string"},
                    "description": "users whose passwords are kept", "default": []},
                "remove-users": {"type": "array", "items": {"type": "string"},
                    "description": "build users to remove with their homes", "default": []},
                "passphrase-file": {"type": "string", "format": "path",
                    "description": "file with the passphrase of encrypted volumes", "default": ""}
            }
        })json");
        return schema;
    }

    void check(const engine::RecipeFacts& /*recipe*/, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        try {
            sysprep::select_operations(options.value("operations", ""), sysprep::all_operations());
        } catch (const Error& error) {
            diagnostics.add(document.at(pointer + "/operations", error.message()));
        }
    }

    std::filesystem::path passphrase_file(const engine::RecipeFacts& recipe,
                                          const Json& options) const override {
        const std::string file = options.value("passphrase-file", "");
        return file.empty() ? std::filesystem::path() : recipe.folder / file;
    }

    Json inside(StageTask& task, sysprep::OfflineSession& session) const override {
        const auto operations =
            sysprep::select_operations(task.options.value("operations", ""), sysprep::all_operations());
        const Json report =
            sysprep::run_operations(session, operations, options_of(task), sysprep::Devices::wiped).to_json();
        if (session.appliance != nullptr) {
            guest::mount_guest(*session.appliance, session.os, session.read_only);
        }
        return report;
    }

    StageResult outside(StageTask& task, const std::filesystem::path& layer,
                        const std::filesystem::path& needles_file, Json inside) const override {
        StageResult result;
        // The layer's backing file still holds every secret: the result is a new file without one.
        const std::filesystem::path cleaned = task.scratch / "cleaned.qcow2";
        sysprep::write_standalone(layer, cleaned, image::DiskFormat::qcow2, layer, *task.host->processes,
                                  *task.host->monitor, task.activity);
        std::filesystem::rename(cleaned, layer);
        result.disk = layer.filename();
        result.standalone = true;
        write_file_atomically(task.scratch / "sysprep.json", pretty(inside));
        result.files.emplace("sysprep", "sysprep.json");
        if (!needles_file.empty()) {
            write_file_atomically(task.scratch / "needles.json", read_file(needles_file), 0600);
            result.files.emplace("needles", "needles.json");
        }
        std::size_t changes = 0;
        for (const Json& operation : inside.at("operations")) {
            changes += operation.at("changes").size();
        }
        // The audit takes from these what was left on purpose.
        result.facts.sysprep = {.machine_id = task.options.value("machine-id", "empty"),
                                .keep = strings(task.options, "keep"),
                                .keep_passwords = strings(task.options, "keep-passwords"),
                                .changes = changes};
        return result;
    }
};

}  // namespace

const engine::StageType& sysprep_stage() {
    static const SysprepStage stage;
    return stage;
}

}  // namespace imgforge::stages
