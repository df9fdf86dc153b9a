// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// What the user gives up by a command that replaces, flattens or erases a machine's disk.
struct Drop {
    bool saved = false;      ///< memory of a managed save
    bool snapshots = false;  ///< internal snapshots in the root disk
    bool changed = false;    ///< a domain that was put on other disks (destroy only)
};

/// The domain as libvirt has it now, which others may have changed.
struct DomainReality {
    virt::DomainFacts defined;
    std::optional<virt::DomainFacts> running{};
    std::string xml;  ///< of the definition
    bool saved = false;
    std::vector<virt::SnapshotInfo> snapshots{};
    /// The file the machine's root disk stands for now: the record's, or a snapshot's on top of it, or a
    /// stranger's. Empty: the domain has no root disk any more.
    std::filesystem::path root{};
    /// `root` is a file whose backing chain contains the record's disk: an external snapshot.
    bool root_above = false;
    bool root_intact = false;
    /// Data disks of the record that the domain has external snapshots on: the record's file, the domain's.
    std::map<std::filesystem::path, std::filesystem::path> data_above{};
};

DomainReality examine(const MachineRecord& record, const virt::Domain& domain);

/// Fills in `root`, `root_above` and `root_intact` from the domain's disks.
void find_root_disk(const MachineRecord& record, const virt::DomainFacts& facts, DomainReality& reality);

/// Compares before anything is changed. Throws Failure::integrity, saying what to do, when the domain's root
/// disk is not the record's, when memory is saved or the disk holds snapshots and `drop` does not say that
/// they may go. Saved memory and snapshots that may go are dropped here. A domain libvirt does not know:
/// fine.
void require_intact(ConnectionPool& connections, const MachineRecord& record, const char* what,
                    const Drop& drop);

/// The part of it that concerns which files the disks are: the root disk, and data disks under snapshots.
void require_same_disks(const MachineRecord& record, const DomainReality& reality);

/// What other tools gave or took, one sentence each: memory, CPUs, disks, NICs, devices. `wanted` is what
/// imgforge would define.
std::vector<std::string> foreign_changes(const MachineRecord& record, const DomainReality& reality,
                                         const virt::DomainFacts& wanted);

}  // namespace imgforge::lifecycle
