// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/gc.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/log.hpp"

namespace imgforge::store {
namespace {

bool was_in_service(GenerationState state) {
    return state == GenerationState::current || state == GenerationState::retired;
}

/// The newest `keep` generations that are or were in service.
std::set<int> newest(const std::vector<GcItem>& items, int keep) {
    std::vector<int> numbers;
    for (const GcItem& item : items) {
        if (was_in_service(item.state)) {
            numbers.push_back(item.generation);
        }
    }
    std::sort(numbers.rbegin(), numbers.rend());
    const auto count = std::min(numbers.size(), static_cast<std::size_t>(std::max(keep, 1)));
    return {numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(count)};
}

struct Rules {
    const GcPolicy& policy;
    std::int64_t now;
    std::set<int> kept_by_count;
    std::set<int> parents{};  ///< of generations that stay

    GcDecision decide(const GcItem& item) const {
        const auto keep = [&](std::string why) {
            return GcDecision{.generation = item.generation, .remove = false, .reason = "kept: " + why};
        };
        const auto drop = [&](std::string why) {
            return GcDecision{.generation = item.generation, .remove = true, .reason = "removed: " + why};
        };
        const std::chrono::seconds age(now - item.created);
        if (item.state == GenerationState::current) {
            return keep("current");
        }
        if (!item.holders.empty()) {
            return keep(
                "in use by " + to_string(item.holders.front()) +
                (item.holders.size() > 1 ? fmt::format(" and {} more", item.holders.size() - 1) : ""));
        }
        if (parents.count(item.generation) != 0) {
            return keep("a newer generation is stored as difference to it");
        }
        if (!was_in_service(item.state)) {
            // A candidate newer than the current one may be in its proof boot right now.
            if (age < policy.failed_age) {
                return keep(fmt::format("{}, younger than {} days", to_string(item.state),
                                        policy.failed_age.count() / 24));
            }
            return drop(fmt::format("{} since more than {} days", to_string(item.state),
                                    policy.failed_age.count() / 24));
        }
        if (kept_by_count.count(item.generation) != 0) {
            return keep(fmt::format("among the newest {}", std::max(policy.keep, 1)));
        }
        if (policy.keep_age && age < *policy.keep_age) {
            return keep(fmt::format("younger than {} days", policy.keep_age->count() / 24));
        }
        return drop(fmt::format("beyond the newest {}", std::max(policy.keep, 1)));
    }
};

GcPolicy recorded_policy(const Store& store, const std::string& image) {
    const std::vector<Generation> all = store.generations(image);
    for (auto newest_one = all.rbegin(); newest_one != all.rend(); ++newest_one) {
        if (was_in_service(newest_one->state)) {
            try {
                return GcPolicy::from_json(newest_one->manifest().value("policy", Json::object()));
            } catch (const Error& error) {
                log::warn("the manifest of " + newest_one->label() + " cannot be read: " + error.describe());
            }
        }
    }
    return {};
}

}  // namespace

GcPolicy GcPolicy::from_json(const Json& policy) {
    GcPolicy result;
    if (policy.contains("keep") && policy["keep"].is_number_integer()) {
        result.keep = std::max(policy["keep"].get<int>(), 1);
    }
    if (policy.contains("keep_days") && policy["keep_days"].is_number_integer()) {
        result.keep_age = std::chrono::hours(24) * policy["keep_days"].get<int>();
    }
    return result;
}

std::vector<GcDecision> plan_gc(const std::vector<GcItem>& items, const GcPolicy& policy, std::int64_t now) {
    std::vector<GcItem> order = items;
    std::sort(order.begin(), order.end(),
              [](const GcItem& a, const GcItem& b) { return a.generation > b.generation; });
    Rules rules{.policy = policy, .now = now, .kept_by_count = newest(items, policy.keep)};
    std::vector<GcDecision> decisions;
    // Newest first: a parent is always older than its child, so its child is decided when its turn comes.
    for (const GcItem& item : order) {
        decisions.push_back(rules.decide(item));
        if (!decisions.back().remove && item.parent) {
            rules.parents.insert(*item.parent);
        }
    }
    std::reverse(decisions.begin(), decisions.end());
    return decisions;
}

std::vector<GcOutcome> collect_garbage(Store& store, const std::string& image,
                                       const std::optional<GcPolicy>& policy, bool dry_run) {
    std::vector<GcItem> items;
    const std::vector<Generation> all = store.generations(image);
    auto holders = store.all_holders(image);
    for (const Generation& generation : all) {
        GcItem item{.generation = generation.generation,
                    .state = generation.state,
                    .created = generation.created,
                    .parent = generation.parent};
        for (const Holder& holder : holders[{image, generation.generation}]) {
            if (holder.kind != Holder::Kind::generation) {
                item.holders.push_back(holder);
            }
        }
        items.push_back(std::move(item));
    }
    const std::vector<GcDecision> plan =
        plan_gc(items, policy.value_or(recorded_policy(store, image)), store.clock().wall_seconds());
    std::map<int, ByteSize> sizes;
    for (const Generation& generation : all) {
        sizes[generation.generation] = generation.allocated_size;
    }
    std::vector<int> doomed;
    for (auto decision = plan.rbegin(); decision != plan.rend(); ++decision) {
        if (decision->remove) {
            doomed.push_back(decision->generation);
        }
    }
    std::map<int, std::string> refused;
    if (!dry_run) {
        refused = store.remove_all(image, doomed);
    }
    std::vector<GcOutcome> outcomes;
    for (const GcDecision& decision : plan) {
        GcOutcome outcome{.image = image, .decision = decision, .failure = refused[decision.generation]};
        if (decision.remove && outcome.failure.empty()) {
            outcome.freed = sizes[decision.generation];
        }
        outcomes.push_back(std::move(outcome));
    }
    return outcomes;
}

}  // namespace imgforge::store
