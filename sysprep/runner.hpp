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

/// How far a run goes beyond the mounted file systems.
enum class Devices {
    untouched,  ///< files only
    listed,  ///< as much as it takes to name every change: what mount points hide, snapshots, swap files; for
             ///< dry runs
    wiped,   ///< all
};

/// Collects needles (unless the session has some), then runs the operations on the mounted guest in their
/// order. Unless `devices` is untouched, afterwards unmounts, cleans what mount points hide and runs the
/// operations on devices; the guest is then not mounted. Throws Failure::guest for a guest whose system
/// directories are links to elsewhere.
SysprepReport run_operations(OfflineSession& session, const std::vector<Operation>& operations,
                             const SysprepOptions& options, Devices devices);

/// One operation on file systems, as the runner does it: its patterns, then its function.
OperationReport perform(const Operation& operation, guest::GuestFs& fs, const guest::Inspection& os,
                        const SysprepOptions& options);

}  // namespace imgforge::sysprep
