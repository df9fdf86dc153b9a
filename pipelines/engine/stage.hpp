// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::engine {

/// The parts of a recipe that every stage may need, already checked against the schema.
struct RecipeFacts {
    std::string name;                 ///< golden image name
    std::string os;                   ///< row of templates/, "debian13"
    std::filesystem::path file;       ///< the recipe file; empty for a pipeline made by a command
    std::filesystem::path folder;     ///< relative names in the recipe are relative to this
    Json installer = Json::object();  ///< the `installer:` block
    Json machine = Json::object();    ///< the `machine:` block with defaults filled in
};

/// One thing a stage's result depends on. All ingredients together are the fingerprint; the first one that differs is
/// the reason for a rerun. Values are short: digests for contents, never the contents, never a secret.
struct Ingredient {
    std::string name;   ///< "option packages", "file preseed.cfg", "tool qemu-img", "revision"
    std::string value;  ///< compared for equality
    /// For files: a digest per line (first 8 hex digits), so that a change can be told as "preseed.cfg line 12 changed".
    std::vector<std::string> line_digests{};
    /// Not part of the fingerprint when false: kept only to explain.
    bool counts = true;
};

/// What a stage made. Every path lies in the stage's scratch folder and is published with it; names are relative to it.
struct StageResult {
    std::filesystem::path disk{};  ///< qcow2 this stage wrote (an overlay on its input, or standalone); empty: disk passes through
    std::map<std::string, std::filesystem::path> files{};  ///< other results by role: "audit", "packages", "medium"
    Json facts = Json::object();                           ///< small values later stages and the final record use: {"generation": 3}
};

/// What earlier stages of the run left behind: their results with absolute, published paths.
struct StageInput {
    std::optional<std::filesystem::path> disk;           ///< top of the backing chain so far
    std::map<std::string, std::filesystem::path> files;  ///< union over earlier stages, the latest wins
    Json facts = Json::object();                         ///< union over earlier stages, the latest wins
    std::vector<std::string> fingerprints;               ///< of the stages before, in order
};

/// One stage of one run, handed to the stage type.
struct StageTask {
    std::string name;  ///< the stage's name in the recipe (type, or type-2 …)
    std::string type;
    Json options;  ///< checked, with defaults
    std::string fingerprint;
    const RecipeFacts* recipe = nullptr;
    StageInput input;                  ///< filled when the task's turn has come
    std::filesystem::path scratch;     ///< empty folder on the store's file system; becomes the artefact by rename
    std::filesystem::path run_folder;  ///< runs/ID of this build: logs and what a failure leaves behind
    Monitor* monitor = nullptr;
    std::uint64_t activity = 0;              ///< parent for Activity objects of the stage
    std::optional<double> expected_seconds;  ///< how long this stage took last time (same recipe)
    bool keep_failed = false;                ///< --keep-failed

    /// Runs on every exit of the build that follows, in reverse order, until forget_undo(); shielded from interrupts.
    std::function<void(std::string what, std::function<void()> action)> on_undo;
    /// Runs when the last stage of the recipe has ended well (promotion), or when a later stage failed (quarantine).
    std::function<void(std::string what, std::function<void(bool success)> action)> at_end;
};

/// A stage type: one record in pipelines/stages/registry.cpp. The engine knows nothing else of what stages do.
class StageType {
public:
    virtual ~StageType() = default;

    virtual std::string_view name() const = 0;     ///< "install"
    virtual std::string_view summary() const = 0;  ///< one line for `imgforge schema` and the manual
    /// Raise when the same options would give another result than before.
    virtual int revision() const = 0;
    /// JSON Schema (draft-07) of the options, with `description` and `default` everywhere. additionalProperties false.
    virtual const Json& schema() const = 0;

    /// Checks beyond the schema: files that are missing, combinations that cannot be. `pointer` is where the options stand.
    virtual void check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document, const std::string& pointer,
                       Diagnostics& diagnostics) const;
    /// What the result depends on besides options, revision and earlier stages: named files, tools, templates.
    virtual std::vector<Ingredient> ingredients(const RecipeFacts& recipe, const Json& options) const;
    /// Stages of one non-empty group that follow each other are handed to run_group() of the first together (one
    /// appliance launch for all of them).
    virtual std::string_view group() const { return {}; }
    /// False when a cached result can no longer serve (its generation was quarantined); the reason is shown.
    virtual bool still_valid(const StageResult& cached, std::string& reason) const;
    /// True for stages whose work is to prove or publish and that have no disk of their own.
    virtual bool passes_disk_through() const { return false; }

    virtual StageResult run(StageTask& task) const = 0;

    /// Runs several consecutive stages. `publish(i, result)` must be called once per task, in order, as soon as its result
    /// stands; the next task's `input` is filled by that call. The default runs them one by one.
    using Publish = std::function<void(std::size_t index, StageResult result)>;
    virtual void run_group(std::span<StageTask> tasks, std::span<const StageType* const> types, const Publish& publish) const;
};

/// Digest of a file's content with its line digests when it is text of less than 1 MiB.
Ingredient file_ingredient(std::string name, const std::filesystem::path& path);

}  // namespace imgforge::engine
