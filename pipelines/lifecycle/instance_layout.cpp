// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/instance_layout.hpp"

namespace imgforge::lifecycle {

SshTarget InstanceLayout::ssh_target(const MachineRecord& record, const std::string& host) const {
    SshTarget target;
    target.machine = record.name;
    target.host = record.ssh_port ? "127.0.0.1" : host;
    target.port = record.ssh_port.value_or(22);
    target.user = record.user;
    target.identity = places_.keys() / "id_ed25519";
    target.known_hosts = folder(record.name) / "known_hosts";
    target.jump = uri_host(record.connection);
    return target;
}

std::string uri_host(std::string_view uri) {
    const std::size_t start = uri.find("://");
    if (start == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = uri.substr(start + 3);
    return std::string(rest.substr(0, rest.find('/')));
}

}  // namespace imgforge::lifecycle
