// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/install_preparation.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/random.hpp"
#include "builder/base/text.hpp"
#include "builder/image/iso_reader.hpp"
#include "builder/image/overlay.hpp"
#include "builder/install/apt_archive.hpp"
#include "builder/install/artefacts.hpp"
#include "builder/install/cpio.hpp"
#include "builder/install/initrd_pack.hpp"
#include "builder/install/medium_packages.hpp"
#include "pipelines/stages/medium_check.hpp"
#include "pipelines/stages/secret_values.hpp"
#include "seeds/seed.hpp"

namespace imgforge::stages {

namespace fs = std::filesystem;
using engine::RecipeFacts;
using engine::StageTask;

namespace {

void recognise(const StageTask& task, Preparation& made) {
    made.info = install::probe_media(made.medium.iso);
    require_medium_of(*task.recipe, made.info);
    made.row = &templates::distribution(made.info.distribution);
    require_memory(*task.recipe, *made.row);
    require_disk(*task.recipe, *made.row);
}

bool has_eatmydata(const image::IsoReader& iso) {
    // d-i's component and the library for the target stand beside each other in the pool.
    return iso.exists("pool/main/libe/libeatmydata");
}

/// The cloud kernel where the medium's index has it: a network-install medium holds the general one only.
std::string kernel_on_medium(const image::IsoReader& iso, const Preparation& made) {
    const std::string general = "linux-image-" + made.info.arch;
    const std::string cloud = "linux-image-cloud-" + made.info.arch;
    const auto lacks = [&](const std::string& name) {
        return !install::missing_packages(iso, made.row->codename, made.info.arch, {name}).empty();
    };
    return lacks(cloud) && !lacks(general) ? general : std::string();
}

/// The row's package sources on the archive that this host's apt uses, as `media create` does; none where
/// that is a directory of this host, or its address has a password, which an image must not keep.
std::string sources_of(const templates::Distribution& row, ProcessRunner& processes) {
    if (row.package_sources.empty()) {
        return {};
    }
    const std::string mirror = install::host_mirror(processes);
    if (!mirror.starts_with("http") || mirror.find('@') != std::string::npos) {
        return {};
    }
    std::string sources = row.package_sources;
    replace_all(sources, "{mirror}", mirror);
    return sources;
}

void write_answers(const StageTask& task, Preparation& made) {
    const image::IsoReader iso(made.medium.iso);
    made.facts = {.nonce = random_hex(8),
                  .uefi = uses_uefi(*task.recipe),
                  .offline = made.info.offline,
                  .version = made.row->version.empty() ? made.info.version : made.row->version,
                  .suite = made.row->codename,
                  .package_sources = sources_of(*made.row, *task.host->processes),
                  .product = made.row->product,
                  .arch = made.info.arch,
                  .medium_has_eatmydata = has_eatmydata(iso),
                  .kernel = kernel_on_medium(iso, made)};
    MadeAnswers answers = make_answers(*task.recipe, task.options, *made.row, made.facts);
    fill_values(answers, task.options, secret_values(*task.recipe));
    install::remember_answer_secrets(answers.text);
    for (const Diagnostic& fault : answers.faults.list()) {
        if (fault.severity == Diagnostic::Severity::warning) {
            task.host->monitor->warning(to_text(fault));
        }
    }
    answers.faults.throw_if_errors();
    made.format = answers.format;
    made.answers = std::move(answers.text);
    made.files = std::move(answers.files);
    made.network = answers.network;
}

/// Packages that are not on a medium which has to do alone: known now, and not only after minutes of
/// installation. The user's own answers may add a repository by a command of theirs, so they are only warned.
void check_packages(const StageTask& task, const Preparation& made) {
    if (made.network) {
        return;
    }
    const auto missing =
        install::missing_packages(image::IsoReader(made.medium.iso), made.row->codename, made.info.arch,
                                  seeds::asked_packages(made.format, made.answers));
    std::vector<std::string> texts;
    for (const install::MissingPackage& package : missing) {
        texts.push_back(package.suggestion.empty()
                            ? package.name
                            : fmt::format("{} (did you mean '{}'?)", package.name, package.suggestion));
    }
    if (texts.empty()) {
        return;
    }
    const std::string message =
        fmt::format("not on the ISO, and the installation has no network: {}", fmt::join(texts, ", "));
    if (own_answers(*task.recipe, task.options)) {
        task.host->monitor->warning(message);
        return;
    }
    throw Error(Failure::recipe, message,
                "correct the names in answers.packages, use an ISO that contains them "
                "(installer.archive makes one), or give answers.mirror");
}

void unpack_boot_files(const StageTask& task, Preparation& made) {
    made.work = task.scratch / "work";
    make_directories(made.work);
    const image::IsoReader iso(made.medium.iso);
    iso.extract(made.info.kernel, made.work / "vmlinuz", 1ULL << 30U);
    iso.extract(made.info.initrd, made.work / "initrd.medium", 4ULL << 30U);
    std::vector<install::InitrdMember> members;
    for (const seeds::AnswerFile& file : made.files.initrd) {
        members.push_back({.path = "/" + file.path, .bytes = file.bytes, .mode = file.mode});
    }
    if (members.empty()) {
        fs::rename(made.work / "initrd.medium", made.work / "initrd");
    } else {
        const install::PackedInitrd packed =
            install::pack_initrd(made.work / "initrd.medium", members, made.work / "initrd");
        if (packed.compression == install::unknown_compression) {
            task.host->monitor->warning(
                fmt::format("{} on the ISO is compressed in an unknown format: the answers are "
                            "appended to it, and its kernel must understand both",
                            made.info.initrd));
        }
    }
    if (!made.files.iso_label.empty()) {
        seeds::SeedFiles files;
        for (const seeds::AnswerFile& file : made.files.iso) {
            files[file.path] = file.bytes;
        }
        seeds::write_seed_iso(files, made.files.iso_label, made.work / "answers.iso");
    }
    make_empty_disk(task, *made.row);
}

}  // namespace

fs::path make_empty_disk(const StageTask& task, const templates::Distribution& row) {
    const fs::path disk = task.scratch / "disk.qcow2";
    const ByteSize size = machine_disk(*task.recipe, row);
    remove_tree(disk);
    if (!task.recipe->machine.thick) {
        image::create_empty_qcow2(disk, size);
        return disk;
    }
    run_checked(*task.host->processes, {.program = "qemu-img",
                                        .args = {"create", "-q", "-f", "qcow2", "-o", "preallocation=falloc",
                                                 disk.string(), std::to_string(size.in_bytes())},
                                        .timeout = std::chrono::minutes(10)});
    fs::permissions(disk, fs::perms(0600));
    return disk;
}

void prepare_installation(const StageTask& task, Preparation& made) {
    in_context([&] { return fmt::format("medium {}", made.medium.iso.string()); },
               [&] {
                   recognise(task, made);
                   write_answers(task, made);
                   check_packages(task, made);
                   unpack_boot_files(task, made);
               });
}

}  // namespace imgforge::stages
