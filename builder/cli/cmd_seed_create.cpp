// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/seed_options.hpp"
#include "builder/image/qemu_img.hpp"
#include "seeds/findings.hpp"
#include "seeds/seed_reader.hpp"

namespace imgforge::cli {
namespace {

std::filesystem::path seed_output(const Arguments& arguments, const std::string& format) {
    if (const auto given = arguments.get("output")) {
        return *given;
    }
    const std::string name = arguments.get_or("name", arguments.get_or("hostname", "seed"));
    const std::string ending = format == "dir"     ? ""
                               : format == "vfat"  ? ".img"
                               : format == "iso"   ? ".iso"
                               : format == "qcow2" ? ".qcow2"
                                                   : ".tar";
    return name == "seed" ? name + ending : name + "-seed" + ending;
}

/// Whole or not at all, but not flushed to the disk: nothing refers to the file yet, and flushing takes
/// longer than all the rest.
void write_unflushed(const std::filesystem::path& path, std::string_view bytes) {
    OutputFile file(path, OutputFile::Existing::replace, 0600);
    file.write(bytes);
    file.commit(false);
}

/// The medium as bytes; a qcow2 image holds the ISO and is made by qemu-img.
std::string medium_bytes(const seeds::SeedFiles& files, std::string_view label, const std::string& format,
                         CommandContext& context) {
    const std::int64_t epoch = seeds::reproducible_time();
    if (format == "vfat") {
        return seeds::seed_vfat(files, label, epoch);
    }
    if (format == "tar") {
        return seeds::seed_tar(files, epoch);
    }
    std::string iso = seeds::seed_iso(files, label, epoch);
    if (format != "qcow2") {
        return iso;
    }
    const TempDir scratch("seed");
    const std::filesystem::path raw = scratch.path() / "seed.raw";
    constexpr std::size_t block = 512;  // qemu-img rounds up, so it is done here where it is seen
    iso.resize((iso.size() + block - 1) / block * block);
    write_file_atomically(raw, iso, 0600);
    const std::filesystem::path disk = scratch.path() / "seed.qcow2";
    image::qemu_img::run_convert(*context.processes, {.from = raw,
                                                      .from_format = image::DiskFormat::raw,
                                                      .to = disk,
                                                      .to_format = image::DiskFormat::qcow2});
    return read_file(disk);
}

/// Refuses what must not be replaced before anything is made. A directory is written into, never removed:
/// what else is in it belongs to somebody.
void check_output(const std::filesystem::path& output, const std::string& format, bool force) {
    constexpr std::string_view hint = "add --force to replace it, or name another with --output";
    std::error_code code;
    if (format != "dir") {
        const OutputFile checked(output, force ? OutputFile::Existing::replace : OutputFile::Existing::refuse,
                                 0600, hint);
    } else if (std::filesystem::exists(output, code) && !std::filesystem::is_directory(output, code)) {
        throw Error(Failure::usage,
                    fmt::format("'{}' is not a directory; it is never replaced", output.string()),
                    "name a directory with --output");
    }
}

/// Files of a seed that stands in the directory already and would be replaced, or mixed with the new one.
void settle_directory(const seeds::SeedFiles& files, const std::filesystem::path& output, bool force) {
    for (const char* name : {"user-data", "meta-data", "vendor-data", "network-config"}) {
        const std::filesystem::path file = output / name;
        const std::filesystem::file_status status = std::filesystem::symlink_status(file);
        if (!std::filesystem::exists(status)) {
            continue;
        }
        if (!force) {
            throw Error(Failure::usage, fmt::format("{} exists already", file.string()),
                        "add --force to replace the seed in that directory; other files in it stay");
        }
        if (files.count(name) == 0 && std::filesystem::is_regular_file(status)) {
            std::filesystem::remove(file);
        }
    }
}

void write_seed(const seeds::SeedFiles& files, std::string_view label, const std::string& format,
                const std::filesystem::path& output, CommandContext& context) {
    if (format == "dir") {
        seeds::write_seed_dir(files, output);
    } else if (output == "-") {
        write_all(1, medium_bytes(files, label, format, context), "standard output");
    } else {
        write_unflushed(output, medium_bytes(files, label, format, context));
    }
}

int create_seed(const Arguments& arguments, CommandContext& context) {
    const std::string format = arguments.get_or("format", "iso");
    const std::filesystem::path output = seed_output(arguments, format);
    if (output == "-" && (format == "dir" || context.json)) {
        throw Error(Failure::usage, "with --output - nothing but one image is written to standard output",
                    "leave out --format dir and --json");
    }
    if (output != "-") {
        check_output(output, format, arguments.has("force"));
    }
    Diagnostics warnings;
    seeds::SeedSpec spec = seed_spec(arguments, warnings);
    if (spec.instance_id.empty() && !spec.meta_data) {
        spec.instance_id = seeds::fresh_instance_id();
    }
    const seeds::SeedFiles files = seeds::seed_files(spec, warnings);
    if (format == "dir") {
        settle_directory(files, output, arguments.has("force"));
    }
    if (!warnings.empty()) {
        write_all(2, redact(seeds::findings_text(warnings)), "standard error");
    }
    const std::string_view label = seeds::volume_label(spec.datasource);
    write_seed(files, label, format, output, context);
    if (output == "-") {
        return 0;
    }
    const std::string text =
        fmt::format("{}\n  {} seed with label {}{}\n  {} files; attach it as a read-only virtio disk\n",
                    output.string(), seeds::to_string(spec.datasource), label,
                    spec.instance_id.empty() ? "" : ", instance " + spec.instance_id, files.size());
    Json record;
    if (context.json) {  // digests are made only for those who read them: loading OpenSSL's providers takes
                         // 2 ms
        record = seeds::seed_record({.datasource = std::string(seeds::to_string(spec.datasource)),
                                     .label = std::string(label),
                                     .files = files});
        record["path"] = std::filesystem::absolute(output).string();
        record["format"] = format;
        record["instance_id"] = spec.instance_id;
        record["problems"] = seeds::findings_json(warnings);
    }
    context.result(record, text);
    return 0;
}

}  // namespace

Command seed_create_command() {
    std::vector<Option> options = seed_options();
    options.push_back({.names = {"--datasource"},
                       .value = "KIND",
                       .help = "nocloud (default) or configdrive",
                       .choices = {"nocloud", "configdrive"},
                       .completes = Completes::choice});
    options.push_back({.names = {"--format"},
                       .value = "FORMAT",
                       .help = "iso (default), vfat, dir, tar or qcow2",
                       .choices = {"iso", "vfat", "dir", "tar", "qcow2"},
                       .completes = Completes::choice});
    options.push_back({.names = {"--output", "-o"},
                       .value = "PATH",
                       .help = "file to write, - for stdout; default: NAME-seed.iso",
                       .completes = Completes::file});
    options.push_back({.names = {"--force"}, .help = "replace an existing file"});
    return {.name = "seed create",
            .group = "Tools",
            .summary = "write the seed that a cloud-init guest reads at its first boot",
            .description =
                "Writes a NoCloud or ConfigDrive seed. Values given by options are merged with the "
                "--user-data files: lists are joined; for other keys the files win. The files are "
                "checked first as cloud-init reads them, with line numbers: what it ignores or "
                "rejects is an error, what it accepts but was probably not intended is a "
                "warning.\n\nThe same inputs and the same --instance-id give the same bytes; the "
                "time in the image is SOURCE_DATE_EPOCH or 2020-01-01. The file gets mode 0600. "
                "Attach it as a read-only virtio disk: cloud kernels have no SATA "
                "driver.\n\nIgnition and the EC2 metadata service are not supported.",
            .options = std::move(options),
            .examples = {{"imgforge seed create --name web-1 --ssh-key ~/.ssh/id_ed25519.pub",
                          "a NoCloud seed in web-1-seed.iso"},
                         {"imgforge seed create --name w1 --user-data a.yaml --user-data setup.sh:script",
                          "two parts of user-data"},
                         {"imgforge seed create --name w1 --nic "
                          "52:54:00:12:34:56,ip=192.0.2.5/24",
                          "a static address"}},
            .run = create_seed};
}

}  // namespace imgforge::cli
