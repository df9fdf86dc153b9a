// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/forwarder.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

int run_forward(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    if (arguments.has("serve")) {
        lifecycle::run_forwarder(machines, arguments.has("keep"));
        return 0;
    }
    const std::string name = arguments.get_or("NAME", "");
    if (name.empty() || arguments.all("PORT").empty()) {
        throw Error(Failure::usage, "'forward' needs NAME and PORT: a machine and the ports to forward",
                    "imgforge forward NAME 8080:80");
    }
    for (const auto& text : arguments.all("PORT")) {
        lifecycle::forward_port(machines, name, lifecycle::parse_published(text), arguments.has("remove"));
    }
    const auto view = lifecycle::look(machines, machines.require(name));
    const std::string ports = shown_ports(view.record);
    context.result(lifecycle::views_json(machines, {view}),
                   fmt::format("{}  {}\n", name, ports.empty() ? "publishes nothing" : ports));
    return 0;
}

}  // namespace

Command forward_command() {
    return {.name = "forward",
            .group = "Machines",
            .summary = "forward a port of this host to a machine",
            .description =
                "Takes effect immediately and at every start. On a user network QEMU listens "
                "itself; for libvirt networks a process of this store does, which "
                "imgforge-forward.service keeps running, or any command starts. Firewall rules "
                "of the host are not touched. Bound to 127.0.0.1 unless an address is given.",
            .positionals =
                {{.name = "NAME", .help = "the machine", .required = false, .completes = Completes::machine},
                 {.name = "PORT", .help = "[ADDR:]HOST:GUEST[/udp]", .required = false, .repeatable = true}},
            .options = {{.names = {"--remove"}, .help = "stop forwarding"},
                        {.names = {"--serve"},
                         .help = "run as the process that listens (used by the systemd unit)"},
                        {.names = {"--keep"}, .help = "with --serve: also while nothing is published"}},
            .examples = {{"imgforge forward web-1 8080:80", "curl http://127.0.0.1:8080"},
                         {"imgforge forward web-1 8080:80 --remove", "stop forwarding"}},
            .run = run_forward};
}

}  // namespace imgforge::cli
