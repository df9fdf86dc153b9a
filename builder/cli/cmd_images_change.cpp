// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/images_support.hpp"
#include "builder/cli/target_support.hpp"
#include "pipelines/lifecycle/warm/warm_template.hpp"
#include "pipelines/store/gc.hpp"

namespace imgforge::cli {
namespace {

targets::Promotion promote_in_all(const Arguments& arguments, OpenStore& open, CommandContext& context,
                                  const std::string& image, int generation) {
    retry_pointers(open, context);
    return targets::promote_everywhere(context.settings, target_services(open, context), image, generation,
                                       arguments.has("later"));
}

/// A pointer that was to be moved now and was not: the promotion stands here, and is not done everywhere.
int promotion_code(const Arguments& arguments, const targets::Promotion& done) {
    const bool left = std::any_of(done.moves.begin(), done.moves.end(), [](const targets::PointerMove& move) {
        return move.outcome == targets::PointerOutcome::pending;
    });
    return static_cast<int>(left && !arguments.has("later") ? ExitCode::failed : ExitCode::ok);
}

Option later_option() {
    return {.names = {"--later"},
            .help = "update an unreachable target as soon as a later command reaches it"};
}

int promote_image(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    const std::string text = arguments.get_or("IMAGE", "");
    const store::ImageSpec spec = store::parse_image_spec(text);
    int number = spec.generation.value_or(0);
    if (number == 0) {
        // Without a number: the newest candidate, which is what an administrator who looked at it means.
        for (const store::Generation& generation : open.store.generations(spec.name)) {
            if (generation.state == store::GenerationState::candidate) {
                number = generation.generation;
            }
        }
        if (number == 0) {
            open.store.resolve(text);  // says so when the name is wrong
            throw Error(Failure::usage, fmt::format("{} has no candidate to promote", spec.name),
                        fmt::format("name the generation: imgforge images promote {}@GEN", spec.name));
        }
    }
    const targets::Promotion done = promote_in_all(arguments, open, context, spec.name, number);
    context.result({{"image", done.generation.image},
                    {"current", done.generation.generation},
                    {"targets", moves_record(done.moves)}},
                   fmt::format("{} is now the current generation{}", done.generation.label(),
                               moves_text(done.moves, done.generation.generation)));
    return promotion_code(arguments, done);
}

int rollback_image(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    const store::Generation before = open.store.resolve(arguments.get_or("IMAGE", ""));
    const targets::Promotion done = promote_in_all(arguments, open, context, before.image,
                                                   open.store.rollback_goal(before.image).generation);
    const store::Generation& now = done.generation;
    context.result({{"image", now.image},
                    {"current", now.generation},
                    {"before", before.generation},
                    {"targets", moves_record(done.moves)}},
                   fmt::format("{} is current again (was {}); machines follow with `imgforge respawn NAME`{}",
                               now.label(), before.label(), moves_text(done.moves, now.generation)));
    return promotion_code(arguments, done);
}

/// Memory images made from a generation are of no use without it. Bytes freed (or that would be).
std::uint64_t drop_warm_templates(const CommandContext& context, const std::string& image, int generation,
                                  bool dry_run) {
    std::uint64_t freed = 0;
    const auto its_own = [&](const lifecycle::TemplateEntry& entry) {
        return entry.image == image && entry.generation == generation;
    };
    for (const auto& entry : lifecycle::drop_templates(context.places, its_own, dry_run)) {
        freed += entry.bytes;
    }
    return freed;
}

int delete_image(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    const std::string text = arguments.get_or("IMAGE", "");
    const store::ImageSpec spec = store::parse_image_spec(text);
    std::vector<store::Generation> doomed;
    if (spec.generation) {
        doomed.push_back(open.store.resolve(text));
        open.store.remove(spec.name, *spec.generation, arguments.has("force"));
    } else {
        doomed = open.store.generations(spec.name);
        if (doomed.empty()) {
            open.store.resolve(text);
        }
        open.store.remove_image(spec.name);
    }
    Json deleted = Json::array();
    std::string lines;
    for (const store::Generation& generation : doomed) {
        const ByteSize freed =
            ByteSize::bytes(generation.allocated_size.in_bytes() +
                            drop_warm_templates(context, generation.image, generation.generation, false));
        deleted.push_back({{"image", generation.image},
                           {"generation", generation.generation},
                           {"freed", freed.in_bytes()}});
        lines += fmt::format("deleted {} ({})\n", generation.label(), freed.text());
    }
    context.result({{"deleted", deleted}}, lines);
    return 0;
}

int collect(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    std::optional<store::GcPolicy> policy;
    const auto keep = arguments.integer("keep", 1, 100000);
    const auto days = arguments.integer("keep-days", 0, 36500);
    if (keep || days) {
        policy.emplace();
        policy->keep = keep ? static_cast<int>(*keep) : 1;
        policy->keep_age = days ? std::optional(std::chrono::hours(24 * *days)) : std::nullopt;
    }
    std::vector<std::string> names = arguments.all("IMAGE");
    const bool dry_run = arguments.has("dry-run");
    Json list = Json::array();
    std::string lines;
    std::uint64_t freed = 0;
    for (const std::string& name : names.empty() ? open.store.images() : names) {
        if (open.store.generations(name).empty()) {
            open.store.resolve(name);
        }
        for (const store::GcOutcome& outcome : store::collect_garbage(open.store, name, policy, dry_run)) {
            const bool removed = outcome.decision.remove && outcome.failure.empty();
            std::uint64_t bytes = outcome.freed.in_bytes();
            if (outcome.decision.remove && outcome.failure.empty()) {
                bytes += drop_warm_templates(context, name, outcome.decision.generation, dry_run);
            }
            freed += bytes;
            list.push_back(
                {{"image", name},
                 {"generation", outcome.decision.generation},
                 {"removed", removed},
                 {"reason", outcome.failure.empty() ? outcome.decision.reason : "kept: " + outcome.failure},
                 {"freed", bytes}});
            lines += fmt::format("{}@{}: {}\n", name, outcome.decision.generation,
                                 list.back()["reason"].get<std::string>());
        }
    }
    lines += fmt::format("{} {}\n", dry_run ? "would free" : "freed", ByteSize::bytes(freed).text());
    context.result({{"generations", list}, {"freed", freed}, {"dry_run", dry_run}}, lines);
    return 0;
}

}  // namespace

Command images_promote_command() {
    return {.name = "images promote",
            .group = "Images",
            .summary = "make a candidate (or an earlier generation) the current one",
            .description =
                "Targets the generation was pushed to are updated as well; only pointers move. "
                "If a target cannot be reached, nothing changes unless --later is given.",
            .positionals = {{.name = "IMAGE",
                             .help = "NAME@GENERATION, or NAME for its newest candidate",
                             .completes = Completes::image}},
            .options = {later_option()},
            .examples = {{"imgforge images promote debian13@4", ""}},
            .run = promote_image};
}

Command images_rollback_command() {
    return {.name = "images rollback",
            .group = "Images",
            .summary = "go back to the generation that was current before",
            .description =
                "Targets that hold that generation are updated as well, as by `images "
                "promote`.",
            .positionals = {{.name = "IMAGE", .help = "NAME", .completes = Completes::image}},
            .options = {later_option()},
            .examples = {{"imgforge images rollback debian13", ""}},
            .run = rollback_image};
}

Command images_delete_command() {
    return {
        .name = "images delete",
        .group = "Images",
        .summary =
            "delete a generation, or an image with all its generations; refused while something uses it",
        .positionals = {{.name = "IMAGE",
                         .help = "NAME@GENERATION, or NAME for all of them",
                         .completes = Completes::image}},
        .options = {{.names = {"--force"}, .help = "the current generation too (never one that is in use)"}},
        .examples = {{"imgforge images delete debian13@1", ""}},
        .run = delete_image};
}

Command images_gc_command() {
    return {.name = "images gc",
            .group = "Images",
            .summary = "delete generations beyond what the recipe keeps",
            .description =
                "Uses `keep` and `keep-days` of the recipe's publish stage unless given here. "
                "The current generation, and any used by a machine, a newer generation or a "
                "running build, is always kept.",
            .positionals = {{.name = "IMAGE",
                             .help = "only these images",
                             .required = false,
                             .repeatable = true,
                             .completes = Completes::image}},
            .options = {{.names = {"--keep"}, .value = "N", .help = "keep the newest N"},
                        {.names = {"--keep-days"}, .value = "DAYS", .help = "keep everything younger"},
                        {.names = {"--dry-run"},
                         .help = "only report what would be deleted, and why the rest stays"}},
            .examples = {{"imgforge images gc --keep 2 --dry-run", ""}},
            .run = collect};
}

}  // namespace imgforge::cli
