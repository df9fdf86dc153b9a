// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/ansible.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/compose/references.hpp"
#include "pipelines/provision/guest_script.hpp"

namespace fs = std::filesystem;

namespace imgforge::provision {
namespace {

/// Both programs look in the run's own directory first, so that nothing is installed into the caller's home.
std::map<std::string, std::string> ansible_environment(const fs::path& home) {
    const std::string roles = (home / "roles").string();
    const std::string collections = (home / "collections").string();
    const std::string system_roles = ":/usr/share/ansible/roles:/etc/ansible/roles";
    return {{"ANSIBLE_ROLES_PATH", roles + system_roles},
            {"ANSIBLE_COLLECTIONS_PATH", collections + ":/usr/share/ansible/collections"},
            {"ANSIBLE_HOME", home.string()},
            {"ANSIBLE_LOCAL_TEMP", (home / "tmp").string()},
            {"ANSIBLE_RETRY_FILES_ENABLED", "0"},
            {"ANSIBLE_NOCOLOR", "1"},
            {"ANSIBLE_DEPRECATION_WARNINGS", "0"},
            // "/usr/bin/python3" is found without the warning that another one may come.
            {"ANSIBLE_PYTHON_INTERPRETER", "auto_silent"},
            // Modules go through ssh's stdin; a guest need not have sftp-server.
            {"ANSIBLE_PIPELINING", "1"},
            {"ANSIBLE_SSH_TRANSFER_METHOD", "piped"},
            {"ANSIBLE_TIMEOUT", "60"},
            // What modules are called with, secrets included, must not go to the guest's log or disk.
            {"ANSIBLE_NO_TARGET_SYSLOG", "1"},
            {"ANSIBLE_REMOTE_TMP", "/dev/shm/.imgforge-ansible"},
            // Python 3 refuses an ASCII locale for Ansible.
            {"LC_ALL", "C.UTF-8"}};
}

}  // namespace

std::string ansible_inventory(const lifecycle::SshTarget& target) {
    const std::string options = fmt::format(
        "-F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile={} -o GlobalKnownHostsFile=/dev/null "
        "-o HostKeyAlias={} -o StrictHostKeyChecking=yes -o PasswordAuthentication=no",
        shell_quote(target.known_hosts.string()), target.machine);
    const Json host = {{"ansible_host", target.host},
                       {"ansible_port", target.port},
                       {"ansible_user", target.user},
                       {"ansible_connection", "ssh"},
                       {"ansible_ssh_private_key_file", target.identity.string()},
                       {"ansible_ssh_common_args", options},
                       {"ansible_become", target.user != "root"},
                       {"ansible_become_method", "sudo"}};
    const Json inventory = {{"all", {{"hosts", {{target.machine, host}}}}}};
    return pretty(inventory);
}

std::string ansible_variables(const Json& extra_vars) {
    return pretty(with_secrets_in(extra_vars, [](const std::string& name) {
        return fmt::format("{{{{ lookup('env', '{}') }}}}", compose::secret_variable(name));
    }));
}

ProcessSpec ansible_command(const AnsibleStep& step, const fs::path& inventory, const fs::path& variables,
                            const fs::path& home) {
    ProcessSpec spec{.program = "ansible-playbook", .args = {"--inventory", inventory.string()}};
    spec.env = ansible_environment(home);
    spec.cwd = step.playbook.parent_path();
    if (!variables.empty()) {
        spec.args.insert(spec.args.end(), {"--extra-vars", "@" + variables.string()});
    }
    spec.args.insert(spec.args.end(), step.arguments.begin(), step.arguments.end());
    spec.args.push_back(step.playbook.string());
    return spec;
}

std::optional<ProcessSpec> galaxy_command(const AnsibleStep& step, const fs::path& home) {
    if (step.requirements.empty()) {
        return std::nullopt;
    }
    ProcessSpec spec{.program = "ansible-galaxy", .args = {"install", "-r", step.requirements.string()}};
    spec.env = ansible_environment(home);
    spec.cwd = step.playbook.parent_path();
    return spec;
}

void require_ansible(const std::vector<Step>& steps) {
    const auto wanting = std::find_if(steps.begin(), steps.end(), [](const Step& step) {
        return std::holds_alternative<AnsibleStep>(step.action);
    });
    if (wanting != steps.end() && !find_program("ansible-playbook")) {
        throw Error(
            Failure::host,
            fmt::format("the step '{}' needs ansible-playbook, which is not installed", wanting->name),
            "install it on this host: apt-get install ansible-core (Debian, Ubuntu), dnf install "
            "ansible-core "
            "(Fedora, RHEL)");
    }
}

}  // namespace imgforge::provision
