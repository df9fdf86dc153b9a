// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/state_db.hpp"
#include "pipelines/lifecycle/machine_lock.hpp"
#include "pipelines/lifecycle/machine_name.hpp"
#include "pipelines/lifecycle/machine_record.hpp"
#include "pipelines/lifecycle/port_hold.hpp"

namespace imgforge::lifecycle {

/// What shall be reserved for one spawn.
struct ReservationRequest {
    NamePattern names;
    std::size_t count = 1;
    MachineRecord
        common;  ///< all that is the same for each; name, uuid, instance id, MACs and port are filled in
    bool forward_ssh = false;             ///< a loopback port each
    std::set<std::string> taken_names{};  ///< domains of the connection that are not ours
    std::set<std::string> taken_macs{};   ///< MACs of the connection's domains, lower case
};

/// One reserved machine, locked for this process.
struct Reserved {
    MachineRecord record;
    MachineLock lock;
    std::optional<PortHold> port;
};

/// Names, UUIDs, instance-ids, MACs and ports of all machines of the store: each is taken once, and stays
/// taken as long as a record exists, a destroyed one included. Area "lifecycle" of state.db, which also keeps
/// the records themselves.
class Reservations {
public:
    Reservations(StateDb& database, std::filesystem::path instances);

    /// All or none, in one transaction. Throws Failure::domain naming what is taken.
    std::vector<Reserved> reserve(const ReservationRequest& request);

    std::optional<MachineRecord> find(std::string_view name) const;
    /// Sorted by name.
    std::vector<MachineRecord> all() const;
    std::vector<std::string> names() const;
    std::set<std::string> uuids() const;

    /// Writes a changed record; name, UUID and MACs must be as reserved. Throws Failure::domain when there is
    /// none of that name.
    void save(const MachineRecord& record);
    /// Enters a record found in a directory whose row was lost. False when name, MAC or port belongs to
    /// another one by now.
    bool adopt(const MachineRecord& record);
    /// The same machine under another name; `record` has the new one. Throws Failure::domain when it is
    /// taken.
    void rename(std::string_view old_name, const MachineRecord& record);
    /// A new loopback port for a machine whose own is taken by a stranger.
    PortHold move_port(MachineRecord& record);
    /// Frees everything. Missing is fine.
    void forget(std::string_view name);

private:
    void insert(const MachineRecord& record);
    std::string free_mac(const std::set<std::string>& taken) const;
    PortHold free_port() const;
    bool exists(std::string_view table, std::string_view column, std::string_view value) const;

    StateDb& database_;
    std::filesystem::path instances_;
};

}  // namespace imgforge::lifecycle
