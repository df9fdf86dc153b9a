// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/guest_disks.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/selection.hpp"
#include "sysprep/sysprep_image.hpp"

namespace imgforge::cli {

namespace {

int list_operations(CommandContext& context) {
    Json list = Json::array();
    std::string text;
    for (const sysprep::Operation& operation : sysprep::all_operations()) {
        list.push_back({{"name", operation.name},
                        {"heading", operation.heading},
                        {"reason", operation.reason},
                        {"source", operation.source},
                        {"default", operation.enabled},
                        {"families", Json::array()},  // every operation is for every distribution
                        {"rows", operation.rows}});
        text +=
            fmt::format("{}{:28} {}\n", operation.enabled ? "* " : "  ", operation.name, operation.heading);
        if (context.verbose) {
            text += fmt::format("    why: {}\n    source: {}\n", operation.reason, operation.source);
        }
    }
    context.result({{"operations", list}}, text + "\n* = part of the default set");
    return 0;
}

sysprep::SysprepOptions options_of(const Arguments& arguments) {
    sysprep::SysprepOptions options;
    options.keep = arguments.all("keep");
    options.remove = arguments.all("remove");
    options.keep_passwords = arguments.all("keep-password");
    options.remove_users = arguments.all("remove-user");
    options.new_uuids = arguments.has("new-uuids");
    const std::string state = arguments.get_or("machine-id", "empty");
    options.machine_id = state == "uninitialized" ? sysprep::MachineIdState::uninitialized
                         : state == "delete"      ? sysprep::MachineIdState::remove
                         : state == "keep"        ? sysprep::MachineIdState::keep
                                                  : sysprep::MachineIdState::empty;
    return options;
}

int run_sysprep(const Arguments& arguments, CommandContext& context) {
    if (arguments.has("list-operations")) {
        return list_operations(context);
    }
    const sysprep::ImageRequest request = image_request(arguments, context);
    const sysprep::SysprepOptions options = options_of(arguments);
    for (const std::string& pattern : options.remove) {
        if (!pattern.starts_with("/") && !pattern.starts_with("~/")) {
            throw Error(Failure::usage, fmt::format("--remove '{}' is not an absolute path", pattern),
                        "start it with / or with ~/ for every home");
        }
    }
    const bool dry_run = arguments.has("dry-run");
    const auto operations =
        sysprep::select_operations(arguments.get_or("operations", ""), sysprep::all_operations());
    const sysprep::SysprepReport report =
        sysprep::sysprep_image(request, operations, options, dry_run, *context.processes, *context.monitor);
    const std::string end =
        dry_run ? fmt::format("{} changes would be made; the image is as it was", report.change_count())
                : fmt::format("{} changes; {} is clean", report.change_count(),
                              request.output.value_or(request.image).string());
    Json record = report.to_json();
    record["dry_run"] = dry_run;
    context.result(record, report.to_text(dry_run || context.verbose) + end);
    return 0;
}

}  // namespace

Command sysprep_command() {
    return {
        .name = "sysprep",
        .group = "Images",
        .summary = "remove identity and secrets from a disk image so that clones are unique",
        .description =
            "Removes what makes two copies of an installed system the same machine (machine ID, "
            "SSH host keys, network identities, seeds) and what belongs to its builder (logs, "
            "histories, credentials, installer answers), and wipes free space so that no deleted "
            "data remains in the file.\n\nThe image is replaced in one step at the end, or "
            "written to a new file with --output. It must not be in use. Windows guests are not "
            "supported.",
        .positionals = {{.name = "IMAGE",
                         .help = "qcow2 or raw disk image",
                         .required = false,
                         .completes = Completes::file}},
        .options = joined({
            std::vector<Option>{
                {.names = {"--output", "-o"},
                 .value = "FILE",
                 .help = "write the cleaned image here and leave IMAGE unchanged",
                 .completes = Completes::file},
                {.names = {"--operations"},
                 .value = "LIST",
                 .help = "a,b: only these; -c: all default ones but c; 'all', 'defaults'"},
                {.names = {"--list-operations"}, .help = "show all operations and stop"},
                {.names = {"--dry-run", "-n"}, .help = "show what would be changed, and change nothing"},
                {.names = {"--keep"},
                 .value = "PATTERN",
                 .help = "never touch paths in the guest that match",
                 .repeatable = true},
                {.names = {"--remove"},
                 .value = "PATTERN",
                 .help = "remove these paths as well; ~/ is every home",
                 .repeatable = true},
                {.names = {"--keep-password"},
                 .value = "USER",
                 .help = "leave this user's password",
                 .repeatable = true},
                {.names = {"--remove-user"},
                 .value = "USER",
                 .help = "remove a build user with its home, keys and sudo rules",
                 .repeatable = true},
                {.names = {"--new-uuids"},
                 .help = "renew UUIDs of file systems, LVM and partitions, "
                         "with fstab, boot loader and initramfs"},
                {.names = {"--machine-id"},
                 .value = "STATE",
                 .help = "what to leave in /etc/machine-id (default: empty)",
                 .choices = {"empty", "uninitialized", "delete", "keep"},
                 .completes = Completes::choice},
            },
            guest_opening_options(),
            guest_disk_options(),
        }),
        .examples = {{"imgforge sysprep debian.qcow2 --dry-run", "what would be cleaned, file by file"},
                     {"imgforge sysprep debian.qcow2 --output golden.qcow2", "a cleaned copy"},
                     {"imgforge sysprep raid-1.qcow2 --add raid-2.qcow2", "a guest on two disks"},
                     {"imgforge sysprep --domain web-1 --dry-run", "the disks of a machine that is shut off"},
                     {"imgforge sysprep debian.qcow2 --operations -logs,-caches", "leave logs and caches"},
                     {"imgforge sysprep debian.qcow2 --new-uuids", "two clones may be attached to one host"},
                     {"imgforge sysprep debian.qcow2 --remove '/etc/wireguard/*'",
                      "also remove what the audit found"}},
        .run = run_sysprep,
    };
}

}  // namespace imgforge::cli
