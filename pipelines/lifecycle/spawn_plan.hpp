// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/lifecycle/machine_size.hpp"
#include "pipelines/lifecycle/placement.hpp"
#include "pipelines/lifecycle/reservations.hpp"
#include "pipelines/lifecycle/spawn.hpp"

namespace imgforge::lifecycle {

/// What a spawn decides before anything is made.

/// Who logs in: asked for, else the distribution's cloud user, else one of our own.
struct Login {
    std::string user;
    bool images_own = true;                     ///< the image's cloud-init makes it by itself
    std::optional<ProcessorLevel> processor{};  ///< of the distribution; nothing: unknown
    std::string os{};                           ///< "debian13"; empty when unknown
};

/// `os`: name of the distribution's row, empty when unknown.
Login choose_login(const std::string& os, const std::string& wanted);

/// The parts of a record that follow from the distribution.
void set_login(const Login& login, MachineRecord& record);

MachineSize size_of(const Host& host, const SpawnOptions& options);

/// The record all machines of one spawn share; name, UUID, MACs and paths are missing.
MachineRecord common_record(const Host& host, const SpawnOptions& options,
                            const store::Generation& generation, const Placement& placement);

/// Names and MACs that domains of that daemon have already, ours or not. An embedded root is new and holds
/// none.
void add_taken(Lifecycle& lifecycle, const Placement& placement, ReservationRequest& request);

/// Throws Failure::usage for wishes that exclude each other.
void check_options(const SpawnOptions& options, const MachineRecord& record, const Placement& placement);

}  // namespace imgforge::lifecycle
