// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "builder/cli/command.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::cli {

/// The machines of this user, as all commands of the group "Machines" want them.
lifecycle::Lifecycle machines_of(const CommandContext& context);

/// Positional NAME of a machine; `several` for NAME….
Positional machine_positional(bool several = false);

/// --wait and --timeout, and reading them.
Option wait_option(const std::string& default_word);
Option timeout_option(const std::string& help);
lifecycle::Wait wait_of(const Arguments& arguments, lifecycle::Wait fallback);
std::optional<std::chrono::milliseconds> timeout_of(const Arguments& arguments);

/// The size given by an option, "1536M"; a number of bytes below 1 MiB is a forgotten unit. The errors name
/// the option.
std::optional<ByteSize> size_of(const Arguments& arguments, std::string_view option);
std::vector<ByteSize> sizes_of(const Arguments& arguments, std::string_view option);

/// --drop-saved and --drop-snapshots, and reading them (with --drop-changes, which destroy has).
std::vector<Option> drop_options();
lifecycle::Drop drop_of(const Arguments& arguments);

/// "running (not ready)": short, for tables.
std::string shown_state(const lifecycle::MachineView& view);

/// "127.0.0.1:8080->80/tcp, …".
std::string shown_ports(const lifecycle::MachineRecord& record);

/// "in 5h", or "expired".
std::string shown_expiry(std::int64_t expires, std::int64_t now);

/// Lines of a table with columns as wide as needed, two blanks between; the first row is the heading.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// "web-1  running  debian13@3 …" for a list of machines.
std::string machines_table(const std::vector<lifecycle::MachineView>& views, std::int64_t now);

/// The address a person uses: "192.168.122.5", or "127.0.0.1:22005" where a port leads to the machine; empty
/// when unknown.
std::string shown_address(const lifecycle::MachineView& view);

/// Runs `body` for each name; all are tried, the first failure is thrown at the end, the others become
/// warnings.
void for_each_machine(const CommandContext& context, const std::vector<std::string>& names,
                      const std::function<void(const std::string&)>& body);

/// Throws when one of `names` is not a machine: a wrong name among them changes nothing.
void require_machines(lifecycle::MachineRegistry& machines, const std::vector<std::string>& names);

/// Asks on the terminal; without one, or with --json, an error that names --yes. True for y or yes.
bool confirm(const Arguments& arguments, const CommandContext& context, const std::string& question);

}  // namespace imgforge::cli
