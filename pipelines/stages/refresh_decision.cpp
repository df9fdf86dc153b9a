// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh_decision.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/clock.hpp"

namespace imgforge::stages {
namespace {

std::string age_text(const RefreshFacts& facts) {
    return duration_text(std::chrono::seconds(facts.now - facts.last_success));
}

std::string last_look(const RefreshFacts& facts) {
    return facts.now < facts.last_success
               ? std::string("the last update check is in the future: the clock was set back")
               : fmt::format("last looked for updates {} ago", age_text(facts));
}

bool last_run_failed(const RefreshFacts& facts) {
    return facts.last_outcome == RefreshOutcome::failed || facts.last_outcome == RefreshOutcome::running;
}

}  // namespace

std::string_view to_string(RefreshAction action) {
    switch (action) {
        case RefreshAction::nothing: return "nothing";
        case RefreshAction::update: return "update";
        case RefreshAction::build: return "build";
    }
    return "?";
}

std::string_view to_string(RefreshOutcome outcome) {
    switch (outcome) {
        case RefreshOutcome::planned: return "planned";
        case RefreshOutcome::running: return "running";
        case RefreshOutcome::unchanged: return "unchanged";
        case RefreshOutcome::published: return "published";
        case RefreshOutcome::failed: break;
    }
    return "failed";
}

std::optional<RefreshOutcome> parse_refresh_outcome(std::string_view text) {
    for (const RefreshOutcome outcome :
         {RefreshOutcome::planned, RefreshOutcome::running, RefreshOutcome::unchanged,
          RefreshOutcome::published, RefreshOutcome::failed}) {
        if (text == to_string(outcome)) {
            return outcome;
        }
    }
    return std::nullopt;
}

RefreshDecision decide_refresh(const RefreshFacts& facts) {
    if (facts.recipe_change) {
        return {.action = RefreshAction::build, .reason = *facts.recipe_change};
    }
    if (!facts.has_current) {
        return {.action = RefreshAction::build, .reason = "no generation is in service"};
    }
    if (last_run_failed(facts)) {
        return {.action = RefreshAction::update,
                .reason = facts.last_outcome == RefreshOutcome::failed
                              ? "the last refresh failed"
                              : "the last refresh was killed or did not end"};
    }
    // A nightly timer starts a little less than a day after the run before has ended, so the last tenth
    // counts as due.
    const auto due = facts.max_age - facts.max_age / 10;
    const auto age = std::chrono::seconds(facts.now - facts.last_success);
    // A last look in the future: the clock was set back. Waiting until it has caught up could mean years
    // without updates.
    const bool future = age.count() < 0;
    if (!facts.force && !future && age < due) {
        return {.reason = fmt::format("looked for updates {} ago, max-age is {}", age_text(facts),
                                      duration_text(facts.max_age))};
    }
    if (!facts.sources_known) {
        return {.action = RefreshAction::update,
                .reason = last_look(facts) + "; its package sources are not known"};
    }
    return {.action = RefreshAction::update, .reason = last_look(facts), .ask_mirror = true};
}

RefreshDecision decide_by_mirror(const RefreshFacts& facts, const MirrorState& mirror_now) {
    if (mirror_now.empty()) {
        return {.reason = "the guest has no package source, so only the recipe can bring something new"};
    }
    const auto silent = std::find_if(mirror_now.begin(), mirror_now.end(),
                                     [](const auto& source) { return source.second.empty(); });
    if (silent != mirror_now.end()) {
        return {.action = RefreshAction::update,
                .reason = silent->first + " does not say whether it changed"};
    }
    if (facts.mirror_before.empty()) {
        return {.action = RefreshAction::update, .reason = last_look(facts)};
    }
    for (const auto& [source, digest] : mirror_now) {
        const auto before = facts.mirror_before.find(source);
        if (before == facts.mirror_before.end() || before->second != digest) {
            return {.action = RefreshAction::update, .reason = source + " has changed"};
        }
    }
    return {.reason = "no package source has changed since the last refresh"};
}

}  // namespace imgforge::stages
