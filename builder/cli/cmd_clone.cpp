// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/clone.hpp"
#include "pipelines/lifecycle/rename.hpp"
#include "pipelines/lifecycle/view_json.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "sysprep/offline_run.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"

namespace imgforge::cli {
namespace {

/// What two machines with one disk would share that makes them one to the network and to SSH.
constexpr const char* identity_operations = "machine-id,dbus-machine-id,ssh-hostkeys,dhcp-client,random-seed";

/// In place: the cleaned overlay is written back into the disk, which keeps what it stands on.
void clear_identity(const CommandContext& context, const std::filesystem::path& disk) {
    const TempDir work("imgforge-clone", disk.parent_path());
    sysprep::OfflineRun run(
        {.image = disk,
         .format = image::DiskFormat::qcow2,
         .work_folder = work.path(),
         .accelerator = stages::appliance_accelerator(context.settings, context.places, *context.processes)},
        *context.processes, *context.monitor);
    const auto operations = sysprep::select_operations(identity_operations, sysprep::all_operations());
    static_cast<void>(sysprep::run_operations(run.session(), operations, {}, sysprep::Devices::listed));
    const auto cleaned = work / "cleaned.qcow2";
    run.finish(cleaned);
    ProcessSpec commit{.program = "qemu-img",
                       .args = {"commit", "-q", "-d", "-f", "qcow2", cleaned.string()}};
    commit.timeout = std::chrono::hours(1);
    run_checked(*context.processes, commit);
}

int run_clone(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    lifecycle::CloneOptions options{.name = arguments.get_or("NEW", ""),
                                    .snapshot = arguments.get_or("snapshot", ""),
                                    .start = !arguments.has("no-start")};
    if (!arguments.has("keep-identity")) {
        options.clear_identity = [&](const std::filesystem::path& disk) { clear_identity(context, disk); };
    }
    const auto view = lifecycle::clone_machine(machines, arguments.get_or("NAME", ""), options);
    lifecycle::refresh_ssh_config(machines);
    context.result(lifecycle::views_json(machines, {view}),
                   machines_table({view}, context.clock->wall_seconds()));
    return 0;
}

int run_rename(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NEW", "");
    lifecycle::rename_machine(machines, arguments.get_or("NAME", ""), name);
    const auto view = lifecycle::look(machines, machines.require(name));
    context.result(lifecycle::views_json(machines, {view}), fmt::format("{}  {}\n", name, shown_state(view)));
    return 0;
}

}  // namespace

Command clone_command() {
    return {.name = "clone",
            .group = "Machines",
            .summary = "copy a machine's disks to a new machine with its own identity",
            .description =
                "The machine must be shut off, or a snapshot of it given. The new one has its own "
                "name, MACs, instance-id, host keys, machine ID and DHCP identity; size, data disks "
                "and networks are the same. Published ports stay with the original.",
            .positionals = {machine_positional(), {.name = "NEW", .help = "name of the new machine"}},
            .options = {{.names = {"--snapshot"}, .value = "S", .help = "copy the disks as of this snapshot"},
                        {.names = {"--no-start"}, .help = "define it but do not start it"},
                        {.names = {"--keep-identity"},
                         .help = "keep machine ID and host keys (for example for a disk without "
                                 "Linux)"}},
            .examples = {{"imgforge clone web-1 web-2", "a second one, started"}},
            .run = run_clone};
}

Command rename_command() {
    return {.name = "rename",
            .group = "Machines",
            .summary = "rename a machine that is shut off",
            .description =
                "Record, directory, domain and known host keys are renamed; the host name inside "
                "the guest stays. Snapshots and saved memory refer to its files, so they must be "
                "deleted first.",
            .positionals = {machine_positional(), {.name = "NEW", .help = "its new name"}},
            .examples = {{"imgforge rename web-1 shop-1", "the machine must be shut off"}},
            .run = run_rename};
}

}  // namespace imgforge::cli
