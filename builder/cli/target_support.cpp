// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/target_support.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/signing_place.hpp"

namespace imgforge::cli {

targets::PullServices pull_services(OpenStore& open, CommandContext& context) {
    return {.store = open.store,
            .processes = *context.processes,
            .monitor = *context.monitor,
            .signing_key = signing_key_file(context.settings, context.places)};
}

targets::TargetServices target_services(OpenStore& open, CommandContext& context) {
    return {.store = open.store,
            .processes = *context.processes,
            .monitor = *context.monitor,
            .signing_key = stated_signing_key(context.settings, context.places)};
}

Option target_key_option(const std::string& help) {
    return {.names = {"--key"}, .value = "FILE", .help = help, .completes = Completes::file};
}

targets::NamedTarget named_target(const Arguments& arguments, const CommandContext& context,
                                  const std::string& text) {
    targets::NamedTarget target = targets::find_target(context.settings, text);
    if (const auto key = arguments.get("key")) {
        target.setting.options["key"] = std::filesystem::absolute(*key).string();
    }
    return target;
}

targets::PullSource pull_source(const targets::NamedTarget& target) {
    // oci://… has no format of its own: whether windows are there is seen when it is read.
    const bool stated = target.setting.kind == "oci" && target.setting.option("format").empty() &&
                        target.name.starts_with("oci:");
    if (!target.pulls() && !stated) {
        throw Error(Failure::usage, fmt::format("nothing can be pulled from '{}'", target.name),
                    target.setting.kind == "oci"
                        ? fmt::format("imgforge images import oci://{}", target.setting.place())
                        : "pull from a directory, or its URL");
    }
    return {
        .location = target.setting.place(), .key = target.setting.option("key"), .setting = target.setting};
}

void retry_pointers(OpenStore& open, CommandContext& context) {
    for (const targets::PointerMove& move :
         targets::retry_pointers(context.settings, target_services(open, context))) {
        if (move.outcome == targets::PointerOutcome::pending) {
            context.monitor->warning(fmt::format("{}: the current {} is not promoted there yet: {}",
                                                 move.target, move.image, move.error));
        }
    }
}

Json moves_record(const std::vector<targets::PointerMove>& moves) {
    Json list = Json::array();
    for (const targets::PointerMove& move : moves) {
        Json record = {{"target", move.target}, {"outcome", targets::to_string(move.outcome)}};
        if (!move.error.empty()) {
            record["error"] = move.error;
        }
        list.push_back(std::move(record));
    }
    return list;
}

std::string moves_text(const std::vector<targets::PointerMove>& moves, int generation) {
    std::string text;
    for (const targets::PointerMove& move : moves) {
        text += move.outcome == targets::PointerOutcome::moved
                    ? fmt::format("\n{}: now current there as well", move.target)
                : move.outcome == targets::PointerOutcome::absent
                    ? fmt::format("\n{}: does not hold it and keeps its own (imgforge images push {}@{} {})",
                                  move.target, move.image, generation, move.target)
                    : fmt::format("\n{}: moved later, {}", move.target, move.error);
    }
    return text;
}

}  // namespace imgforge::cli
