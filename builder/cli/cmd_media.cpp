// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "builder/cli/commands.hpp"
#include "builder/install/media_create.hpp"
#include "builder/install/media_probe.hpp"
#include "templates/archive.hpp"

namespace imgforge::cli {

namespace {

std::string probe_text(const install::MediaInfo& info) {
    return fmt::format(
        "{} {} ({}), family {}\n  template      {}\n  label         {}\n  kernel        {}\n  initrd        "
        "{}\n  installs      {}\n",
        info.product, info.version, info.arch, info.family, info.distribution, info.label, info.kernel,
        info.initrd, info.offline ? "without a network" : "only with a network");
}

int probe(const Arguments& arguments, CommandContext& context) {
    const install::MediaInfo info = install::probe_media(std::filesystem::path(arguments.get_or("ISO", "")));
    context.result(install::to_json(info), probe_text(info));
    return 0;
}

std::string create_text(const install::MadeMedium& made) {
    std::string text = fmt::format(
        "{}\n  {} with {} packages, {} installer components, kernel {}\n  {}, sha256 {}\n", made.iso.string(),
        made.label, made.debs, made.udebs, made.kernel_abi, ByteSize::bytes(made.size).text(), made.sha256);
    for (const std::string& note : made.notes)
        text += fmt::format("  note: {}\n", note);
    if (made.reused)
        text += "  nothing has changed in the archive since it was made\n";
    return text;
}

int create_medium(const Arguments& arguments, CommandContext& context) {
    const install::MediaRequest request{.suite = arguments.get_or("SUITE", ""),
                                        .packages = arguments.all("package"),
                                        .mirror = arguments.get_or("mirror", "")};
    const std::optional<std::string> output = arguments.get("output");
    std::optional<OutputFile> target;
    if (output)
        target.emplace(*output,
                       arguments.has("force") ? OutputFile::Existing::replace : OutputFile::Existing::refuse,
                       0644U, "add --force to replace it");
    context.places.create();
    install::MadeMedium made =
        install::create_media(request, context.places, *context.processes, *context.monitor);
    if (target) {
        copy_file_fast(made.iso, target->temporary());
        target->commit();
        made.iso = std::filesystem::absolute(*output);
    }
    context.result(install::to_json(made), create_text(made));
    return 0;
}

}  // namespace

Command media_probe_command() {
    return {.name = "media probe",
            .group = "Tools",
            .summary = "identify an installer ISO",
            .description =
                "Reads an ISO image and reports which distribution's installer is on it, where "
                "its kernel and initrd are, and whether it can install without a network. "
                "Damaged, truncated and unknown images are rejected with the reason, as are "
                "images that do not support unattended installation (live images, network-boot "
                "images, additional discs of a set).",
            .positionals = {{.name = "ISO", .help = "ISO image file", .completes = Completes::file}},
            .examples = {{"imgforge media probe debian-13.1.0-amd64-netinst.iso", "identify this ISO"}},
            .run = probe};
}

Command media_create_command() {
    return {.name = "media create",
            .group = "Tools",
            .summary = "make an offline installer ISO from the Debian archive",
            .description = fmt::format(
                "Assembles an installer ISO from the Debian archive that this host's apt uses: "
                "kernel and modules of one version, the installer's components, and a package pool "
                "with the base system, a cloud kernel, boot loaders for BIOS and UEFI (signed), "
                "openssh-server, cloud-init, qemu-guest-agent, sudo and locales. It installs with no "
                "network.\n\napt checks the archive's signature; every file is checked against the "
                "signed index. If the mirror lacks parts of the suite's own installer, the installer "
                "of a newer suite is used with the packages of the suite, and the result says so. "
                "Downloads and finished ISOs stay in the cache and are reused until the archive or "
                "the request changes.\n\nSuites: {}.",
                fmt::join(templates::archive_suites(), ", ")),
            .positionals = {{.name = "SUITE",
                             .help = "code name of the release",
                             .completes = Completes::choice}},
            .options = {{.names = {"--package", "-p"},
                         .value = "NAME",
                         .help = "include this package and its dependencies",
                         .repeatable = true},
                        {.names = {"--mirror"},
                         .value = "URI",
                         .help = "archive to use instead of the one in the host's apt sources"},
                        {.names = {"--output", "-o"},
                         .value = "FILE",
                         .help = "copy the image here",
                         .completes = Completes::file},
                        {.names = {"--force"}, .help = "replace FILE"}},
            .examples = {{"imgforge media create bookworm", "a Debian 12 ISO in the cache"},
                         {"imgforge media create trixie --package nginx --output debian13-nginx.iso",
                          "a Debian 13 ISO with nginx"}},
            .run = create_medium};
}

}  // namespace imgforge::cli
