// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/disk_writer.hpp"

#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/qcow2_header.hpp"
#include "builder/image/qemu_img.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

/// qcow2.txt, incompatible feature bit 3: clusters are not compressed by zlib.
constexpr std::uint64_t other_compression = 8;

std::vector<std::string> words_for(std::string_view format, const DiskOptions& options) {
    static const std::map<std::string_view, std::vector<std::string>> table{
        {"vmdk", {"-o", "subformat=streamOptimized"}},
        {"vpc", {"-o", "subformat=dynamic,force_size=on"}},
        {"raw", {"-W"}},
    };
    if (format == "qcow2") {
        const bool zlib = options.compat || options.reproducible;
        return {"-c", "-o", fmt::format("compression_type={}", zlib ? "zlib" : "zstd")};
    }
    const auto row = table.find(format);
    return row == table.end() ? std::vector<std::string>{} : row->second;
}

bool can_be_copied(const ExportDisk& disk, std::string_view format, const DiskOptions& options) {
    if (format != "qcow2" || !disk.standalone) {
        return false;
    }
    const image::Qcow2Header header = image::read_qcow2_header(disk.disk);
    const bool zlib_only = (header.incompatible_features & other_compression) == 0;
    return header.snapshot_count == 0 && header.bitmap_count == 0 && (zlib_only || !options.compat);
}

}  // namespace

void write_disk(const ExportDisk& disk, std::string_view format, const fs::path& target,
                const DiskOptions& options, const ExportServices& services, Activity& activity) {
    if (can_be_copied(disk, format, options)) {
        activity.detail("copying");
        fs::remove(target);
        copy_file_fast(disk.disk, target, 0644);
        return;
    }
    activity.detail("writing");
    std::vector<std::string> args{"convert", "-p", "-f", "qcow2", "-O", std::string(format)};
    for (std::string& word : words_for(format, options)) {
        args.push_back(std::move(word));
    }
    args.push_back(fs::absolute(disk.disk).string());
    args.push_back(fs::absolute(target).string());
    run_checked(
        services.processes,
        {.program = "qemu-img", .args = std::move(args), .timeout = std::chrono::hours(4)},
        [&](std::string_view line, bool is_error) {
            if (const auto percent = is_error ? std::nullopt : image::qemu_img::parse_progress(line)) {
                activity.progress(*percent, 100);
            }
        });
}

void compare_disk(const ExportDisk& disk, std::string_view format, const fs::path& target,
                  const ExportServices& services) {
    const ProcessSpec spec{.program = "qemu-img",
                           .args = {"compare", "-q", "-f", "qcow2", "-F", std::string(format),
                                    fs::absolute(disk.disk).string(), fs::absolute(target).string()},
                           .timeout = std::chrono::hours(2)};
    const ProcessResult answer = services.processes.run(spec);
    if (answer.outcome == ProcessResult::Outcome::exited && answer.code == 1) {
        throw Error(
            Failure::integrity,
            fmt::format("what was written as {} reads differently from {}", format, disk.disk.string()),
            "check the disk the file was written to; nothing was kept");
    }
    if (!answer.ok()) {
        throw process_error(spec, answer);
    }
}

}  // namespace imgforge::exchange
