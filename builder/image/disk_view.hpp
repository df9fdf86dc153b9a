// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "builder/base/fd.hpp"
#include "builder/base/process.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/qemu_img.hpp"

namespace imgforge::image {

/// A stretch of bytes: of the virtual disk or of a host file.
struct ByteRange {
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    std::uint64_t end() const { return start + length; }
};

/// Read-only view of a disk as a machine would see it, and of the host files it is made of. Where the bytes
/// lie is asked of `qemu-img map` once; they are then read from the image files themselves, from any number
/// of threads. Compressed clusters are unpacked by qemu-img into a sparse private file first.
class DiskView {
public:
    /// `chain` as read_backing_chain() gave it: only raw and qcow2. `work_folder` takes the unpacked copy,
    /// when one is needed. Throws Failure::integrity for an encrypted image.
    DiskView(ProcessRunner& runner, std::vector<ChainLink> chain, const std::filesystem::path& work_folder);
    ~DiskView();
    DiskView(const DiskView&) = delete;
    DiskView& operator=(const DiskView&) = delete;

    std::uint64_t size() const { return size_; }
    const std::vector<ChainLink>& chain() const { return chain_; }
    /// Stretches of the virtual disk that hold data, in order, neighbours merged; all else reads as zeros.
    const std::vector<ByteRange>& data() const { return data_; }
    /// Stretches of the host file of one image of the chain that are not part of the virtual disk and are
    /// allocated: metadata, stale clusters, compressed clusters, and in a backing file what the images above
    /// it replaced.
    const std::vector<ByteRange>& unmapped(std::size_t image) const { return unmapped_.at(image); }

    /// Bytes of the virtual disk from `offset`; fewer than `length` only at the end of the disk.
    void read(std::uint64_t offset, std::size_t length, std::string& out) const;
    /// Bytes of a host file.
    void read_file(std::size_t image, std::uint64_t offset, std::size_t length, std::string& out) const;
    /// The image of the chain that holds a byte of the virtual disk (0 = top).
    std::size_t image_at(std::uint64_t offset) const;

private:
    struct Run {
        std::uint64_t start;
        std::uint64_t length;
        std::size_t image;     ///< in the chain, for reports
        std::size_t source;    ///< in files_
        std::uint64_t offset;  ///< in that file
    };
    const Run* run_at(std::uint64_t offset) const;
    void find_unmapped();
    void unpack(ProcessRunner& runner, const std::filesystem::path& work_folder);

    std::vector<ChainLink> chain_;
    std::uint64_t size_ = 0;
    std::vector<Fd> files_;  ///< one per image of the chain, then the unpacked copy
    std::filesystem::path unpacked_;
    std::vector<Run> runs_;
    std::vector<ByteRange> data_;
    std::vector<std::vector<ByteRange>> unmapped_;
};

}  // namespace imgforge::image
