// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/observe.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/embedded_root.hpp"
#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/qmp.hpp"

namespace imgforge::lifecycle {
namespace {

/// State by UUID of all domains of one daemon, or why it did not answer.
struct DaemonView {
    std::map<std::string, std::string> states;
    std::string problem{};
    std::optional<virt::Connection> connection{};
};

/// `only`: when one machine is asked for, a daemon with thousands need not list them all.
DaemonView ask_daemon(Lifecycle& lifecycle, const std::string& uri, const MachineRecord* only) {
    DaemonView view;
    try {
        view.connection = lifecycle.open_uri(uri);
        if (only != nullptr) {
            const auto domain = view.connection->find(only->uuid);
            if (const auto status = domain ? domain->status() : std::nullopt) {
                view.states[only->uuid] = std::string(virt::to_string(status->state));
            }
            return view;
        }
        for (const auto& row : view.connection->domains()) {
            view.states[row.uuid] = std::string(virt::to_string(row.state));
        }
    } catch (const Error& error) {
        view.problem = error.message();
        view.connection.reset();
    }
    return view;
}

/// What `current` is for each image that occurs.
class CurrentGenerations {
public:
    explicit CurrentGenerations(Lifecycle& lifecycle) : lifecycle_(lifecycle) {}
    bool is_outdated(const MachineRecord& record) {
        auto found = current_.find(record.image);
        if (found == current_.end()) {
            const auto generation = lifecycle_.store().current(record.image);
            found = current_.emplace(record.image, generation ? generation->generation : 0).first;
        }
        return found->second > record.generation;
    }

private:
    Lifecycle& lifecycle_;
    std::map<std::string, int> current_;
};

std::uint64_t bytes_of_machine(const Lifecycle& lifecycle, const MachineRecord& record) {
    if (record.is_remote()) {
        return 0;
    }
    std::uint64_t bytes =
        allocated_size(record.disk) + allocated_size(lifecycle.folder(record.name) / "seed.iso");
    for (const auto& disk : record.data_disks) {
        bytes += allocated_size(disk.path);
    }
    return bytes;
}

void set_state(Lifecycle& lifecycle, const std::map<std::string, DaemonView>& daemons,
               const LookOptions& options, MachineView& view) {
    const MachineRecord& record = view.record;
    if (record.state == RecordState::destroyed) {
        view.state = "destroyed";
    } else if (record.state == RecordState::spawning) {
        view.state =
            MachineLock::try_acquire(lifecycle.places().instances(), record.name) ? "unfinished" : "spawning";
    } else if (record.is_embedded()) {
        view.state = embedded_state(lifecycle.embedded_root(record), record);
    } else if (const auto daemon = daemons.find(record.connection); daemon == daemons.end()) {
        view.state = "unknown";
        view.problem = options.remote ? "" : "on another host; --all-hosts asks it";
    } else if (!daemon->second.problem.empty()) {
        view.state = "unknown";
        view.problem = daemon->second.problem;
    } else {
        const auto state = daemon->second.states.find(record.uuid);
        view.state = state == daemon->second.states.end() ? "missing" : state->second;
    }
}

void set_addresses(const std::map<std::string, DaemonView>& daemons, MachineView& view) {
    const MachineRecord& record = view.record;
    view.addresses.resize(record.nics.size());
    const auto daemon = daemons.find(record.connection);
    if (view.state != "running" || daemon == daemons.end() || !daemon->second.connection) {
        return;
    }
    for (std::size_t i = 0; i < record.nics.size(); ++i) {
        view.addresses[i] = leased_addresses(*daemon->second.connection, record.nics[i]);
    }
}

}  // namespace

std::optional<pid_t> embedded_process(const std::filesystem::path& root, const MachineRecord& record) {
    return virt::embedded_qemu(root, record.name, record.uuid);
}

std::string embedded_state(const std::filesystem::path& root, const MachineRecord& record) {
    if (!embedded_process(root, record)) {
        // A root without a definition has lost its domain.
        return std::filesystem::exists(root / "etc" / "qemu" / (record.name + ".xml")) ? "shut off"
                                                                                       : "missing";
    }
    std::error_code gone;
    for (auto entry = std::filesystem::directory_iterator(root / "lib" / "qemu", gone);
         !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
        if (entry->path().filename().string().rfind("domain-", 0) == 0) {
            const std::string state =
                qemu_run_state(entry->path() / "monitor.sock", std::chrono::milliseconds(100));
            if (state == "shutdown" || state == "guest-panicked") {
                return "shut off";
            }
            if (state == "paused" || state == "suspended") {
                return "paused";
            }
        }
    }
    return "running";
}

std::vector<MachineView> look(Lifecycle& lifecycle, const std::vector<MachineRecord>& records,
                              const LookOptions& options) {
    std::map<std::string, DaemonView> daemons;
    for (const auto& record : records) {
        const bool asked = record.state == RecordState::ready && !record.is_embedded() &&
                           (options.remote || !record.is_remote());
        if (asked && daemons.count(record.connection) == 0) {
            daemons.emplace(record.connection, ask_daemon(lifecycle, record.connection,
                                                          records.size() == 1 ? &record : nullptr));
        }
    }
    CurrentGenerations current(lifecycle);
    std::vector<MachineView> views;
    views.reserve(records.size());
    for (const auto& record : records) {
        MachineView view{.record = record};
        set_state(lifecycle, daemons, options, view);
        if (options.addresses) {
            set_addresses(daemons, view);
        }
        view.addresses.resize(record.nics.size());
        view.outdated = record.state == RecordState::ready && current.is_outdated(record);
        if (options.sizes && record.state == RecordState::ready) {
            view.disk_bytes = bytes_of_machine(lifecycle, record);
        }
        view.seconds = record.seconds;
        views.push_back(std::move(view));
    }
    return views;
}

MachineView look(Lifecycle& lifecycle, const MachineRecord& record, const LookOptions& options) {
    LookOptions all = options;
    all.remote = true;
    MachineView view = look(lifecycle, std::vector<MachineRecord>{record}, all).front();
    if (options.agent && view.state == "running") {
        try {
            merge_addresses(view.addresses, agent_addresses(lifecycle.open(record), record));
        } catch (const Error& error) {
            view.problem = error.message();
        }
    }
    return view;
}

Json view_json(const Lifecycle& lifecycle, const MachineView& view) {
    const MachineRecord& record = view.record;
    Json nics = Json::array();
    std::string address;
    for (std::size_t i = 0; i < record.nics.size(); ++i) {
        const auto& found = i < view.addresses.size() ? view.addresses[i] : std::vector<std::string>();
        if (address.empty() && !found.empty()) {
            address = found.front();
        }
        nics.push_back({{"mac", record.nics[i].network.mac.value_or("")},
                        {"network", record.nics[i].network.text()},
                        {"ip", found}});
    }
    const SshTarget target = lifecycle.ssh_target(record, address);
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
        {"seconds", view.seconds},
        {"connection", record.connection},
        {"memory", record.memory.in_bytes()},
        {"vcpus", record.vcpus},
        {"created", iso_time(record.created)},
        {"allocated_size", view.disk_bytes},
        {"autostart", record.autostart},
        {"ephemeral", record.ephemeral},
        {"comment", record.comment},
        {"host_keys", record.host_keys},
        {"console_log", lifecycle.console_log(record).string()},
    };
    if (!view.problem.empty()) {
        json["problem"] = view.problem;
    }
    return json;
}

Json views_json(const Lifecycle& lifecycle, const std::vector<MachineView>& views) {
    Json list = Json::array();
    for (const auto& view : views) {
        list.push_back(view_json(lifecycle, view));
    }
    return {{"machines", std::move(list)}};
}

}  // namespace imgforge::lifecycle
