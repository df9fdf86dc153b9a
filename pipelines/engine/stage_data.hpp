// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/host.hpp"
#include "builder/base/json.hpp"
#include "builder/base/strict_yaml.hpp"
#include "pipelines/engine/build_facts.hpp"
#include "pipelines/engine/recipe_blocks.hpp"

namespace imgforge::compose {
class SecretSet;
}

namespace imgforge::engine {

/// The parts of a recipe that every stage may need, already checked against the schema.
struct RecipeFacts {
    std::string name;              ///< golden image name
    std::string os;                ///< row of templates/, "debian13"
    std::filesystem::path file;    ///< the recipe file; empty for a pipeline made by a command
    std::filesystem::path folder;  ///< relative names in the recipe are relative to this
    InstallerSource installer{};
    InstallMachine machine{};
    Json overrides = Json::array();  ///< --set as given: [{key, value, cwd}], value null for secrets; a
                                     ///< refresh repeats them
    /// SHA-256 of a file, remembered by inode, size and change time, so that an ISO is not read again for
    /// every plan. Set by the engine; file_ingredient(name, path, recipe) uses it.
    std::function<std::string(const std::filesystem::path&)> digest_of{};
    std::vector<std::filesystem::path> extended{};        ///< the recipes this one extends, the nearest first
    std::shared_ptr<const compose::SecretSet> secrets{};  ///< the block `secrets:`; nothing: none
    std::vector<std::string> used_secrets{};              ///< those that stages mention
    /// Keyed digest of a secret, for fingerprints. Set by the engine while it plans.
    std::function<std::string(const std::string& name)> secret_digest{};
};

/// One thing a stage's result depends on. All ingredients together are the fingerprint; the first one that
/// differs is the reason for a rerun. Values are short: digests for contents, never the contents, never a
/// secret.
struct Ingredient {
    enum class Kind {
        other,     ///< the name says it: "tool qemu-img", "medium"
        option,    ///< of the stage, by its key: "packages"
        file,      ///< by its name on the host, which may change: the content counts
        revision,  ///< of the stage type
        previous,  ///< the stage before: what makes the fingerprints a chain
    };
    std::string name;
    std::string value;  ///< compared for equality
    /// For files: a digest per line (first 8 hex digits), so that a change can be reported as "preseed.cfg
    /// line 12 changed".
    std::vector<std::string> line_digests{};
    /// Not part of the fingerprint when false: kept only to explain.
    bool counts = true;
    Kind kind = Kind::other;
    bool shown = false;  ///< the value stands for itself and may be printed; else it is a digest
};

/// What a stage made. Every path lies in the stage's scratch directory and is published with it; names are
/// relative to it.
struct StageResult {
    std::filesystem::path disk{};  ///< qcow2 this stage wrote (an overlay on its input, or standalone);
                                   ///< empty: disk passes through
    std::map<std::string, std::filesystem::path>
        files{};         ///< other results by role: "audit", "packages", "medium"
    BuildFacts facts{};  ///< what later stages and the records need to know
    bool standalone =
        false;  ///< the disk has no backing file: the layers below it may be evicted, it is not theirs
};

/// An earlier stage of the run.
struct StageNote {
    std::string name;
    std::string type;
    std::string fingerprint;
};

/// What earlier stages of the run left behind: their results with absolute, published paths.
struct StageInput {
    std::optional<std::filesystem::path> disk;           ///< top of the backing chain so far
    std::map<std::string, std::filesystem::path> files;  ///< union over earlier stages, the latest wins
    BuildFacts facts{};                                  ///< of all earlier stages, the latest wins
    std::vector<std::string> fingerprints;               ///< of the stages before, in order
    std::vector<StageNote> stages{};                     ///< the stages before, in order: for manifests
};

/// How a build came to its end, for at_end().
struct BuildEnd {
    bool success = true;
    std::string error{};  ///< the failure as the user sees it; empty on success
};

/// One stage of one run, handed to the stage type.
struct StageTask {
    std::string name;  ///< the stage's name in the recipe (type, or type-2 …)
    std::string type;
    Json options;  ///< checked, with defaults
    std::string fingerprint;
    std::vector<std::string> later{};  ///< types of the stages after it: what they could use may be gathered
                                       ///< now, nothing else may depend on it
    const RecipeFacts* recipe = nullptr;
    const Host* host = nullptr;
    StageInput input;  ///< filled when the task's turn has come
    std::filesystem::path
        scratch;  ///< empty directory on the store's file system; becomes the artefact by rename
    std::filesystem::path run_folder;        ///< runs/ID of this build: logs and what a failure leaves behind
    std::uint64_t activity = 0;              ///< parent for Activity objects of the stage
    std::optional<double> expected_seconds;  ///< how long this stage took last time (same recipe)
    bool keep_failed = false;                ///< --keep-failed

    /// Runs when the build ends, however it ends (not after kill -9), in reverse order; shielded from
    /// interrupts. Failures are warnings. For what must not outlive the build, such as a proof machine;
    /// within run() prefer RAII.
    std::function<void(std::string what, std::function<void()> action)> on_undo;
    /// Runs with success when the last stage of the recipe has ended well (promotion), with the error when a
    /// later stage failed (quarantine); not at all after an interrupt or with --until. Must be idempotent:
    /// see StageType::reused().
    std::function<void(std::string what, std::function<void(const BuildEnd& end)> action)> at_end;
};

}  // namespace imgforge::engine
