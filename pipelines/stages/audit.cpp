// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/stages/contents.hpp"
#include "pipelines/stages/input_disk.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "sysprep/audit/audit.hpp"

namespace imgforge::stages {

using engine::StageResult;
using engine::StageTask;
using sysprep::audit::AuditRequest;
using sysprep::audit::Report;

namespace {

/// What earlier stages did on purpose is declared by that: users, passwords, files and states need no second
/// mention in the recipe.
void take_declared(const engine::BuildFacts& facts, AuditRequest& request) {
    if (const auto& customized = facts.customized) {
        for (const std::string& path : customized->paths) {
            request.waivers.push_back({.rule = "*",
                                       .path = path,
                                       .reason = "put there by the recipe (customize)",
                                       .optional = true});
        }
        for (const std::string& user : customized->passwords) {
            request.expect.passwords.insert(user);
        }
        for (const std::string& user : customized->users) {
            request.expect.users.insert(user);
        }
        for (const std::string& user : customized->sudo) {
            request.expect.sudo.insert(user);
        }
        request.expect.hostname =
            request.expect.hostname.empty() ? customized->hostname : request.expect.hostname;
    }
    if (const auto& sysprep = facts.sysprep) {
        request.expect.machine_id = sysprep->machine_id;
        for (const std::string& user : sysprep->keep_passwords) {
            request.expect.passwords.insert(user);
        }
        for (const std::string& path : sysprep->keep) {
            request.waivers.push_back({.rule = "*",
                                       .path = path,
                                       .reason = "kept by the recipe (sysprep: keep)",
                                       .optional = true});
        }
    }
}

AuditRequest request_of(const StageTask& task) {
    AuditRequest request{
        .disk = *task.input.disk,
        .policy = input_policy(task),
        .expect = sysprep::audit::expectations_from_json(task.options.value("expect", Json::object())),
        .waivers = sysprep::audit::waivers_from_json(task.options.value("waive", Json::array())),
        .everything = task.options.value("everything", false),
        .parent_activity = task.activity};
    // Without a sysprep before it the disk is an overlay on the installed layer; compact or publish will
    // flatten it.
    request.overlay_expected = true;
    take_declared(task.input.facts, request);
    return request;
}

/// A secret that a stage was given and that is still in the image is a finding, line by line where it has
/// several.
void add_secrets(const engine::RecipeFacts& recipe, sysprep::Needles& needles) {
    for (const std::string& name : recipe.used_secrets) {
        const std::string& value = recipe.secrets->value(name);
        needles.add("secret", fmt::format("secret '{}' of the recipe", name), value, "the recipe");
        std::istringstream lines(value);
        for (std::string line; value.find('\n') != std::string::npos && std::getline(lines, line);) {
            needles.add("secret", fmt::format("secret '{}' of the recipe", name), line, "the recipe");
        }
    }
}

class AuditStage final : public OfflineStage {
public:
    std::string_view name() const override { return "audit"; }
    std::string_view summary() const override {
        return "search the finished image for leftovers of identity and secrets, free space included";
    }
    int revision() const override { return 2; }

    const Json& schema() const override {
        static const Json schema = Json::parse(R"json({
            "type": "object", "additionalProperties": false,
            "properties": {
                "waive": {"type": "array", "default": [],
                    "description": "accepted findings, each with its reason",
                    "items": {"type": "object", "additionalProperties": false, "required": ["rule", "reason"],
                        "properties": {
                        "rule": {"type": "string", "description": "name of the rule, * and ? allowed"},
                        "path": {"type": "string", "default": "*", "description": "where; * and ? allowed"},
                        "package": {"type": "string",
                            "description": "only files of this package; * and ? allowed"},
                        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$",
                            "x-message": "must be 64 hexadecimal digits in small letters",
                            "description": "only a file with this digest"},
                        "reason": {"type": "string", "minLength": 10,
                            "description": "why this is not a leftover; printed in every report"}}}},
                "expect": {"type": "object", "additionalProperties": false, "default": {},
                    "description": "what the image has on purpose", "properties": {
                    "machine-id": {"enum": ["empty", "uninitialized", "delete", "keep"], "default": "empty",
                        "description": "state of /etc/machine-id"},
                    "users": {"type": "array", "items": {"type": "string"}, "default": [],
                        "description": "accounts of people"},
                    "passwords": {"type": "array", "items": {"type": "string"}, "default": [],
                        "description": "accounts with a usable password"},
                    "sudo": {"type": "array", "items": {"type": "string"}, "default": [],
                        "description": "users, %groups or files that may say NOPASSWD"},
                    "hostname": {"type": "string", "default": "", "description": "host name the image keeps"},
                    "autorelabel": {"type": "boolean", "default": false,
                        "description": "/.autorelabel is meant"},
                    "cloud-init-disabled": {"type": "boolean", "default": false,
                        "description": "cloud-init is switched off on purpose"}}},
                "everything": {"type": "boolean", "default": false,
                    "description":
                        "also unpack and search programs and libraries below /usr as files: slower"}
            }
        })json");
        return schema;
    }

    Json inside(StageTask& task, sysprep::OfflineSession& session) const override {
        if (!task.input.disk) {
            throw Error(Failure::recipe, "no disk to audit", "put an install or fetch stage before it");
        }
        // The recipe's secrets are searched for as well, in a list of their own: the session's is saved.
        sysprep::Needles needles = session.needles;
        add_secrets(*task.recipe, needles);
        sysprep::OfflineSession own{session.appliance, session.fs,          session.os,       needles,
                                    session.monitor,   session.work_folder, session.read_only};
        const Report report = sysprep::audit::audit_in_session(request_of(task), own, *task.host->processes);
        Json result = report.to_json();
        result["text"] = report.text();
        const bool published = std::find(task.later.begin(), task.later.end(), "publish") != task.later.end();
        if (result.at("clean").get<bool>() && session.appliance != nullptr && published) {
            // The guest is open here anyway: what is in it, for the manifest and the SBOM of the generation.
            // A publish stage that does not find it opens the disk itself.
            capture_contents(*session.appliance, session.fs, session.os, task.scratch);
        }
        return result;
    }

    StageResult outside(StageTask& task, const std::filesystem::path& /*layer*/,
                        const std::filesystem::path& /*needles_file*/, Json inside) const override {
        const std::string text = inside.at("text");
        inside.erase("text");
        if (!inside.at("clean").get<bool>()) {
            const auto kept = task.run_folder / "audit.json";
            write_file_atomically(kept, pretty(inside), 0600);
            throw Error(
                Failure::integrity, fmt::format("the image is not clean\n{}", text),
                fmt::format(
                    "fix what is found, or waive it with a reason (audit: {{waive: […]}}); full report: {}",
                    kept.string()));
        }
        for (const Json& warning : inside.at("coverage").value("warnings", Json::array())) {
            task.host->monitor->warning(warning.get<std::string>());
        }
        write_file_atomically(task.scratch / "audit.json", pretty(inside));
        StageResult result;
        result.files.emplace("audit", "audit.json");
        for (const auto& [role, name] :
             {std::pair(contents_role, "contents.json"), std::pair(guest_files_role, "guest-files.json")}) {
            if (std::filesystem::exists(task.scratch / name)) {
                result.files.emplace(role, name);
            }
        }
        result.facts.audit = {.waived = inside.at("findings").size()};
        return result;
    }
};

}  // namespace

const engine::StageType& audit_stage() {
    static const AuditStage stage;
    return stage;
}

}  // namespace imgforge::stages
