// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/audit_image.hpp"

#include <memory>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/image_lock.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// Bytes only, with the reason as a finding: a disk that was not looked into is not called clean.
Report audit_unopened(const ImageAuditRequest& request, const Needles& needles, const std::string& reason,
                      ProcessRunner& processes, Monitor& monitor, const std::filesystem::path& work_folder) {
    Report report = audit_bytes(request.audit, needles, processes, monitor, work_folder);
    report.findings.insert(report.findings.begin(),
                           Finding{.rule = "inspection",
                                   .path = request.audit.disk.filename().string(),
                                   .layer = "structure",
                                   .detail = "the guest's files could not be looked at: " + reason});
    apply_waivers(report.findings, request.audit.waivers);
    return report;
}

/// Files of all disks were read through the guest; the bytes of the others are searched one after the other.
void add_other_disks(Report& report, const ImageAuditRequest& request, const Needles& needles,
                     ProcessRunner& processes, Monitor& monitor, const std::filesystem::path& work_folder) {
    for (const AddedDisk& disk : request.added) {
        AuditRequest other = request.audit;
        other.disk = disk.image;
        other.format = disk.format;
        Report more = audit_bytes(other, needles, processes, monitor, work_folder);
        for (Finding& finding : more.findings) {
            finding.path = disk.image.filename().string() + ": " + finding.path;
            report.findings.push_back(std::move(finding));
        }
    }
}

}  // namespace

Report audit_image(const ImageAuditRequest& request, ProcessRunner& processes, Monitor& monitor) {
    static_cast<void>(
        image::read_backing_chain(request.audit.disk, request.audit.format, request.audit.policy));
    const image::ImageHold hold(request.audit.disk);
    std::vector<std::unique_ptr<image::ImageHold>> others;
    for (const AddedDisk& disk : request.added) {
        others.push_back(std::make_unique<image::ImageHold>(disk.image));
    }
    const TempDir work("imgforge-audit");
    const Needles needles = request.needles_file.empty() ? Needles{} : Needles::load(request.needles_file);
    if (request.bytes_only) {
        return audit_bytes(request.audit, needles, processes, monitor, work.path());
    }
    std::unique_ptr<OfflineRun> run;
    try {
        run = std::make_unique<OfflineRun>(OfflineRunOptions{.image = request.audit.disk,
                                                             .format = request.audit.format,
                                                             .work_folder = work.path(),
                                                             .throw_away = true,
                                                             .read_only = true,
                                                             .accelerator = request.accelerator,
                                                             .passphrase_file = request.passphrase_file,
                                                             .root_device = request.root_device,
                                                             .added = request.added},
                                           processes, monitor);
    } catch (const Error& error) {
        if (error.kind() != Failure::guest) {
            throw;
        }
        return audit_unopened(request, needles, error.message(), processes, monitor, work.path());
    }
    run->session().needles = needles;
    Report report = audit_in_session(request.audit, run->session(), processes);
    run->finish();
    add_other_disks(report, request, needles, processes, monitor, work.path());
    return report;
}

}  // namespace imgforge::sysprep::audit
