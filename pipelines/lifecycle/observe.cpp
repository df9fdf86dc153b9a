// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/observe.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/embedded_root.hpp"
#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/embedded_pause.hpp"
#include "pipelines/lifecycle/qmp.hpp"

namespace imgforge::lifecycle {
namespace {

/// All domains of one daemon by UUID, or why it did not answer.
struct DaemonView {
    std::map<std::string, virt::DomainRow> rows;
    std::string problem{};
    std::optional<virt::Connection> connection{};
};

/// `only`: when one machine is asked for, a daemon with thousands need not list them all.
DaemonView ask_daemon(ConnectionPool& connections, const std::string& uri, const MachineRecord* only) {
    DaemonView view;
    try {
        view.connection = connections.open_uri(uri);
        if (only != nullptr) {
            const auto domain = view.connection->find(only->uuid);
            if (const auto status = domain ? domain->status() : std::nullopt) {
                virt::DomainRow row{.name = domain->name(),
                                    .uuid = only->uuid,
                                    .state = status->state,
                                    .reason = status->reason};
                row.saved = domain->managed_save();
                row.autostart = domain->autostart();
                for (const auto& snapshot : domain->snapshots()) {
                    row.snapshots.push_back(snapshot.name);
                }
                view.rows.emplace(only->uuid, std::move(row));
            }
            return view;
        }
        for (const auto& row : view.connection->domains()) {
            view.rows.emplace(row.uuid, row);
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

std::uint64_t bytes_of_machine(const InstanceLayout& layout, const MachineRecord& record) {
    if (record.is_remote()) {
        return 0;
    }
    std::uint64_t bytes =
        allocated_size(record.disk) + allocated_size(layout.folder(record.name) / "seed.iso");
    for (const auto& disk : record.data_disks) {
        bytes += allocated_size(disk.path);
    }
    return bytes;
}

/// State, and QEMU's own word for it.
std::pair<std::string, std::string> embedded_status(const std::filesystem::path& root,
                                                    const MachineRecord& record) {
    if (!virt::embedded_qemu(root, record.name, record.uuid)) {
        // A root without a definition has lost its domain.
        const bool defined = std::filesystem::exists(root / "etc" / "qemu" / (record.name + ".xml"));
        return {!defined ? "missing" : embedded_saved(root, record) ? "saved" : "shut off", ""};
    }
    std::error_code gone;
    for (auto entry = std::filesystem::directory_iterator(root / "lib" / "qemu", gone);
         !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
        if (entry->path().filename().string().rfind("domain-", 0) != 0) {
            continue;
        }
        const std::string state =
            qemu_run_state(entry->path() / "monitor.sock", std::chrono::milliseconds(100));
        if (state == "shutdown" || state == "guest-panicked") {
            return {"shut off", state};
        }
        if (state == "paused" || state == "suspended" || state == "io-error" || state == "watchdog") {
            return {"paused", state};
        }
    }
    return {"running", ""};
}

/// Reasons that only say what the state says already.
bool is_plain(virt::DomainReason reason) {
    using enum virt::DomainReason;
    constexpr std::array plain{unknown, booted, unpaused, shutdown, destroyed, saved};
    return std::find(plain.begin(), plain.end(), reason) != plain.end();
}

void set_from(const virt::DomainRow& row, MachineView& view) {
    const bool off = row.state == virt::DomainState::shut_off;
    view.state = off && row.saved ? "saved" : std::string(virt::to_string(row.state));
    view.cause = row.reason;
    view.reason = is_plain(row.reason) ? "" : std::string(virt::to_string(row.reason));
    view.autostart = row.autostart;
    view.snapshots = row.snapshots;
}

/// QEMU's words for why it halted (qapi/run-state.json) as libvirt's reasons.
virt::DomainReason paused_reason(const std::string& run_state) {
    using enum virt::DomainReason;
    constexpr std::array words{std::pair("paused", user), std::pair("io-error", io_error),
                               std::pair("watchdog", watchdog), std::pair("save-vm", saving),
                               std::pair("guest-panicked", crashed)};
    const auto* const found =
        std::find_if(words.begin(), words.end(), [&](const auto& row) { return run_state == row.first; });
    return found == words.end() ? unknown : found->second;
}

void set_embedded(const std::filesystem::path& root, MachineView& view) {
    const MachineRecord& record = view.record;
    const auto [state, run_state] = embedded_status(root, record);
    view.state = state;
    if (state == "paused") {
        view.cause = paused_reason(run_state);
        view.reason = run_state == "suspended"                    ? "asleep"
                      : view.cause == virt::DomainReason::unknown ? ""
                                                                  : virt::to_string(view.cause);
    }
    view.autostart = record.autostart;
    std::error_code none;
    for (auto entry =
             std::filesystem::directory_iterator(root / "lib" / "qemu" / "snapshot" / record.name, none);
         !none && entry != std::filesystem::directory_iterator(); entry.increment(none)) {
        view.snapshots.push_back(entry->path().stem().string());
    }
    std::sort(view.snapshots.begin(), view.snapshots.end());
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
        set_embedded(lifecycle.embedded_root(record), view);
    } else if (const auto daemon = daemons.find(record.connection); daemon == daemons.end()) {
        view.state = "unknown";
        view.problem = options.remote ? "" : "on another host; --all-hosts asks it";
    } else if (!daemon->second.problem.empty()) {
        view.state = "unknown";
        view.problem = daemon->second.problem;
    } else {
        const auto row = daemon->second.rows.find(record.uuid);
        row == daemon->second.rows.end() ? static_cast<void>(view.state = "missing")
                                         : set_from(row->second, view);
    }
    if (!record.not_ready.empty() && (view.state == "running" || view.state == "shut off")) {
        view.reason = "not ready: " + record.not_ready;
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

std::string first_address(const MachineView& view) {
    for (const auto& addresses : view.addresses) {
        if (!addresses.empty()) {
            return addresses.front();
        }
    }
    return {};
}

std::optional<pid_t> embedded_process(const std::filesystem::path& root, const MachineRecord& record) {
    return virt::embedded_qemu(root, record.name, record.uuid);
}

bool embedded_saved(const std::filesystem::path& root, const MachineRecord& record) {
    return std::filesystem::exists(root / "lib" / "qemu" / "save" / (record.name + ".save"));
}

virt::DomainReason embedded_pause(const std::filesystem::path& root, const MachineRecord& record) {
    const auto [state, run_state] = embedded_status(root, record);
    return state == "paused" ? paused_reason(run_state) : virt::DomainReason::unknown;
}

std::string embedded_state(const std::filesystem::path& root, const MachineRecord& record) {
    return embedded_status(root, record).first;
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
        } catch (const virt::VirtError& error) {
            // Most guests have no agent; that is fine.
            view.problem = error.cause() == virt::VirtCause::agent_unavailable ? "" : error.message();
        } catch (const Error& error) {
            view.problem = error.message();
        }
    }
    return view;
}

}  // namespace imgforge::lifecycle
