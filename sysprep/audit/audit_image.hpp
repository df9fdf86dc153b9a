// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "sysprep/audit/audit.hpp"
#include "sysprep/offline_run.hpp"

namespace imgforge::sysprep::audit {

/// An audit outside a pipeline.
struct ImageAuditRequest {
    AuditRequest audit;
    bool bytes_only = false;               ///< no appliance: bytes of the disk and the file only
    std::filesystem::path needles_file{};  ///< of a sysprep run; empty: none
    std::filesystem::path passphrase_file{};
    std::string root_device{};
    guest::Accelerator accelerator = guest::Accelerator::tcg;
    std::vector<AddedDisk> added{};  ///< the guest's other disks, searched as the first
};

/// Audits any image, standalone or overlay, qcow2 or raw; it is opened read-only and may be read by others
/// meanwhile, but not written. A disk whose guest cannot be opened is searched as bytes, with the finding
/// "inspection" that says why its files were not looked at.
Report audit_image(const ImageAuditRequest& request, ProcessRunner& processes, Monitor& monitor);

}  // namespace imgforge::sysprep::audit
