// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever the recipe is: a build right after a build runs nothing, and one changed option runs its stage and
// exactly those after it.
#include <cstdlib>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "tests/unit/engine/fake_stage.hpp"

namespace imgforge::engine::test {
namespace {

struct AnyStage {
    std::string type;
    std::string text;
    int count = 1;
    bool slow = false;
};

AnyStage any_stage() {
    return {.type = *rc::gen::element<std::string>("one", "two", "three", "four", "five", "six"),
            .text = *rc::gen::container<std::string>(8, rc::gen::inRange('a', 'z')),
            .count = *rc::gen::inRange(1, 10),
            .slow = *rc::gen::arbitrary<bool>()};
}

std::string recipe_text(const std::vector<AnyStage>& stages) {
    std::string text = "name: any\nos: debian13\nstages:\n";
    for (std::size_t i = 0; i < stages.size(); ++i) {
        text += fmt::format("  - {}: {{name: s{}, text: '{}', count: {}, mode: {}}}\n", stages[i].type, i,
                            stages[i].text, stages[i].count, stages[i].slow ? "slow" : "fast");
    }
    return text;
}

/// Changes one option and tells its name.
std::string change(AnyStage& stage) {
    switch (*rc::gen::inRange(0, 3)) {
        case 0: stage.text += "x"; return "text";
        case 1: stage.count = stage.count % 9 + 1; return "count";
        default: stage.slow = !stage.slow; return "mode";
    }
}

std::vector<PlannedStage> plan(Workshop& shop, const std::vector<AnyStage>& stages) {
    Recipe recipe = shop.recipe_from(recipe_text(stages));
    return plan_build(recipe, {}, shop.host());
}

RC_GTEST_PROP(AnyRecipe, one_changed_option_reruns_exactly_the_stages_downstream, ()) {
    std::vector<AnyStage> stages;
    for (int i = *rc::gen::inRange(1, 9); i > 0; --i) {
        stages.push_back(any_stage());
    }
    Workshop shop;
    Recipe recipe = shop.recipe_from(recipe_text(stages));
    build(recipe, {}, shop.host());
    RC_ASSERT(running(plan(shop, stages)).empty());

    const auto changed = *rc::gen::inRange<std::size_t>(0, stages.size());
    const std::string option = change(stages[changed]);
    const std::vector<PlannedStage> after = plan(shop, stages);

    for (std::size_t i = 0; i < after.size(); ++i) {
        RC_ASSERT((after[i].verdict == PlannedStage::Verdict::run) == (i >= changed));
    }
    RC_ASSERT(after[changed].reason.find("option '" + option + "' changed") == 0);

    const std::size_t before = shop.world->ran.size();
    Recipe again = shop.recipe_from(recipe_text(stages));
    build(again, {}, shop.host());
    RC_ASSERT(shop.world->ran.size() - before == stages.size() - changed);
    RC_ASSERT(running(plan(shop, stages)).empty());
}

// 100 recipes by default would take longer than all other tests of the engine. A failure prints the RC_PARAMS
// that repeat it.
const int fewer = ::setenv("RC_PARAMS", "max_success=25", 0);

}  // namespace
}  // namespace imgforge::engine::test
