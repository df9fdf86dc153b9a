// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/qemu_img.hpp"

namespace imgforge::image {

struct CompactSpec {
    std::filesystem::path from;
    DiskFormat from_format = DiskFormat::qcow2;
    ChainPolicy policy{};      ///< which backing files the source may have
    std::filesystem::path to;  ///< written as OutputFile says; it may be `from`
    DiskFormat to_format = DiskFormat::qcow2;
    qemu_img::Compression compression = qemu_img::Compression::none;
    bool compare = false;  ///< afterwards read both and compare every byte
    unsigned mode = 0644;  ///< of a new file
    std::uint64_t parent_activity = 0;
};

struct CompactResult {
    std::filesystem::path file;
    DiskFormat format = DiskFormat::qcow2;
    ByteSize virtual_size{};
    std::uint64_t allocated_before = 0;  ///< of the whole chain
    std::uint64_t allocated_after = 0;
    double seconds = 0;
};

/// Writes the disk as a machine sees it to a new standalone file: zeros become holes, stale clusters,
/// snapshots and backing files are gone. The file appears only when it is complete, checked (`qemu-img
/// check`, virtual size) and flushed. Throws Failure::domain when somebody writes to the source,
/// Failure::host when the space does not suffice, Failure::integrity when the result is not what it should
/// be.
CompactResult compact_image(ProcessRunner& runner, const CompactSpec& spec, Monitor& monitor);

}  // namespace imgforge::image
