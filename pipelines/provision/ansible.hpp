// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "builder/base/process.hpp"
#include "pipelines/lifecycle/ssh_access.hpp"
#include "pipelines/provision/steps.hpp"

namespace imgforge::provision {

/// Ansible's inventory of one host, as YAML (JSON is YAML): how to log in, become root by sudo.
std::string ansible_inventory(const lifecycle::SshTarget& target);

/// What ansible-playbook is started with. `inventory` and `variables` are files; an empty `variables`: none.
/// Runs in the playbook's directory, so that its ansible.cfg counts; `home` takes what Ansible keeps.
ProcessSpec ansible_command(const AnsibleStep& step, const std::filesystem::path& inventory,
                            const std::filesystem::path& variables, const std::filesystem::path& home);

/// The file of extra-vars, as JSON. It has no secret in it: `${secrets.token}` becomes a lookup of the
/// environment variable that compose::secret_variable() names, which ansible-playbook is started with.
std::string ansible_variables(const Json& extra_vars);

/// ansible-galaxy for the step's requirements, into `home`; nothing when it has none.
std::optional<ProcessSpec> galaxy_command(const AnsibleStep& step, const std::filesystem::path& home);

/// Throws Failure::host when the steps need ansible-playbook and this host has none. Before a machine is
/// booted for them.
void require_ansible(const std::vector<Step>& steps);

}  // namespace imgforge::provision
