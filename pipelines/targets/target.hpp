// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/base/settings.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::targets {

/// What a target works with. All references stay borrowed.
struct TargetServices {
    store::Store& store;
    ProcessRunner& processes;
    Monitor& monitor;
    std::filesystem::path signing_key{};  ///< signs an index that has no key of its own; empty: unsigned
};

/// A generation as a target has it.
struct TargetGeneration {
    std::string image;
    int generation = 0;
    std::string state;  ///< candidate, current or retired
    bool current = false;
    std::vector<std::string> used_by{};  ///< who needs it there, in the target's own names
};

/// What a push did. `record` has at least `target`; `text` is one line for a terminal, with its end.
struct TargetPush {
    Json record = Json::object();
    std::string text{};
};

/// A place outside the store that holds generations: a directory, a bucket, a registry, a cluster. One object
/// per command and thread. What cannot be reached is Failure::tool; nothing is left half visible there: a
/// killed call is finished by the same call.
class Target {
public:
    virtual ~Target() = default;

    /// Puts the generation there, complete and verified; as the current one when it is that in the store,
    /// else as a candidate. What is there already travels no second time.
    virtual TargetPush push(const store::Generation& generation) = 0;
    /// All that it holds, oldest first within an image.
    virtual std::vector<TargetGeneration> generations() = 0;
    /// True when promote() would find the generation there. The first half of a promotion: it must reach the
    /// place and needs the rights that promote() needs, so that what fails does so before anything has moved.
    virtual bool can_promote(const std::string& image, int generation) = 0;
    /// Moves the pointer and copies nothing. The same again changes nothing.
    virtual void promote(const std::string& image, int generation) = 0;
    /// Lets go of one. Failure::domain, naming who, while it is current or somebody uses it; missing is fine.
    virtual void remove(const std::string& image, int generation) = 0;
};

/// One kind of target: a row of target_kinds().
struct TargetKind {
    std::string_view word;     ///< the key in the settings: "directory"
    std::string_view summary;  ///< for the manual
    bool pushes = true;        ///< takes generations
    bool pulls = false;        ///< `pull` and `follow` read it
    /// Checks the setting and opens nothing yet. Throws Failure::usage for options that cannot be.
    std::unique_ptr<Target> (*open)(const TargetSetting& setting, const TargetServices& services) = nullptr;
};

/// All kinds, in the order of the manual. To add one: a file with its class and its function, and a row.
const std::vector<TargetKind>& target_kinds();

/// A target as the user named it.
struct NamedTarget {
    std::string name;  ///< of the settings, or the place itself
    TargetSetting setting{};

    const TargetKind& kind() const;
    /// `pull` and `follow` read it: by its kind, of registries those with `format: windows`.
    bool pulls() const;
};

/// A name of the settings, a path, a file:// or http(s) URL, oci://HOST/REPOSITORY, or KIND:PLACE of any kind
/// ("s3:https://…", "rbd:pool"). Throws Failure::usage for a word that is not a target's name and cannot be a
/// path (no slash, and nothing of that name exists), with "did you mean".
NamedTarget find_target(const Settings& settings, const std::string& text);

/// Opens it to push, promote and list. Throws Failure::usage for kinds that can only be read.
std::unique_ptr<Target> open_target(const NamedTarget& target, const TargetServices& services);

}  // namespace imgforge::targets
