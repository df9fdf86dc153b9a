// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/access.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::lifecycle {
namespace {

/// ssh_config(5) splits values at blanks unless they are quoted.
std::string config_quoted(const std::string& text) {
    return text.find(' ') == std::string::npos ? text : '"' + text + '"';
}

std::string host_block(const InstanceLayout& layout, const MachineView& view) {
    const MachineRecord& record = view.record;
    const std::string address = first_address(view);
    const SshTarget target = layout.ssh_target(record, address);
    std::string names = record.name;
    if (!record.hostname.empty() && record.hostname != record.name) {
        names += " " + record.hostname;
    }
    std::string text = fmt::format("Host {}\n", names);
    if (target.host.empty()) {
        text += fmt::format("    ProxyCommand imgforge ssh {} -W localhost:22\n", record.name);
    } else {
        text += fmt::format("    HostName {}\n    Port {}\n", target.host, target.port);
    }
    text += fmt::format(
        "    User {}\n    IdentityFile {}\n    IdentitiesOnly yes\n    UserKnownHostsFile {}\n"
        "    HostKeyAlias {}\n    StrictHostKeyChecking yes\n",
        target.user, config_quoted(target.identity.string()), config_quoted(target.known_hosts.string()),
        target.machine);
    if (!target.jump.empty()) {
        text += fmt::format("    ProxyJump {}\n", target.jump);
    }
    return text;
}

/// Group names of Ansible: letters, digits and '_'.
std::string group_name(const std::string& kind, const std::string& value) {
    std::string name = kind + "_" + value;
    std::replace_if(
        name.begin(), name.end(),
        [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')); },
        '_');
    return name;
}

bool is_machine(const MachineView& view) {
    return view.record.state == RecordState::ready;
}

std::vector<MachineView> all_views(Lifecycle& lifecycle) {
    return look(lifecycle, lifecycle.reservations().all(), {.sizes = false});
}

}  // namespace

std::string ssh_config_text(const InstanceLayout& layout, const std::vector<MachineView>& views) {
    std::string text =
        "# Written by imgforge ssh-config. In ~/.ssh/config, above all Host lines:\n"
        "#   Include " +
        ssh_config_file(layout).string() + "\n";
    for (const auto& view : views) {
        if (is_machine(view)) {
            text += "\n" + host_block(layout, view);
        }
    }
    return text;
}

std::filesystem::path ssh_config_file(const InstanceLayout& layout) {
    return layout.places().home / "ssh_config";
}

void write_ssh_config(Lifecycle& lifecycle) {
    write_file_atomically(ssh_config_file(lifecycle), ssh_config_text(lifecycle, all_views(lifecycle)));
}

void refresh_ssh_config(Lifecycle& lifecycle) {
    try {
        if (std::filesystem::exists(ssh_config_file(lifecycle))) {
            write_ssh_config(lifecycle);
        }
    } catch (const Error& error) {
        lifecycle.monitor().warning(
            fmt::format("{} is not up to date: {}", ssh_config_file(lifecycle).string(), error.message()));
    }
}

Json inventory_json(const InstanceLayout& layout, const std::vector<MachineView>& views) {
    Json hosts = Json::array();
    Json variables = Json::object();
    Json groups = Json::object();
    for (const auto& view : views) {
        if (!is_machine(view)) {
            continue;
        }
        const MachineRecord& record = view.record;
        const SshTarget target = layout.ssh_target(record, first_address(view));
        hosts.push_back(record.name);
        for (const auto& [kind, value] : {std::pair("image", record.image), std::pair("size", record.size),
                                          std::pair("lab", record.lab)}) {
            if (!value.empty()) {
                groups[group_name(kind, value)]["hosts"].push_back(record.name);
            }
        }
        std::string options = fmt::format("-o IdentitiesOnly=yes -o UserKnownHostsFile={} -o HostKeyAlias={}",
                                          shell_quote(target.known_hosts.string()), target.machine);
        options += target.jump.empty() ? "" : " -J " + target.jump;
        variables[record.name] = {{"ansible_host", target.host.empty() ? record.name : target.host},
                                  {"ansible_port", target.port},
                                  {"ansible_user", target.user},
                                  {"ansible_ssh_private_key_file", target.identity.string()},
                                  {"ansible_ssh_common_args", options},
                                  {"imgforge_state", view.state},
                                  {"imgforge_image", fmt::format("{}@{}", record.image, record.generation)}};
    }
    Json children = Json::array({"ungrouped"});
    for (const auto& [name, group] : groups.items()) {
        children.push_back(name);
    }
    Json inventory = groups;
    inventory["all"] = {{"hosts", hosts}, {"children", children}};
    inventory["_meta"] = {{"hostvars", variables}};
    return inventory;
}

CopyEnd parse_copy_end(const std::string& text) {
    const std::size_t colon = text.find(':');
    const std::size_t slash = text.find('/');
    if (colon == std::string::npos || colon == 0 || (slash != std::string::npos && slash < colon)) {
        return {"", text};
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace imgforge::lifecycle
