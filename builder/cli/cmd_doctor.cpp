// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/doctor/doctor.hpp"

namespace imgforge::cli {

Command doctor_command() {
    return {.name = "doctor",
            .group = "Tools",
            .summary = "what this host can and cannot do, and the command that fixes it",
            .description =
                "Nothing is guessed: a Linux kernel is really started to see whether KVM runs guests, the "
                "libguestfs appliance is "
                "launched, libvirt is asked. "
                "'limited' is something one can live with; 'MISSING' stops the main job, and the exit code "
                "is then 4.",
            .options = {{.names = {"--quick"}, .help = "without the checks that start a virtual machine"}},
            .examples = {{"imgforge doctor", "look at everything (about half a minute)"},
                         {"imgforge doctor --json | jq '.checks[] | select(.ok | not)'",
                          "what is not in order, for programs"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                doctor::DoctorContext look{.places = context.places,
                                           .settings = context.settings,
                                           .processes = *context.processes,
                                           .monitor = *context.monitor,
                                           .quick = arguments.has("quick")};
                const std::vector<doctor::Check> checks = doctor::examine(look);
                context.result(doctor::to_json(checks), doctor::to_text(checks));
                const bool missing =
                    std::any_of(checks.begin(), checks.end(),
                                [](const doctor::Check& check) { return check.required && !check.ok; });
                return static_cast<int>(missing ? ExitCode::host_prerequisite : ExitCode::ok);
            }};
}

}  // namespace imgforge::cli
