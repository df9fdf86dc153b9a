// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {

/// A file for ssh(1) that knows the machines by name (and by host name): address, port, user, key, host keys.
/// For `Include` in ~/.ssh/config; scp, rsync, editors and Ansible then reach them by name. A machine whose
/// address is not known now is reached through `imgforge ssh`.
std::string ssh_config_text(const InstanceLayout& layout, const std::vector<MachineView>& views);

/// Where that file is kept up to date once it exists: $IMGFORGE_HOME/ssh_config.
std::filesystem::path ssh_config_file(const InstanceLayout& layout);

/// Writes it, for all machines there are.
void write_ssh_config(Lifecycle& lifecycle);

/// The same when it exists; a failure becomes a warning. For commands that change machines.
void refresh_ssh_config(Lifecycle& lifecycle);

/// Ansible's dynamic inventory: all machines, in groups by image, size and lab, with how to reach each.
Json inventory_json(const InstanceLayout& layout, const std::vector<MachineView>& views);

/// NAME:PATH of `imgforge cp`; empty machine: a path of this host.
struct CopyEnd {
    std::string machine{};
    std::string path;
};

/// A colon before the first slash separates the machine, as in scp(1); "./a:b" is a path.
CopyEnd parse_copy_end(const std::string& text);

}  // namespace imgforge::lifecycle
