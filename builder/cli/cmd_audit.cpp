// SPDX-License-Identifier: GPL-3.0-or-later
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/strict_yaml.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/guest_disks.hpp"
#include "builder/cli/image_argument.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/store/chain_check.hpp"
#include "sysprep/audit/audit_image.hpp"

namespace imgforge::cli {

namespace {

using sysprep::audit::ImageAuditRequest;
using sysprep::audit::Report;

/// A file, or a generation of the store by name.
void choose_disk(const Arguments& arguments, CommandContext& context, ImageAuditRequest& request) {
    const std::string name = arguments.get("IMAGE").value();
    std::error_code code;
    if (std::filesystem::exists(name, code)) {
        const image::OpenedImage opened = open_named_image(arguments, context, name);
        request.audit.disk = opened.file;
        request.audit.format = opened.format;
        request.audit.policy = opened.policy();
        return;
    }
    // A file's name, then; what a golden image is called has none of these endings.
    const std::set<std::string> endings = {".qcow2", ".raw", ".img", ".vmdk", ".vhdx", ".vdi"};
    if (name.find('/') != std::string::npos ||
        endings.contains(std::filesystem::path(name).extension().string())) {
        throw Error(Failure::recipe, fmt::format("'{}' does not exist", name));
    }
    const OpenStore open(context);
    const store::Generation generation = open.store.resolve(name);
    store::require_own_chain(open.store, generation);
    request.audit.disk = generation.disk();
    // A generation may be stored as the difference to an earlier one.
    request.audit.overlay_expected = true;
}

/// "RULE[@PATH|@package:NAME|@sha256:DIGEST]=REASON"
sysprep::audit::Waiver waiver_of(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
        throw Error(
            Failure::usage, fmt::format("invalid waiver '{}'", text),
            "write RULE=REASON, RULE@PATH=REASON, RULE@package:NAME=REASON or RULE@sha256:DIGEST=REASON");
    }
    const std::string place = text.substr(0, equals);
    const auto at = place.find('@');
    sysprep::audit::Waiver waiver{.rule = place.substr(0, at), .reason = text.substr(equals + 1)};
    const std::string where = at == std::string::npos ? "*" : place.substr(at + 1);
    if (where.starts_with("package:")) {
        waiver.package = where.substr(8);
    } else if (where.starts_with("sha256:")) {
        waiver.sha256 = where.substr(7);
    } else {
        waiver.path = where;
    }
    return waiver;
}

void read_options(const Arguments& arguments, ImageAuditRequest& request) {
    for (const std::string& text : arguments.all("waive")) {
        request.audit.waivers.push_back(waiver_of(text));
    }
    for (const std::string& user : arguments.all("expect-user")) {
        request.audit.expect.users.insert(user);
    }
    for (const std::string& user : arguments.all("expect-password")) {
        request.audit.expect.passwords.insert(user);
    }
    for (const std::string& user : arguments.all("expect-sudo")) {
        request.audit.expect.sudo.insert(user);
    }
    request.audit.expect.hostname = arguments.get_or("expect-hostname", "");
    request.audit.expect.machine_id = arguments.get_or("expect-machine-id", "empty");
    request.audit.everything = arguments.has("everything");
    request.audit.overlay_expected = request.audit.overlay_expected || arguments.has("overlay");
    request.bytes_only = arguments.has("bytes-only");
    request.needles_file = arguments.get_or("needles", "");
    request.passphrase_file = arguments.get_or("passphrase-file", "");
    request.root_device = arguments.get_or("root", "");
}

std::string coverage_text(const Json& coverage) {
    std::string text =
        fmt::format("searched: {} of disk and image file in {:.1f} s ({:.2f} GB/s)",
                    ByteSize::bytes(coverage.value("disk_bytes", std::uint64_t{0})).text(),
                    coverage.value("disk_seconds", 0.0), coverage.value("disk_gb_per_second", 0.0));
    if (coverage.contains("files")) {
        text += fmt::format(", {} files with {} unpacked, {} rules", coverage["files"].get<std::uint64_t>(),
                            ByteSize::bytes(coverage.value("unpacked_bytes", std::uint64_t{0})).text(),
                            coverage["rules"].get<std::size_t>());
    }
    return text + "\n";
}

int run_audit(const Arguments& arguments, CommandContext& context) {
    ImageAuditRequest request;
    choose_disk(arguments, context, request);
    for (const std::string& disk : arguments.all("add")) {
        request.added.push_back({disk, open_named_image({}, context, disk).format});
    }
    read_options(arguments, request);
    request.accelerator = stages::appliance_accelerator(context.settings, context.places, *context.processes);
    const Report report = sysprep::audit::audit_image(request, *context.processes, *context.monitor);
    for (const Json& warning : report.coverage.value("warnings", Json::array())) {
        context.monitor->warning(warning.get<std::string>());
    }
    context.result(report.to_json(), report.text() + coverage_text(report.coverage));
    return report.clean() ? 0 : static_cast<int>(ExitCode::verification_failed);
}

std::vector<Option> audit_options() {
    const std::vector<Option> own = {
        {.names = {"--waive"},
         .value = "RULE[@WHERE]=REASON",
         .help = "accept a finding; WHERE: PATH, package:NAME or sha256:DIGEST",
         .repeatable = true},
        {.names = {"--expect-user"},
         .value = "NAME",
         .help = "this account belongs to the image",
         .repeatable = true},
        {.names = {"--expect-password"},
         .value = "NAME",
         .help = "this account may have a password",
         .repeatable = true},
        {.names = {"--expect-sudo"},
         .value = "NAME",
         .help = "this user, %group or file may say NOPASSWD",
         .repeatable = true},
        {.names = {"--expect-hostname"}, .value = "NAME", .help = "host name the image has on purpose"},
        {.names = {"--expect-machine-id"},
         .value = "STATE",
         .help = "state of /etc/machine-id (default: empty)",
         .choices = {"empty", "uninitialized", "delete", "keep"},
         .completes = Completes::choice},
        {.names = {"--needles"},
         .value = "FILE",
         .help = "also search for values recorded by a sysprep run (needles.json)",
         .completes = Completes::file},
        {.names = {"--everything"},
         .help = "also unpack and search programs and libraries as files (slower)"},
        {.names = {"--bytes-only"}, .help = "search the bytes of disk and file, do not open the guest"},
        {.names = {"--overlay"}, .help = "a backing file is not a finding"},
    };
    return joined({own, {added_disk_option()}, guest_opening_options()});
}

}  // namespace

Command audit_command() {
    return {
        .name = "audit",
        .group = "Images",
        .summary = "search an image for remnants of identity and secrets",
        .description =
            "Examines an image at four levels: rules about the guest's files (machine ID, host "
            "keys, accounts, cloud-init state …), the contents of files and archives (initramfs "
            "included), every allocated byte of the virtual disk (deleted data, journals, swap, "
            "gaps), and the bytes of the image file itself (stale clusters, snapshots, "
            "overwritten data in backing files).\n\nFindings name the rule and the location, "
            "never the secret. Unmodified package files are waived automatically; anything else "
            "needs a waiver with a reason. Exits 5 when something is found. The image is only "
            "read; it may be standalone or an overlay, qcow2 or raw, or the name of a golden "
            "image.",
        .positionals = {{.name = "IMAGE",
                         .help = "disk image, or NAME[@GENERATION] of a golden image",
                         .completes = Completes::image}},
        .options = audit_options(),
        .examples = {{.line = "imgforge audit debian13.qcow2", .what = "search for remnants"},
                     {.line = "imgforge audit --json web.qcow2 --overlay --expect-user ops",
                      .what = "an instance's disk, as JSON"},
                     {.line = "imgforge audit disk.raw --waive 'logs@/var/log/build*=kept for the record'",
                      .what = "accept one finding"}},
        .run = run_audit,
    };
}

}  // namespace imgforge::cli
