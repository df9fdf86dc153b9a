// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/view_json.hpp"

// Machines as the records that programs read.
#include "builder/base/error.hpp"
#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {

namespace {

/// The cards with their addresses; the first address found of all goes into `address`.
Json view_nics(const MachineView& view, std::string& address) {
    const MachineRecord& record = view.record;
    Json nics = Json::array();
    for (std::size_t i = 0; i < record.nics.size(); ++i) {
        const auto& found = i < view.addresses.size() ? view.addresses[i] : std::vector<std::string>();
        if (address.empty() && !found.empty()) {
            address = found.front();
        }
        nics.push_back({{"mac", record.nics[i].network.mac.value_or("")},
                        {"network", record.nics[i].network.text()},
                        {"ip", found}});
    }
    return nics;
}

}  // namespace

Json view_json(const InstanceLayout& layout, const MachineView& view) {
    const MachineRecord& record = view.record;
    std::string address;
    const Json nics = view_nics(view, address);
    Json published = Json::array();
    for (const auto& port : record.published) {
        published.push_back(to_json(port));
    }
    const SshTarget target = layout.ssh_target(record, address);
    Json json = {
        {"name", record.name},
        {"state", view.state},
        {"image", record.image},
        {"generation", record.generation},
        {"outdated", view.outdated},
        {"uuid", record.uuid},
        {"instance_id", record.instance_id},
        {"nics", nics},
        {"ssh",
         {{"host", target.host},
          {"port", target.port},
          {"user", record.user},
          {"identity", target.identity.string()}}},
        {"disk",
         {{"path", record.disk.string()},
          {"format", record.disk_format},
          {"backing", record.backing.empty() ? Json() : Json(record.backing.front().string())}}},
        {"storage", record.ceph ? Json(record.ceph->pool) : Json()},
        {"lazy", record.lazy ? Json(record.lazy->url) : Json()},
        {"seconds", view.seconds},
        {"connection", record.connection},
        {"memory", record.memory.in_bytes()},
        {"vcpus", record.vcpus},
        {"created", iso_time(record.created)},
        {"allocated_size", view.disk_bytes},
        {"autostart", view.autostart},
        {"reason", view.reason},
        {"ready", record.not_ready.empty()},
        {"expires", record.expires == 0 ? Json() : Json(iso_time(record.expires))},
        {"protected", record.protect},
        {"published", std::move(published)},
        {"snapshots", view.snapshots},
        {"hostname", record.hostname.empty() ? record.name : record.hostname},
        {"lab", record.lab.empty() ? Json() : Json(record.lab)},
        {"ephemeral", record.ephemeral},
        {"comment", record.comment},
        {"host_keys", record.host_keys},
        {"console_log", layout.console_log(record).string()},
    };
    if (!view.problem.empty()) {
        json["problem"] = view.problem;
    }
    return json;
}

Json views_json(const InstanceLayout& layout, const std::vector<MachineView>& views) {
    Json list = Json::array();
    for (const auto& view : views) {
        list.push_back(view_json(layout, view));
    }
    return {{"machines", std::move(list)}};
}

}  // namespace imgforge::lifecycle
