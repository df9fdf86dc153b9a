// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

int run_ip(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const auto record = machines.require(arguments.get_or("NAME", ""));
    auto view = lifecycle::look(machines, record);
    if (view.state != "running") {
        throw Error(Failure::domain, fmt::format("machine '{}' is {}", record.name, view.state),
                    fmt::format("imgforge start {}", record.name));
    }
    if (!record.ssh_port || arguments.has("guest")) {
        const auto timeout = timeout_of(arguments).value_or(std::chrono::milliseconds(0));
        lifecycle::AddressSearch search;
        wait_until(
            *context.clock, fmt::format("IP address of machine '{}'", record.name), timeout,
            [&] {
                search = lifecycle::find_addresses(machines.open(record), record);
                return !search.best().empty();
            },
            [&] { return search.tried; }, std::chrono::milliseconds(1000));
        view.addresses = search.addresses;
        context.result(lifecycle::views_json(machines, {view}), search.best() + "\n");
        return 0;
    }
    context.result(lifecycle::views_json(machines, {view}), shown_address(view) + "\n");
    return 0;
}

}  // namespace

Command ip_command() {
    return {.name = "ip",
            .group = "Machines",
            .summary = "print the address at which this host reaches a machine",
            .description =
                "Queries DHCP leases, the ARP table and the guest agent; the first answer is "
                "printed. A machine on a user network has no address this host can reach: the "
                "loopback port forwarded to its SSH is printed instead (127.0.0.1:PORT).",
            .positionals = {machine_positional()},
            .options = {{.names = {"--guest"}, .help = "the guest's own address, also on a user network"},
                        timeout_option("keep trying this long (default: try once)")},
            .examples = {{"ping $(imgforge ip web-1)", "is it there?"}},
            .run = run_ip};
}

}  // namespace imgforge::cli
