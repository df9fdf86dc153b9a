// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/compact.hpp"

#include <chrono>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/output_file.hpp"
#include "builder/image/image_lock.hpp"

namespace imgforge::image {

namespace {

namespace fs = std::filesystem;

void require_space(ProcessRunner& runner, const CompactSpec& spec, const fs::path& folder) {
    const auto measured = qemu_img::parse_measure(
        run_checked(runner, qemu_img::measure(
                                spec.from, spec.from_format,
                                spec.to_format == DiskFormat::raw ? DiskFormat::raw : DiskFormat::qcow2))
            .out);
    // A raw target is sparse too, but what it needs at most is what a qcow2 of the same data needs.
    const bool packed = spec.compression != qemu_img::Compression::none;
    const std::uint64_t needed = packed ? measured.required.in_bytes() / 2 : measured.required.in_bytes();
    const std::uint64_t free = free_space(folder);
    if (spec.to_format != DiskFormat::raw && free < needed) {
        throw Error(Failure::host,
                    fmt::format("{} are free in '{}', {} are needed for '{}'", ByteSize::bytes(free).text(),
                                folder.string(), ByteSize::bytes(needed).text(), spec.to.filename().string()),
                    "free some space, or give another directory");
    }
}

void verify(ProcessRunner& runner, const CompactSpec& spec, const fs::path& file, ByteSize expected) {
    const auto info = qemu_img::read_info(runner, file, spec.to_format);
    // VHDX and VDI count in whole MiB (their specifications); a disk may get larger there, never smaller.
    const bool rounds = spec.to_format == DiskFormat::vhdx || spec.to_format == DiskFormat::vdi ||
                        spec.to_format == DiskFormat::vmdk;
    const bool right_size = rounds ? info.virtual_size >= expected : info.virtual_size == expected;
    if (!right_size || info.backing_file) {
        throw Error(Failure::integrity, fmt::format("the new image has {} in place of {}",
                                                    info.virtual_size.text(), expected.text()));
    }
    const auto check = qemu_img::run_check(runner, file, spec.to_format);
    if (!check.clean()) {
        throw Error(Failure::integrity, fmt::format("the new image is damaged: {} corruptions, {} leaks",
                                                    check.corruptions, check.leaks));
    }
    if (spec.compare) {
        run_checked(runner, qemu_img::compare(spec.from, spec.from_format, file, spec.to_format));
    }
}

}  // namespace

CompactResult compact_image(ProcessRunner& runner, const CompactSpec& spec, Monitor& monitor) {
    const auto start = std::chrono::steady_clock::now();
    const auto chain = read_backing_chain(spec.from, spec.from_format, spec.policy);
    require_unused(spec.from, false);
    OutputFile target(spec.to, OutputFile::Existing::replace, spec.mode);
    CompactResult result{
        .file = spec.to, .format = spec.to_format, .virtual_size = chain.front().virtual_size};
    for (const ChainLink& link : chain) {
        result.allocated_before += allocated_size(link.file);
    }
    require_space(runner, spec, fs::absolute(target.target()).parent_path());
    Activity activity(monitor, fmt::format("write {}", spec.to.filename().string()), spec.parent_activity);
    qemu_img::run_convert(runner,
                          {.from = spec.from,
                           .from_format = spec.from_format,
                           .to = target.temporary(),
                           .to_format = spec.to_format,
                           .compression = spec.compression},
                          [&](double percent) { activity.progress(percent, 100); });
    verify(runner, spec, target.temporary(), result.virtual_size);
    target.commit();
    result.allocated_after = allocated_size(spec.to);
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return result;
}

}  // namespace imgforge::image
