// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "sysprep/offline_session.hpp"
#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

struct OperationReport {
    std::string name;
    std::string heading;
    std::string reason;
    std::vector<Change> changes;
    std::vector<std::string> notes;
};

struct SysprepReport {
    std::vector<OperationReport> operations;
    std::vector<std::string> warnings;
    std::size_t change_count() const;
    /// `{operations: [{name, heading, reason, changes: [{path, action, bytes}], notes}], warnings}`.
    Json to_json() const;
    /// For people: a line per operation that did something, its paths below with `verbose`.
    std::string to_text(bool verbose) const;
};

/// Collects needles (unless the session has some), then runs the operations on the mounted guest in their order. With
/// `devices`, afterwards unmounts, runs the operations on devices (wiping) and mounts again. Throws Failure::guest for a guest
/// whose system folders are links to elsewhere.
SysprepReport run_operations(OfflineSession& session, const std::vector<Operation>& operations, const SysprepOptions& options,
                             bool devices);

/// One operation on file systems, as the runner does it: its patterns, then its function.
OperationReport perform(const Operation& operation, guest::GuestFs& fs, const guest::Inspection& os, const SysprepOptions& options);

}  // namespace imgforge::sysprep
