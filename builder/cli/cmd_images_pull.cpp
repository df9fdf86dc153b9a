// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/images_support.hpp"
#include "builder/cli/target_support.hpp"
#include "pipelines/targets/slashes.hpp"

namespace imgforge::cli {
namespace {

using targets::PullResult;

/// A source as it was opened, and which image of it is meant.
struct Opened {
    targets::PullSource source;
    std::unique_ptr<targets::FolderReader> reader;
    targets::AcceptedIndex accepted;
    std::string image{};  ///< empty: all
    std::optional<int> generation{};
};

Opened opened(const targets::NamedTarget& target, const targets::PullServices& services,
              bool only_if_changed = false) {
    Opened open{.source = pull_source(target), .reader = nullptr, .accepted = {}};
    open.reader = targets::open_source(open.source);
    open.accepted = targets::accept_index(open.source, *open.reader, services, only_if_changed);
    return open;
}

bool has_index(const targets::NamedTarget& target) {
    return targets::open_source(pull_source(target))->read("index.json", 64U << 20U).outcome ==
           targets::ReadAnswer::Outcome::found;
}

/// SOURCE or SOURCE/NAME[@GEN]: a name of the settings, or what has an index, is the source.
Opened open_source(const Arguments& arguments, const CommandContext& context,
                   const targets::PullServices& services, std::string text) {
    text = targets::without_end_slashes(std::move(text), 1);
    const auto& names = context.settings.targets;
    const std::size_t slash = text.rfind('/');
    const bool named_part = slash != std::string::npos && names.contains(text.substr(0, slash));
    if (names.contains(text) || slash == std::string::npos || slash == 0 ||
        (!named_part && has_index(named_target(arguments, context, text)))) {
        return opened(named_target(arguments, context, text), services);
    }
    const store::ImageSpec spec = store::parse_image_spec(text.substr(slash + 1));
    Opened open = opened(named_target(arguments, context, text.substr(0, slash)), services);
    open.image = spec.name;
    open.generation = spec.generation;
    return open;
}

Json pull_record(const PullResult& result) {
    return {{"image", result.generation.image},
            {"generation", result.generation.generation},
            {"published", result.published},
            {"remote_generation", result.remote_generation},
            {"windows", result.windows},
            {"fetched", result.fetched},
            {"bytes", result.bytes},
            {"origin", result.generation.manifest().value("origin", Json::object())},
            {"seconds", result.seconds}};
}

std::string pull_text(const PullResult& result) {
    return result.published ? fmt::format("{}: transferred {} of {} windows ({}) in {:.1f} s\n",
                                          result.generation.label(), result.fetched, result.windows,
                                          ByteSize::bytes(result.bytes).text(), result.seconds)
                            : fmt::format("{}: up to date\n", result.generation.label());
}

/// All images that have a current generation there, or the one that was named.
std::vector<PullResult> pull_all(const Opened& open, const targets::PullServices& services) {
    std::vector<PullResult> results;
    if (!open.image.empty()) {
        results.push_back(targets::pull_generation(open.source, *open.reader, open.accepted, open.image,
                                                   open.generation, services));
        return results;
    }
    for (const auto& [name, image] : open.accepted.index.images) {
        if (image.current) {
            results.push_back(targets::pull_generation(open.source, *open.reader, open.accepted, name,
                                                       std::nullopt, services));
        }
    }
    return results;
}

int pull_image(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    const targets::PullServices services = pull_services(open, context);
    const Opened source = open_source(arguments, context, services, arguments.get_or("SOURCE", ""));
    Json list = Json::array();
    std::string text;
    for (const PullResult& result : pull_all(source, services)) {
        list.push_back(pull_record(result));
        text += pull_text(result);
    }
    context.result({{"images", list}}, text.empty() ? "the source has no current generations\n" : text);
    return 0;
}

/// One pass over one source; true when everything is as it is there.
bool follow_one(const Arguments& arguments, CommandContext& context, const targets::PullServices& services,
                const std::string& name, Json& list, std::string& text) {
    try {
        const Opened open = opened(named_target(arguments, context, name), services, true);
        Json images = Json::array();
        for (const PullResult& result : pull_all(open, services)) {
            images.push_back(pull_record(result));
            text += pull_text(result);
        }
        if (open.accepted.unchanged) {
            text += fmt::format("{}: unchanged\n", name);
        } else {
            targets::mark_up_to_date(open.source, open.accepted, services);
        }
        list.push_back({{"source", name}, {"unchanged", open.accepted.unchanged}, {"images", images}});
        return true;
    } catch (const Error& error) {
        context.monitor->warning(fmt::format("{}: {}", name, error.describe()));
        list.push_back(
            {{"source", name}, {"error", error.message()}, {"kind", std::string(to_string(error.kind()))}});
        return false;
    }
}

/// Without arguments: the settings' URLs of other hosts, and what says `follow: true`.
std::vector<std::string> followed(const Arguments& arguments, const CommandContext& context) {
    std::vector<std::string> sources = arguments.all("SOURCE");
    if (!sources.empty()) {
        return sources;
    }
    for (const auto& [name, target] : context.settings.targets) {
        const std::string wish = target.option("follow");
        if (wish == "true" || (target.kind == "web" && wish != "false")) {
            sources.push_back(name);
        }
    }
    if (sources.empty()) {
        throw Error(Failure::usage, "no source to follow",
                    "name a source, or in the settings `targets: {NAME: {web: URL, key: FILE}}`");
    }
    return sources;
}

int follow_sources(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    const targets::PullServices services = pull_services(open, context);
    retry_pointers(open, context);
    Json list = Json::array();
    std::string text;
    bool failed = false;
    for (const std::string& source : followed(arguments, context)) {
        failed = !follow_one(arguments, context, services, source, list, text) || failed;
    }
    context.result({{"sources", list}}, text);
    return static_cast<int>(failed ? ExitCode::failed : ExitCode::ok);
}

}  // namespace

Command images_pull_command() {
    return {.name = "images pull",
            .group = "Images",
            .summary = "pull images that another host pushed, by path or URL",
            .description =
                "SOURCE is a name under `targets:` in the settings, or a directory that "
                "`imgforge images push` wrote, or its URL; with /NAME[@GENERATION] for one "
                "image, otherwise all current ones are pulled. Only data that no local "
                "generation has is transferred. The index must be signed by the key, not "
                "expired, and not older than the last one seen; a disk is read back in full "
                "before it is accepted. An interrupted pull resumes.",
            .positionals = {{.name = "SOURCE",
                             .help = "a target's name, a directory or a URL; with /NAME for one image"}},
            .options = {target_key_option("Ed25519 key (PEM) that must have signed the index")},
            .examples = {{"imgforge images pull /srv/imgforge", "everything current there"},
                         {"imgforge images pull https://images.example.org/debian12 --key index.pub",
                          "one image, verified"}},
            .run = pull_image};
}

Command images_follow_command() {
    return {.name = "images follow",
            .group = "Images",
            .summary = "pull what is current from each source, once",
            .description =
                "Without SOURCE, all sources in the settings: each `web` target, and others with "
                "`follow: true`. An unchanged index costs one HTTP request. An unreachable "
                "source does not hold up the others; the exit code is then 1.",
            .positionals = {{.name = "SOURCE",
                             .help = "a target's name, a directory or a URL",
                             .required = false,
                             .repeatable = true}},
            .options = {target_key_option("Ed25519 key (PEM) that must have signed the index")},
            .examples = {{"imgforge images follow https://images.example.org --key index.pub",
                          "from cron or a timer"}},
            .run = follow_sources};
}

}  // namespace imgforge::cli
