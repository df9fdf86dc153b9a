// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::engine {
namespace {

std::size_t position_of(const std::vector<StageIdentity>& stages, const std::string& name,
                        const char* option) {
    std::vector<std::string> names;
    for (const StageIdentity& stage : stages) {
        if (stage.name == name) {
            return names.size();
        }
        names.push_back(stage.name);
    }
    throw Error(Failure::usage,
                fmt::format("{}: the recipe has no stage '{}'{}", option, name, did_you_mean(name, names)),
                fmt::format("stages of the recipe: {}", fmt::join(names, ", ")));
}

class Planner {
public:
    Planner(const std::vector<StageIdentity>& stages, const PlanIndex& index, const PlanOptions& options)
        : stages_(stages), index_(index), options_(options) {
        count_ = options.until.empty() ? stages.size() : position_of(stages, options.until, "--until") + 1;
        from_ = options.fresh          ? 0
                : options.from.empty() ? stages.size()
                                       : position_of(stages, options.from, "--from");
        if (from_ < stages.size() && from_ >= count_) {
            throw Error(Failure::usage,
                        fmt::format("--from {} comes after --until {}", options.from, options.until));
        }
    }

    std::vector<PlannedStage> plan() {
        std::size_t first = count_;
        std::string reason;
        for (std::size_t i = 0; i < count_ && first == count_; ++i) {
            reason = own_reason(i);
            first = reason.empty() ? first : i;
        }
        // An evicted disk is missed only by stages that run and have no whole disk above it. Each find moves
        // `first` down, which may make further evicted layers matter.
        for (bool again = true; again;) {
            again = false;
            for (std::size_t i = 0; i < first && !again; ++i) {
                if (is_missed(i, first)) {
                    first = i;
                    reason = "its cached disk was evicted to save space";
                    again = true;
                }
            }
        }
        std::vector<PlannedStage> planned;
        for (std::size_t i = 0; i < count_; ++i) {
            planned.push_back(stage(i, first, reason));
        }
        return planned;
    }

private:
    const Layer* layer(std::size_t i) const {
        const auto found = index_.layers.find(stages_[i].fingerprint);
        return found != index_.layers.end() ? &found->second : nullptr;
    }

    const StageHistory* history(std::size_t i) const {
        const auto found = index_.history.find(stages_[i].name);
        return found != index_.history.end() ? &found->second : nullptr;
    }

    /// Why stage i cannot be reused, whatever comes before it; empty when it can.
    std::string own_reason(std::size_t i) const {
        if (i >= from_) {
            return options_.fresh ? "--fresh" : fmt::format("--from {}", options_.from);
        }
        const Layer* const cached = layer(i);
        if (cached == nullptr) {
            return absent_reason(i);
        }
        if (cached->damaged) {
            return "its cached disk was changed or removed by something else";
        }
        if (options_.max_age && index_.now - cached->created > options_.max_age->count()) {
            return fmt::format("cached layer is older than max-age {}", duration_text(*options_.max_age));
        }
        const Layer* const before = i > 0 ? layer(i - 1) : nullptr;
        if (before != nullptr && cached->previous_id != before->id) {
            return fmt::format("stage '{}' was made again since", stages_[i - 1].name);
        }
        const auto refused = index_.invalid.find(stages_[i].fingerprint);
        return refused != index_.invalid.end() ? refused->second : std::string();
    }

    std::string absent_reason(std::size_t i) const {
        const StageHistory* const past = history(i);
        if (past != nullptr && past->unfinished == stages_[i].fingerprint) {
            return fmt::format("it {} last time: resuming here", past->unfinished_how);
        }
        if (past == nullptr || past->ingredients.empty()) {
            return "never ran";
        }
        const std::vector<Difference> changed = differences(past->ingredients, stages_[i].ingredients);
        return changed.empty() ? "its cached result is gone" : changed.front().text;
    }

    bool is_missed(std::size_t i, std::size_t first) const {
        const Layer* const evicted = layer(i);
        if (evicted == nullptr || !evicted->evicted) {
            return false;
        }
        for (std::size_t j = i + 1; j < first; ++j) {
            const Layer* const above = layer(j);
            if (above != nullptr && !above->evicted && !above->result.disk.empty() &&
                above->result.standalone) {
                return false;
            }
        }
        // When nothing runs, a published image is all that anybody will ask for.
        for (std::size_t j = 0; j < count_ && first == count_; ++j) {
            if (const Layer* const any = layer(j); any != nullptr && any->result.facts.published) {
                return false;
            }
        }
        return true;
    }

    PlannedStage stage(std::size_t i, std::size_t first, const std::string& reason) const {
        const StageIdentity& one = stages_[i];
        const StageHistory* const past = history(i);
        PlannedStage planned{.name = one.name, .type = one.type, .fingerprint = one.fingerprint};
        planned.ingredients = one.ingredients;
        planned.forced = i >= from_;
        planned.expected_seconds = past != nullptr ? past->seconds : std::nullopt;
        if (past != nullptr && !past->ingredients.empty()) {
            planned.differences = differences(past->ingredients, one.ingredients);
        }
        if (i < first) {
            const Layer* const cached = layer(i);
            planned.verdict = PlannedStage::Verdict::reuse;
            planned.reason = cached->evicted ? "nothing changed; its disk was evicted and is not needed"
                                             : "nothing changed";
        } else if (i == first) {
            planned.reason = reason;
        } else {
            const bool own = !planned.differences.empty() &&
                             planned.differences.front().kind != Ingredient::Kind::previous;
            const bool known = past != nullptr && !past->ingredients.empty();
            planned.reason = own      ? planned.differences.front().text
                             : !known ? "never ran"
                                      : fmt::format("stage '{}' runs before it", stages_[first].name);
        }
        return planned;
    }

    const std::vector<StageIdentity>& stages_;
    const PlanIndex& index_;
    const PlanOptions& options_;
    std::size_t count_ = 0;
    std::size_t from_ = 0;
};

}  // namespace

std::vector<PlannedStage> make_plan(const std::vector<StageIdentity>& stages, const PlanIndex& index,
                                    const PlanOptions& options) {
    return Planner(stages, index, options).plan();
}

Json plan_record(const std::string& recipe, const std::vector<PlannedStage>& plan, bool explain) {
    Json stages = Json::array();
    for (const PlannedStage& stage : plan) {
        Json item{{"name", stage.name},
                  {"type", stage.type},
                  {"verdict", stage.verdict == PlannedStage::Verdict::run ? "run" : "reuse"},
                  {"reason", stage.reason},
                  {"fingerprint", stage.fingerprint}};
        if (explain) {
            item["differences"] = Json::array();
            for (const Difference& difference : stage.differences) {
                item["differences"].push_back(difference.text);
            }
        }
        stages.push_back(std::move(item));
    }
    return {{"recipe", recipe}, {"stages", std::move(stages)}};
}

std::string plan_text(const std::string& recipe, const std::vector<PlannedStage>& plan, bool explain) {
    std::size_t width = 0;
    std::size_t running = 0;
    double seconds = 0;
    for (const PlannedStage& stage : plan) {
        width = std::max(width, stage.name.size());
        if (stage.verdict == PlannedStage::Verdict::run) {
            ++running;
            seconds += stage.expected_seconds.value_or(0);
        }
    }
    std::string text;
    for (const PlannedStage& stage : plan) {
        const bool run = stage.verdict == PlannedStage::Verdict::run;
        text += fmt::format("{:<{}}  {:<5}  {}\n", stage.name, width, run ? "run" : "reuse", stage.reason);
        for (const Difference& difference : stage.differences) {
            if (explain && run && difference.kind != Ingredient::Kind::previous &&
                difference.text != stage.reason) {
                text += fmt::format("{:<{}}         also: {}\n", "", width, difference.text);
            }
        }
    }
    if (running == 0) {
        return text + fmt::format("{}: nothing to do\n", recipe);
    }
    const auto expected = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    text += fmt::format("{}: {} of {} stages to run{}\n", recipe, running, plan.size(),
                        seconds > 0 ? fmt::format(", about {}", duration_text(expected)) : "");
    return text;
}

}  // namespace imgforge::engine
