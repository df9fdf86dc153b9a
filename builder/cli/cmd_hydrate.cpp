// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/lazy/hydrate.hpp"

namespace imgforge::cli {
namespace {

int run_hydrate(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NAME", "");
    std::optional<std::chrono::milliseconds> timeout =
        timeout_of(arguments).value_or(std::chrono::minutes(1));
    if (arguments.has("keep-trying")) {
        timeout.reset();
    }
    const auto done = lifecycle::hydrate_machine(machines, name, timeout);
    const std::string text =
        done.was_complete ? fmt::format("{} is complete\n", name)
                          : fmt::format("{} is on {}@{} now; {} transferred over the network\n", name,
                                        done.image, done.generation, ByteSize::bytes(done.bytes).text());
    context.result({{"name", name},
                    {"was_complete", done.was_complete},
                    {"running", done.was_running},
                    {"image", done.image},
                    {"generation", done.generation},
                    {"bytes", done.bytes}},
                   text);
    return 0;
}

}  // namespace

Command hydrate_command() {
    return {
        .name = "hydrate",
        .group = "Machines",
        .summary = "fetch the rest of the image of a machine spawned with --lazy",
        .description =
            "Pulls the machine's golden image as `imgforge images pull` does, verifying every digest, moves "
            "the running machine onto the local image, and ends the nbdkit that served it. `imgforge spawn "
            "--lazy` starts this in the background (hydrate.log in the machine's directory); after a reboot "
            "of the host, or when the log ends with an error, start it yourself. A machine that was paused "
            "because the server did not answer continues as soon as it does.",
        .positionals = {machine_positional()},
        .options = {timeout_option("give up when the server is away for this long (default: 1m)"),
                    {.names = {"--keep-trying"}, .help = "do not give up while the server is unreachable"}},
        .examples = {{"imgforge hydrate web-1", "afterwards the machine no longer needs the web server"}},
        .run = run_hydrate};
}

}  // namespace imgforge::cli
