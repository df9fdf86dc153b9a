// SPDX-License-Identifier: GPL-3.0-or-later
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "builder/doctor/doctor.hpp"

namespace imgforge::cli {
namespace {

/// True when the command was run and ended with success. It talks to the user itself: sudo asks for a
/// password, apt shows what it does.
bool run_fix(const doctor::Check& check, const CommandContext& context) {
    const std::string line = ::geteuid() == 0 ? check.command : "sudo sh -c '" + check.command + "'";
    // NOLINTNEXTLINE(concurrency-mt-unsafe,cert-env33-c): our own text, shown and confirmed; it needs the
    // terminal
    const int status = std::system(line.c_str());
    if (status != 0) {
        context.monitor->warning(fmt::format("{}: '{}' failed", check.name, line));
    }
    return status == 0;
}

/// Offers each fix in turn; true when one was made.
bool offer_fixes(const std::vector<doctor::Check>& checks, const Arguments& arguments,
                 const CommandContext& context) {
    bool changed = false;
    for (const doctor::Check& check : checks) {
        if (check.ok) {
            continue;
        }
        if (check.command.empty()) {
            context.monitor->warning(fmt::format("{}: no command can do this: {}", check.name, check.fix));
        } else if (confirm(
                       arguments, context,
                       fmt::format("{}: {}\n  run: {}\nRun it?", check.name, check.detail, check.command))) {
            changed = run_fix(check, context) || changed;
        }
    }
    return changed;
}

}  // namespace

Command doctor_command() {
    return {.name = "doctor",
            .group = "Tools",
            .summary = "check what this host can do, and how to fix what it cannot",
            .description =
                "Nothing is guessed: a Linux kernel is booted to find out whether KVM works, the "
                "libguestfs appliance is launched, libvirt is queried. 'limited' is a "
                "restriction that is not fatal; 'MISSING' prevents builds or machines, and the "
                "exit code is then 4. --fix runs as root, with sudo if this user is not root.",
            .options = {{.names = {"--quick"}, .help = "skip the checks that start a virtual machine"},
                        {.names = {"--fix"},
                         .help = "offer to run each command that fixes something, then check again"},
                        {.names = {"--yes", "-y"}, .help = "with --fix, run them without asking"}},
            .examples = {{"imgforge doctor", "check everything (about 30 seconds)"},
                         {"imgforge doctor --fix",
                          "fix what can be fixed, asking before each "
                          "step"},
                         {"imgforge doctor --json | jq '.checks[] | select(.ok | not)'",
                          "failed checks, for scripts"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                doctor::DoctorContext look{.places = context.places,
                                           .settings = context.settings,
                                           .processes = *context.processes,
                                           .monitor = *context.monitor,
                                           .quick = arguments.has("quick")};
                if (arguments.has("yes") && !arguments.has("fix")) {
                    throw Error(Failure::usage, "--yes answers what --fix asks", "add --fix");
                }
                std::vector<doctor::Check> checks = doctor::examine(look);
                if (arguments.has("fix") && offer_fixes(checks, arguments, context)) {
                    checks = doctor::examine(look);
                }
                context.result(doctor::to_json(checks), doctor::to_text(checks));
                const bool missing =
                    std::any_of(checks.begin(), checks.end(),
                                [](const doctor::Check& check) { return check.required && !check.ok; });
                return static_cast<int>(missing ? ExitCode::host_prerequisite : ExitCode::ok);
            }};
}

}  // namespace imgforge::cli
