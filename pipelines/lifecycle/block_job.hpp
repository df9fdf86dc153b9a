// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>

#include "builder/base/host.hpp"
#include "builder/virt/domain.hpp"

namespace imgforge::lifecycle {

/// A copy that libvirt makes of a running domain's disk.
struct DiskCopy {
    std::string target;  ///< "vda"
    std::string what;    ///< for errors: "merging the snapshots of machine 'web-1'"
    std::chrono::milliseconds longest = std::chrono::hours(24);
    std::string if_ended{};  ///< what to do when libvirt ends it early
};

/// Waits until the two sides of the copy are the same and the domain can change over (pivot_block_copy()).
/// Throws Failure::domain when libvirt ends the job before that, Failure::timeout with the bytes done.
void await_copy(const Host& host, const virt::Domain& domain, const DiskCopy& copy, Activity& activity);

/// Waits until libvirt has no such job any more, for jobs that end by themselves.
void await_job_end(const Host& host, const virt::Domain& domain, const DiskCopy& copy, Activity& activity);

}  // namespace imgforge::lifecycle
