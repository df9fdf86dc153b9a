// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/gc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace imgforge::store {
namespace {

constexpr std::int64_t now = 2'000'000'000;
constexpr std::int64_t day = 86400;

/// A history as it can come about: parents are older, one generation at most is current.
std::vector<GcItem> random_history(std::mt19937& random) {
    std::vector<GcItem> items;
    const int count = static_cast<int>(random() % 14);
    for (int i = 1; i <= count; ++i) {
        GcItem item{.generation = i, .created = now - static_cast<std::int64_t>(random() % 40) * day};
        const auto state = random() % 8;
        item.state = state == 0   ? GenerationState::quarantined
                     : state == 1 ? GenerationState::candidate
                                  : GenerationState::retired;
        if (i > 1 && random() % 2 == 0) {
            item.parent = 1 + static_cast<int>(random() % static_cast<unsigned>(i - 1));
        }
        if (random() % 6 == 0) {
            item.holders.push_back({Holder::Kind::instance, "web-" + std::to_string(i)});
        }
        items.push_back(item);
    }
    if (count > 0 && random() % 5 != 0) {
        items[random() % items.size()].state = GenerationState::current;
    }
    return items;
}

std::set<int> kept(const std::vector<GcDecision>& decisions) {
    std::set<int> numbers;
    for (const GcDecision& decision : decisions) {
        if (!decision.remove) {
            numbers.insert(decision.generation);
        }
    }
    return numbers;
}

TEST(GcPlan, properties_hold_for_any_history) {
    for (unsigned seed = 1; seed <= 2000; ++seed) {
        std::mt19937 random(seed);
        const std::vector<GcItem> items = random_history(random);
        GcPolicy policy{.keep = 1 + static_cast<int>(random() % 5)};
        if (random() % 2 == 0) {
            policy.keep_age = std::chrono::hours(24 * (random() % 30));
        }
        const std::vector<GcDecision> plan = plan_gc(items, policy, now);
        const std::set<int> stay = kept(plan);
        ASSERT_EQ(plan.size(), items.size());

        std::size_t in_service = 0;
        std::size_t in_service_kept = 0;
        for (const GcItem& item : items) {
            const bool stays = stay.count(item.generation) != 0;
            if (item.state == GenerationState::current || !item.holders.empty()) {
                ASSERT_TRUE(stays) << "seed " << seed << ": current or held generation " << item.generation
                                   << " removed";
            }
            if (stays && item.parent) {
                ASSERT_TRUE(stay.count(*item.parent) != 0)
                    << "seed " << seed << ": parent of " << item.generation << " removed";
            }
            const bool served =
                item.state == GenerationState::current || item.state == GenerationState::retired;
            in_service += served ? 1 : 0;
            in_service_kept += served && stays ? 1 : 0;
            if (served && policy.keep_age && std::chrono::seconds(now - item.created) < *policy.keep_age) {
                ASSERT_TRUE(stays) << "seed " << seed << ": young generation " << item.generation
                                   << " removed";
            }
        }
        ASSERT_GE(in_service_kept, std::min<std::size_t>(in_service, static_cast<std::size_t>(policy.keep)))
            << "seed " << seed;

        // Keeping more never removes what keeping fewer would have left.
        GcPolicy more = policy;
        more.keep += 1;
        for (const int number : stay) {
            ASSERT_TRUE(kept(plan_gc(items, more, now)).count(number) != 0) << "seed " << seed;
        }
        // Doing it again removes nothing further.
        std::vector<GcItem> rest;
        std::copy_if(items.begin(), items.end(), std::back_inserter(rest),
                     [&](const GcItem& item) { return stay.count(item.generation) != 0; });
        ASSERT_EQ(kept(plan_gc(rest, policy, now)).size(), rest.size()) << "seed " << seed;
    }
}

TEST(GcPlan, says_why) {
    const std::vector<GcItem> items{
        {.generation = 1, .state = GenerationState::retired, .created = now - 9 * day},
        {.generation = 2,
         .state = GenerationState::retired,
         .created = now - 8 * day,
         .holders = {{Holder::Kind::instance, "web-1"}}},
        {.generation = 3, .state = GenerationState::current, .created = now}};
    const auto plan = plan_gc(items, {.keep = 1}, now);
    EXPECT_EQ(plan[0].reason, "removed: beyond the newest 1");
    EXPECT_EQ(plan[1].reason, "kept: in use by instance web-1");
    EXPECT_EQ(plan[2].reason, "kept: current");
}

TEST(GcPlan, old_quarantined_generation_goes_and_fresh_candidate_stays) {
    const std::vector<GcItem> items{
        {.generation = 1, .state = GenerationState::quarantined, .created = now - 30 * day},
        {.generation = 2, .state = GenerationState::current, .created = now - day},
        {.generation = 3, .state = GenerationState::candidate, .created = now}};
    const auto plan = plan_gc(items, {}, now);
    EXPECT_TRUE(plan[0].remove);
    EXPECT_FALSE(plan[2].remove);
}

}  // namespace
}  // namespace imgforge::store
