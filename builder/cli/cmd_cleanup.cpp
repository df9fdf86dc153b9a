// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "builder/guest/memory_image.hpp"
#include "pipelines/lifecycle/cleanup.hpp"
#include "pipelines/lifecycle/expiry.hpp"

namespace imgforge::cli {

namespace {

int reap(CommandContext& context, lifecycle::Lifecycle& machines) {
    const auto report = lifecycle::reap_expired(machines);
    std::string text;
    for (const auto& name : report.destroyed) {
        text += name + "  expired, destroyed\n";
    }
    context.result({{"destroyed", report.destroyed}, {"warned", report.warned}, {"kept", report.kept}},
                   text.empty() ? "nothing has expired\n" : text);
    return report.kept.empty() ? 0 : 1;
}

struct CleanedImages {
    std::vector<std::string> removed{};
    std::uint64_t freed = 0;
};

/// Memory images of the appliance that are unfinished, damaged or older than what they were made from.
CleanedImages clean_memory_images(const Places& places, bool dry_run) {
    CleanedImages cleaned;
    const auto dropped =
        guest::drop_useless_memory_images(guest::memory_image_folder_in(places.cache()), dry_run);
    for (const auto& entry : dropped) {
        cleaned.removed.push_back(entry.name);
        cleaned.freed += entry.bytes;
    }
    return cleaned;
}

}  // namespace

Command cleanup_command() {
    return {.name = "cleanup",
            .group = "Machines",
            .summary = "forget destroyed machines, remove leftovers of killed commands",
            .options = {{.names = {"--dry-run"}, .help = "only report what would be done"},
                        {.names = {"--expired"}, .help = "only destroy machines whose --ttl has expired"}},
            .examples = {{"imgforge cleanup", "names and MACs of destroyed machines are free again"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                if (arguments.has("expired")) {
                    return reap(context, machines);
                }
                const bool dry_run = arguments.has("dry-run");
                const auto report = lifecycle::clean_up(machines, dry_run);
                const CleanedImages images = clean_memory_images(context.places, dry_run);
                std::string text;
                const auto add = [&](const std::vector<std::string>& names, const char* what) {
                    for (const auto& name : names) {
                        text += name + "  " + what + "\n";
                    }
                };
                add(report.forgotten, "forgotten");
                add(report.removed, "removed");
                add(report.settled, "an interrupted change settled");
                add(report.adopted, "taken up again");
                add(report.templates, "warm template removed");
                add(images.removed, "memory image of the appliance removed");
                for (const auto& problem : report.problems) {
                    context.monitor->warning(problem);
                }
                context.result({{"forgotten", report.forgotten},
                                {"removed", report.removed},
                                {"settled", report.settled},
                                {"adopted", report.adopted},
                                {"templates", report.templates},
                                {"appliances", images.removed},
                                {"freed", report.freed + images.freed},
                                {"problems", report.problems}},
                               text.empty() ? "nothing to clean up\n" : text);
                return report.problems.empty() ? 0 : 1;
            }};
}

}  // namespace imgforge::cli
