// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/images_support.hpp"
#include "builder/cli/target_support.hpp"
#include "pipelines/targets/pushed.hpp"

namespace imgforge::cli {
namespace {

using targets::TargetGeneration;

/// The oldest beyond `keep` that are neither current nor used: what a collection may let go of.
std::vector<int> beyond(const std::vector<TargetGeneration>& all, const std::string& image, std::size_t keep,
                        Json& kept) {
    std::vector<TargetGeneration> own;
    std::copy_if(all.begin(), all.end(), std::back_inserter(own),
                 [&](const TargetGeneration& one) { return one.image == image; });
    std::vector<int> chosen;
    for (std::size_t i = 0; i + keep < own.size(); ++i) {
        if (own[i].current || !own[i].used_by.empty()) {
            kept.push_back({{"generation", own[i].generation},
                            {"current", own[i].current},
                            {"used_by", own[i].used_by}});
        } else {
            chosen.push_back(own[i].generation);
        }
    }
    return chosen;
}

std::string kept_text(const Json& kept, const std::string& image) {
    std::string text;
    for (const Json& one : kept) {
        const auto users = one["used_by"].get<std::vector<std::string>>();
        text += fmt::format("{}@{} kept: {}\n", image, one["generation"].get<int>(),
                            users.empty() ? "current" : fmt::format("used by {}", fmt::join(users, ", ")));
    }
    return text;
}

int withdraw_image(const Arguments& arguments, CommandContext& context) {
    const store::ImageSpec spec = store::parse_image_spec(arguments.get_or("IMAGE", ""));
    const auto keep = arguments.integer("keep", 1, 100000);
    if (spec.generation.has_value() == keep.has_value()) {
        throw Error(
            Failure::usage,
            spec.generation ? "a generation and --keep are mutually exclusive"
                            : fmt::format("which generations of {} to withdraw is not given", spec.name),
            fmt::format("name one ({}@7), or say how many to keep ({} --keep 3)", spec.name, spec.name));
    }
    const targets::NamedTarget named = named_target(arguments, context, arguments.get_or("TARGET", ""));
    OpenStore open(context);
    const auto target = targets::open_target(named, target_services(open, context));
    Json kept = Json::array();
    const std::vector<int> chosen =
        keep ? beyond(target->generations(), spec.name, static_cast<std::size_t>(*keep), kept)
             : std::vector{*spec.generation};
    targets::PushedTargets pushed(open.database);
    std::string text = kept_text(kept, spec.name);
    for (const int generation : chosen) {
        target->remove(spec.name, generation);
        pushed.forget(named.name, spec.name, generation);
        text += fmt::format("{} does not have {}@{} any more\n", named.name, spec.name, generation);
    }
    context.result({{"image", spec.name}, {"target", named.name}, {"removed", chosen}, {"kept", kept}},
                   text.empty() ? "nothing to remove\n" : text);
    return 0;
}

}  // namespace

Command images_withdraw_command() {
    return {
        .name = "images withdraw",
        .group = "Images",
        .summary = "remove a generation from a target",
        .description =
            "The opposite of `images push`; the local generation is kept. A generation that is "
            "current in the target, or in use there (machines cloned from a Ceph pool), is not "
            "removed, and its users are named. With --keep, all but the newest N are removed, "
            "except those in use.",
        .positionals = {{.name = "IMAGE",
                         .help = "NAME@GENERATION, or NAME with --keep",
                         .completes = Completes::image},
                        {.name = "TARGET", .help = "a target's name, or its place as for `images push`"}},
        .options = {{.names = {"--keep"}, .value = "N", .help = "keep the newest N"},
                    target_key_option("private Ed25519 key (PEM) that signs the index")},
        .examples = {{"imgforge images withdraw debian12@3 ceph", "one generation"},
                     {"imgforge images withdraw debian12 ceph --keep 3", "remove all but the newest three"}},
        .run = withdraw_image};
}

}  // namespace imgforge::cli
