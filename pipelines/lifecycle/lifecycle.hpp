// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/host.hpp"
#include "builder/base/json.hpp"
#include "builder/base/state_db.hpp"
#include "builder/virt/acceleration.hpp"
#include "builder/virt/connection.hpp"
#include "pipelines/lifecycle/reservations.hpp"
#include "pipelines/lifecycle/ssh_access.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::lifecycle {

/// The machines of one $IMGFORGE_HOME: their records, the libvirt connections that hold them, the golden
/// images they stand on. The operations (spawn, start, destroy …) are functions of their own in files of
/// their own. The database is for one thread; open() may be called from several.
class Lifecycle {
public:
    explicit Lifecycle(Host host);

    const Places& places() const { return host_.places; }
    const Settings& settings() const { return host_.settings; }
    ProcessRunner& processes() const { return *host_.processes; }
    Clock& clock() const { return *host_.clock; }
    Monitor& monitor() const { return *host_.monitor; }

    Reservations& reservations() { return reservations_; }
    /// Opened at the first use: listing machines needs none of its checks.
    store::Store& store();
    StateDb& database() { return database_; }

    /// What machines of this host run with; measured once per boot of the host. Thread-safe.
    virt::Accelerator accelerator();

    /// Where new machines go; decided once.
    const virt::ConnectionChoice& choice();

    /// The connection that holds the machine. An embedded root is opened anew each time and belongs to this
    /// process until the last copy goes; everything else is opened once.
    virt::Connection open(const MachineRecord& record);
    virt::Connection open_uri(const std::string& uri);

    /// instances/NAME.
    std::filesystem::path folder(std::string_view name) const { return places().instances() / name; }
    std::filesystem::path console_log(const MachineRecord& record) const {
        return folder(record.name) / "console.log";
    }
    std::filesystem::path embedded_root(const MachineRecord& record) const {
        return folder(record.name) / "vm";
    }

    /// The record of a machine that exists. Throws Failure::domain with "did you mean", and for a destroyed
    /// one says so.
    MachineRecord require(std::string_view name);
    /// The same, locked for this command.
    struct Held {
        MachineRecord record;
        MachineLock lock;
    };
    Held hold(std::string_view name);

    /// Row and instances/NAME/instance.json.
    void save(const MachineRecord& record);
    /// The same for all machines of one spawn, with one flush.
    void save_all(const std::vector<MachineRecord>& records);

    /// How to log in at `host` (an address; the loopback port is used when the machine has one).
    SshTarget ssh_target(const MachineRecord& record, const std::string& host) const;

private:
    Host host_;
    StateDb database_;
    Reservations reservations_;
    std::unique_ptr<store::Store> store_;
    std::optional<virt::ConnectionChoice> choice_;
    std::optional<virt::Accelerator> accelerator_;
    std::mutex mutex_;
    std::map<std::string, virt::Connection> connections_;
};

/// [user@]host of a remote URI ("qemu+ssh://root@host:22/system" -> "root@host:22"); empty for local ones.
std::string uri_host(std::string_view uri);

}  // namespace imgforge::lifecycle
