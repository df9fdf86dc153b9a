// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/image/backing_chain.hpp"
#include "sysprep/audit/report.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/offline_session.hpp"

namespace imgforge::sysprep::audit {

struct AuditRequest {
    std::filesystem::path disk;  ///< the finished image; only read
    image::DiskFormat format = image::DiskFormat::qcow2;
    image::ChainPolicy policy{};  ///< which backing files it may have
    Expectations expect{};
    std::vector<Waiver> waivers{};
    bool everything = false;        ///< also read programs and libraries as files (Depth::everything)
    bool overlay_expected = false;  ///< a backing file is not a finding
    unsigned threads = 0;           ///< 0: one per processor
    std::uint64_t parent_activity = 0;
};

/// The whole audit of SYSPREP.md section 4, rules 1 to 16, in a session whose mounted guest is the content of
/// `request.disk`: bytes of the disk and the image file on the host, files and rules through the appliance.
/// Secrets that stand in unchanged files of packages are waived with the package's name; needles never are.
/// Nothing is written to the image.
Report audit_in_session(const AuditRequest& request, OfflineSession& session, ProcessRunner& processes);

/// The bytes only, without an appliance: what can be said of a disk that holds no system (or a damaged one).
Report audit_bytes(const AuditRequest& request, const Needles& needles, ProcessRunner& processes,
                   Monitor& monitor, const std::filesystem::path& work_folder);

}  // namespace imgforge::sysprep::audit
