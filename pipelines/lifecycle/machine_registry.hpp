// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "builder/base/state_db.hpp"
#include "pipelines/lifecycle/instance_layout.hpp"
#include "pipelines/lifecycle/reservations.hpp"

namespace imgforge::lifecycle {

/// The records of the machines: a row in state.db, and a copy beside the machine's files. For one thread.
class MachineRegistry {
public:
    explicit MachineRegistry(InstanceLayout layout);

    Reservations& reservations() { return reservations_; }
    StateDb& database() { return database_; }

    /// The record of a machine that exists. Throws Failure::domain with "did you mean", and for a destroyed
    /// one says so.
    MachineRecord require(std::string_view name);
    /// Row and instances/NAME/instance.json.
    void save(const MachineRecord& record);
    /// The same for all machines of one spawn, with one flush.
    void save_all(const std::vector<MachineRecord>& records);

private:
    InstanceLayout layout_;
    StateDb database_;
    Reservations reservations_;
};

}  // namespace imgforge::lifecycle
