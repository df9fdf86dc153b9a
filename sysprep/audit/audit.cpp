// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/audit.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "sysprep/audit/block_locator.hpp"
#include "sysprep/audit/byte_scan.hpp"
#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/guest_collect.hpp"
#include "sysprep/audit/package_files.hpp"

namespace imgforge::sysprep::audit {

namespace {

void append(std::vector<Finding>& to, std::vector<Finding> more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// A host name that the image has on purpose is not a needle, even when it was there before cleaning.
std::unique_ptr<Matcher> matcher_for(const Needles& needles, const Expectations& expect) {
    Needles searched = needles;
    std::erase_if(searched.items, [&](const Needle& needle) {
        return needle.kind == "hostname" && needle.value == expect.hostname;
    });
    auto patterns = needle_patterns(searched);
    patterns.insert(patterns.end(), generic_patterns().begin(), generic_patterns().end());
    return std::make_unique<Matcher>(std::move(patterns));
}

/// Files that an initramfs carries when it was built before cleaning (dracut 10systemd, dropbear-initramfs).
bool holds_identity(std::string_view path, std::string_view bytes) {
    const std::string_view inside = path.substr(path.rfind('!') + 1);
    const auto ends = [&](std::string_view name) { return inside.ends_with(name); };
    const auto first = words_of(bytes.substr(0, bytes.find('\n')));
    if (ends("etc/machine-id")) {
        return bytes.size() >= 32 && bytes != "uninitialized\n";
    }
    if (ends("etc/hostname")) {
        return !first.empty() && !first[0].starts_with("localhost");
    }
    const std::string_view name = inside.substr(inside.rfind('/') + 1);
    return !bytes.empty() && ((name.starts_with("ssh_host_") && name.ends_with("_key")) ||
                              (name.starts_with("dropbear_") && name.ends_with("_host_key")));
}

std::uint64_t used_bytes(OfflineSession& session) {
    std::uint64_t used = 0;
    for (const auto& mount : session.os.mountpoints) {
        const std::string& mount_point = mount.first;
        struct guestfs_statvfs* const status =
            session.appliance->attempt("ask for the space in use",
                                       [&](guestfs_h* g) { return guestfs_statvfs(g, mount_point.c_str()); });
        if (status != nullptr) {
            used += static_cast<std::uint64_t>(status->blocks - status->bfree) *
                    static_cast<std::uint64_t>(status->bsize);
            guestfs_free_statvfs(status);
        }
    }
    return used;
}

/// What waivers by package or digest compare with.
void tell_files_apart(std::vector<Finding>& findings, const std::vector<Waiver>& waivers,
                      PackageFiles& packages) {
    const auto wanted = [&](const std::string Waiver::*field) {
        return std::any_of(waivers.begin(), waivers.end(),
                           [&](const Waiver& waiver) { return !(waiver.*field).empty(); });
    };
    const bool by_package = wanted(&Waiver::package);
    const bool by_digest = wanted(&Waiver::sha256);
    for (Finding& finding : findings) {
        if (!finding.path.starts_with('/') || finding.waived) {
            continue;
        }
        const std::string file = finding.path.substr(0, finding.path.find('!'));
        finding.package = by_package ? packages.package_of(file) : "";
        finding.sha256 = by_digest ? packages.sha256_of(file) : "";
    }
}

/// The hash of an account that may have a password is not a leftover where it belongs.
std::vector<Waiver> waivers_for_declared(const Expectations& expect) {
    std::vector<Waiver> out;
    if (!expect.passwords.empty()) {
        out.push_back({"secret:password-hash", "/etc/shadow", "accounts with a declared password"});
        out.push_back({"needle:password-hash", "/etc/shadow", "accounts with a declared password"});
    }
    return out;
}

/// Findings in raw bytes get the name of the guest file they lie in.
void name_files(std::vector<Finding>& findings, OfflineSession& session, const image::DiskView& view) {
    std::vector<std::uint64_t> offsets;
    for (const Finding& finding : findings) {
        if (finding.layer == "disk" && finding.offset) {
            offsets.push_back(*finding.offset);
        }
    }
    const auto files = locate_files(session, view, offsets);
    for (Finding& finding : findings) {
        const auto file =
            finding.layer == "disk" && finding.offset ? files.find(*finding.offset) : files.end();
        if (file != files.end()) {
            finding.path = file->second;
        }
    }
}

Report finish(std::vector<Finding> findings, const AuditRequest& request, Json coverage) {
    Report report;
    report.findings = merge_findings(std::move(findings));
    for (const std::string& warning : apply_waivers(report.findings, request.waivers)) {
        coverage["warnings"].push_back(warning);
    }
    std::stable_sort(report.findings.begin(), report.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.waived < b.waived; });
    report.coverage = std::move(coverage);
    return report;
}

ImageFacts image_facts(const AuditRequest& request, ProcessRunner& processes, const image::DiskView& view,
                       std::uint64_t used) {
    ImageFacts facts{.info = image::qemu_img::read_info(processes, request.disk, request.format, true),
                     .check = image::qemu_img::run_check(processes, request.disk, request.format, true),
                     .overlay_expected = request.overlay_expected,
                     .used_bytes = used};
    for (const image::ChainLink& link : view.chain()) {
        facts.allocated_bytes += allocated_size(link.file);
    }
    return facts;
}

Json scan_coverage(const ByteScan& scan) {
    return {{"disk_bytes", scan.bytes},
            {"disk_seconds", scan.seconds},
            {"disk_gb_per_second",
             scan.seconds > 0 ? static_cast<double>(scan.bytes) / 1e9 / scan.seconds : 0.0}};
}

}  // namespace

Report audit_bytes(const AuditRequest& request, const Needles& needles, ProcessRunner& processes,
                   Monitor& monitor, const std::filesystem::path& work_folder) {
    const auto matcher = matcher_for(needles, request.expect);
    const image::DiskView view(
        processes, image::read_backing_chain(request.disk, request.format, request.policy), work_folder);
    ByteScan scan = scan_bytes(view, *matcher, request.threads, monitor, request.parent_activity);
    std::vector<Finding> findings = std::move(scan.findings);
    append(findings, check_image(image_facts(request, processes, view, 0)));
    return finish(std::move(findings), request, scan_coverage(scan));
}

Report audit_in_session(const AuditRequest& request, OfflineSession& session, ProcessRunner& processes) {
    const auto start = std::chrono::steady_clock::now();
    const auto matcher = matcher_for(session.needles, request.expect);
    const image::DiskView view(processes,
                               image::read_backing_chain(request.disk, request.format, request.policy),
                               session.work_folder);
    // The disk's bytes are this host's work, reading files is the appliance's: in parallel. Should the
    // latter fail, the future's end waits for the scan.
    std::future<ByteScan> disk_bytes = std::async(std::launch::async, [&] {
        return scan_bytes(view, *matcher, request.threads, session.monitor, request.parent_activity);
    });

    Activity activity(session.monitor, "search the guest's files", request.parent_activity);
    ContentScan content(*matcher);
    std::vector<std::string> initramfs;
    content.on_inner_file = [&](const std::string& path, std::string_view bytes) {
        const bool boot_file = path.starts_with("/boot/") || path.starts_with("/efi/");
        if (boot_file && holds_identity(path, bytes)) {
            initramfs.push_back(path);
        }
    };
    const Depth depth = request.everything ? Depth::everything : needed_depth(session.os);
    const GuestTree tree = collect_tree(session, depth, content);
    ByteScan scan = disk_bytes.get();
    std::vector<Finding> findings = std::move(scan.findings);
    append(findings, content.take_findings());
    name_files(findings, session, view);
    append(findings,
           check_guest(
               {.tree = tree, .os = session.os, .expect = request.expect, .initramfs_identity = initramfs}));
    PackageFiles packages(tree, session.fs, session.os);
    waive_package_files(findings, packages);
    tell_files_apart(findings, request.waivers, packages);
    append(findings, check_image(image_facts(request, processes, view, used_bytes(session))));

    Json coverage = scan_coverage(scan);
    coverage["files"] = content.files();
    coverage["file_bytes"] = content.bytes();
    coverage["unpacked_bytes"] = content.unpacked();
    coverage["programs_read_as"] = depth == Depth::everything ? "files" : "disk bytes";
    coverage["rules"] = guest_rules().size() + image_rules().size();
    coverage["needles"] = session.needles.items.size();
    coverage["warnings"] = content.warnings();
    coverage["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    apply_waivers(findings, waivers_for_declared(request.expect));
    return finish(std::move(findings), request, std::move(coverage));
}

}  // namespace imgforge::sysprep::audit
