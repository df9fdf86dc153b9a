// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "pipelines/engine/stage_data.hpp"

namespace imgforge::engine {

/// Annotation in an option's schema; true where it is absent.
inline constexpr const char* affects_result = "x-affects-result";

/// A stage type: one record in pipelines/stages/registry.cpp. The engine knows nothing else of what stages
/// do.
class StageType {
public:
    virtual ~StageType() = default;

    virtual std::string_view name() const = 0;     ///< "install"
    virtual std::string_view summary() const = 0;  ///< one line for `imgforge schema` and the manual
    /// Raise when the same options would give another result than before.
    virtual int revision() const = 0;
    /// JSON Schema (draft-07) of the options, with `description` and `default` everywhere.
    /// additionalProperties false. An option that cannot change the result (a deadline) has the annotation
    /// `affects_result` set to false, and a cached layer serves whatever its value.
    virtual const Json& schema() const = 0;

    /// Checks beyond the schema: files that are missing, combinations that cannot be. `pointer` is where the
    /// options stand.
    virtual void check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document,
                       const std::string& pointer, Diagnostics& diagnostics) const;
    /// Fact of an earlier stage without which this one cannot work ("generation"); the recipe is refused when
    /// no stage before it gives that.
    virtual std::string_view needs() const { return {}; }
    virtual std::string_view gives() const { return {}; }
    /// True: makes its disk from nothing, so a stage before it that works on a disk would be for nothing.
    virtual bool starts_afresh() const { return false; }
    /// True: works on the disk of the stages before it.
    virtual bool works_on_disk() const { return false; }
    /// What the result depends on in addition to options, revision and earlier stages: named files, tools,
    /// templates.
    virtual std::vector<Ingredient> ingredients(const RecipeFacts& recipe, const Json& options) const;
    /// Stages of one non-empty group that follow each other are handed to run_group() of the first together
    /// (one appliance launch for all of them).
    virtual std::string_view group() const { return {}; }
    /// False when a cached result can no longer serve (its generation was quarantined); the reason is shown.
    /// Paths in `cached` are absolute.
    virtual bool still_valid(const StageResult& cached, const Host& host, std::string& reason) const;

    virtual StageResult run(StageTask& task) const = 0;

    /// The cached result serves in this build. A stage whose run() registers at_end() does the same here,
    /// since an earlier build may have been killed before its hooks ran: the hook promotes what is still a
    /// candidate and leaves all else.
    virtual void reused(StageTask& task, const StageResult& cached) const;

    /// Runs several consecutive stages. `publish(i, result)` must be called once per task, in order, as soon
    /// as its result stands; the next task's `input` is filled by that call. The default runs them one by
    /// one.
    using Publish = std::function<void(std::size_t index, StageResult result)>;
    virtual void run_group(std::span<StageTask> tasks, std::span<const StageType* const> types,
                           const Publish& publish) const;
};

/// Digest of a file's content with its line digests when it is text of less than 1 MiB. A missing file has
/// the value "missing".
Ingredient file_ingredient(std::string name, const std::filesystem::path& path);
/// The same through recipe.digest_of: for media and other large files.
Ingredient file_ingredient(std::string name, const std::filesystem::path& path, const RecipeFacts& recipe);
/// A file that the user names: Kind::file, called as its last component.
Ingredient named_file_ingredient(const std::filesystem::path& path, const RecipeFacts& recipe);

/// One ingredient per leaf of a tree, named "prefix.a.b"; short plain values are kept to be shown, others and
/// secrets as digest.
std::vector<Ingredient> value_ingredients(const std::string& prefix, const Json& value);

/// Identity of a program: size and change date of what PATH gives, without running it; "missing" when there
/// is none.
Ingredient tool_ingredient(std::string_view program);

}  // namespace imgforge::engine
