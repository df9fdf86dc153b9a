// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/publish_targets.hpp"

#include <optional>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/signing_place.hpp"
#include "builder/base/state_db.hpp"
#include "pipelines/targets/pointers.hpp"
#include "pipelines/targets/pushed.hpp"

namespace imgforge::stages {
namespace {

targets::TargetServices services_for(const Host& host, store::Store& store) {
    return {.store = store,
            .processes = *host.processes,
            .monitor = *host.monitor,
            .signing_key = stated_signing_key(host.settings, host.places)};
}

std::string without_line_end(std::string text) {
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

}  // namespace

std::vector<targets::NamedTarget> publish_targets(const engine::StageTask& task) {
    std::vector<targets::NamedTarget> wanted;
    for (const std::string& name : task.options.value("to", std::vector<std::string>())) {
        wanted.push_back(targets::find_target(task.host->settings, name));
    }
    return wanted;
}

void push_to_targets(const Host& host, const std::string& image, int generation,
                     const std::vector<targets::NamedTarget>& wanted) {
    if (wanted.empty()) {
        return;
    }
    StateDb database(host.places.state_db());
    store::Store store(host.places, database, *host.clock);
    const auto found = store.find(image, generation);
    if (!found || found->state == store::GenerationState::quarantined) {
        return;
    }
    const targets::PushedTargets pushed(database);
    std::optional<Error> failure;
    for (const targets::NamedTarget& target : wanted) {
        if (pushed.holds(target.name, image, generation)) {
            continue;
        }
        try {
            const auto done = targets::push_and_record(target, services_for(host, store), *found);
            host.monitor->message(without_line_end(done.text));
        } catch (const Error& error) {
            host.monitor->warning(error.describe());
            if (!failure) {
                failure.emplace(error.kind(),
                                fmt::format("{} is published and stays, but it is not in {}: {}",
                                            found->label(), target.name, error.message()),
                                fmt::format("`imgforge images push {} {}`, or the next build, tries again",
                                            found->label(), target.name));
            }
        }
    }
    if (failure) {
        throw Error(*failure);
    }
}

}  // namespace imgforge::stages
