// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/machine_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/cli/columns.hpp"
#include "pipelines/lifecycle/expiry.hpp"

namespace imgforge::cli {
namespace {

using lifecycle::MachineView;

/// "3d", "5h", "12m": one unit is enough for a table.
std::string age_text(std::int64_t seconds) {
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 60 * minute;
    constexpr std::int64_t day = 24 * hour;
    if (seconds >= 2 * day) {
        return fmt::format("{}d", seconds / day);
    }
    if (seconds >= 2 * hour) {
        return fmt::format("{}h", seconds / hour);
    }
    return seconds >= 2 * minute ? fmt::format("{}m", seconds / minute)
                                 : fmt::format("{}s", std::max<std::int64_t>(seconds, 0));
}

}  // namespace

lifecycle::Lifecycle machines_of(const CommandContext& context) {
    {
        // Any command that passes takes away what has expired; most hosts have no timer for it.
        lifecycle::Lifecycle passing(context);
        if (lifecycle::any_expired(passing)) {
            static_cast<void>(lifecycle::reap_expired(passing));
        }
    }
    return lifecycle::Lifecycle(context);
}

Positional machine_positional(bool several) {
    return {.name = "NAME",
            .help = several ? "machines" : "the machine",
            .repeatable = several,
            .completes = Completes::machine};
}

Option wait_option(const std::string& default_word) {
    return {.names = {"--wait"},
            .value = "SIGNAL",
            .help = fmt::format("wait until the machine gives this signal (default: {})", default_word),
            .choices = {"none", "ip", "agent", "cloud-init", "ssh"},
            .completes = Completes::choice};
}

Option timeout_option(const std::string& help) {
    return {.names = {"--timeout"}, .value = "TIME", .help = help};
}

lifecycle::Wait wait_of(const Arguments& arguments, lifecycle::Wait fallback) {
    const auto word = arguments.get("wait");
    return word ? lifecycle::parse_wait(*word) : fallback;
}

std::optional<std::chrono::milliseconds> timeout_of(const Arguments& arguments) {
    const auto text = arguments.get("timeout");
    return text ? std::optional<std::chrono::milliseconds>(parse_duration(*text)) : std::nullopt;
}

namespace {

ByteSize size_given(std::string_view option, const std::string& text) {
    try {
        const ByteSize size = ByteSize::parse(text);
        if (size < ByteSize::mib(1)) {
            throw Error(Failure::usage, fmt::format("'{}' is {}: the unit is missing", text, size.text()),
                        "write a number followed by M, G or T, such as 1536M or 10G");
        }
        return size;
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("--{}: {}", option, error.message()), error.hint());
    }
}

}  // namespace

std::optional<ByteSize> size_of(const Arguments& arguments, std::string_view option) {
    const auto text = arguments.get(option);
    return text ? std::optional(size_given(option, *text)) : std::nullopt;
}

std::vector<ByteSize> sizes_of(const Arguments& arguments, std::string_view option) {
    std::vector<ByteSize> sizes;
    for (const auto& text : arguments.all(option)) {
        sizes.push_back(size_given(option, text));
    }
    return sizes;
}

std::vector<Option> drop_options() {
    return {{.names = {"--drop-saved"}, .help = "discard memory saved by `virsh managedsave`"},
            {.names = {"--drop-snapshots"}, .help = "discard snapshots in the root disk"}};
}

lifecycle::Drop drop_of(const Arguments& arguments) {
    return {.saved = arguments.has("drop-saved"),
            .snapshots = arguments.has("drop-snapshots"),
            .changed = arguments.has("drop-changes")};
}

std::string shown_state(const MachineView& view) {
    // "not ready: …" says more than a table has room for.
    return view.reason.empty()
               ? view.state
               : fmt::format("{} ({})", view.state, view.reason.substr(0, view.reason.find(':')));
}

std::string shown_ports(const lifecycle::MachineRecord& record) {
    std::string text;
    for (const auto& port : record.published) {
        text += (text.empty() ? "" : ", ") + port.text();
    }
    return text;
}

std::string shown_expiry(std::int64_t expires, std::int64_t now) {
    return expires <= now ? "expired" : "in " + age_text(expires - now);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns(row[i]));
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) {
                line.append(widths[i] - columns(row[i]) + 2, ' ');
            }
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string shown_address(const MachineView& view) {
    if (view.record.ssh_port && view.state == "running") {
        return fmt::format("127.0.0.1:{}", *view.record.ssh_port);
    }
    for (const auto& addresses : view.addresses) {
        if (!addresses.empty()) {
            return addresses.front();
        }
    }
    return {};
}

std::string machines_table(const std::vector<MachineView>& views, std::int64_t now) {
    const auto any = [&views](auto&& test) { return std::any_of(views.begin(), views.end(), test); };
    if (views.empty()) {
        return "no machines; `imgforge spawn IMAGE NAME` makes one\n";
    }
    std::vector<std::vector<std::string>> rows = {
        {"NAME", "STATE", "IMAGE", "ADDRESS", "AGE", "DISK", "COMMENT"}};
    // Columns that most users never need show up with the first machine that has something to say there.
    const bool ports = any([](const auto& view) { return !view.record.published.empty(); });
    const bool expiry = any([](const auto& view) { return view.record.expires != 0; });
    const bool autostart = any([](const auto& view) { return view.autostart; });
    for (const auto& [shown, heading] :
         {std::pair(ports, "PORTS"), std::pair(expiry, "EXPIRES"), std::pair(autostart, "AUTOSTART")}) {
        if (shown) {
            rows.front().insert(rows.front().end() - 1, heading);
        }
    }
    for (const auto& view : views) {
        const auto& record = view.record;
        const std::string image =
            fmt::format("{}@{}{}", record.image, record.generation, view.outdated ? " (outdated)" : "");
        const std::string where = record.host.empty() ? "" : fmt::format("[{}] ", record.host);
        std::vector<std::string> row = {record.name,
                                        shown_state(view),
                                        image,
                                        shown_address(view),
                                        age_text(now - record.created),
                                        view.disk_bytes == 0 ? "" : ByteSize::bytes(view.disk_bytes).text()};
        if (ports) {
            row.push_back(shown_ports(record));
        }
        if (expiry) {
            row.push_back(record.expires == 0 ? "" : shown_expiry(record.expires, now));
        }
        if (autostart) {
            row.emplace_back(view.autostart ? "yes" : "");
        }
        row.push_back(where + record.comment + (view.problem.empty() ? "" : " " + view.problem));
        rows.push_back(std::move(row));
    }
    return table(rows);
}

void for_each_machine(const CommandContext& context, const std::vector<std::string>& names,
                      const std::function<void(const std::string&)>& body) {
    std::optional<Error> first;
    for (const auto& name : names) {
        try {
            body(name);
        } catch (const Error& error) {
            if (first) {
                context.monitor->warning(error.message());
            } else {
                first = error;
            }
        }
    }
    if (first) {
        throw Error(*first);
    }
}

void require_machines(lifecycle::MachineRegistry& machines, const std::vector<std::string>& names) {
    for (const auto& name : names) {
        static_cast<void>(machines.require(name));
    }
}

bool confirm(const Arguments& arguments, const CommandContext& context, const std::string& question) {
    if (arguments.has("yes")) {
        return true;
    }
    if (context.json || isatty(0) == 0 || isatty(2) == 0) {
        throw Error(Failure::usage,
                    fmt::format("{} Confirmation is required, but this is not a terminal", question),
                    "add --yes to confirm");
    }
    write_all(2, question + " [y/N] ", "standard error");
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace imgforge::cli
