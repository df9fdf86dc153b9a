// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/disk_view.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::image {

namespace {

/// Fills `out` from `offset`; beyond the end of the file it stays zero (a raw disk whose last sector is
/// short, a short backing file).
void read_at(int fd, std::uint64_t offset, char* out, std::size_t length, const std::filesystem::path& file) {
    while (length > 0) {
        const ssize_t got = ::pread(fd, out, length, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw system_error("read", file.string(), errno);
        }
        if (got == 0) {
            std::memset(out, 0, length);
            return;
        }
        out += got;
        offset += static_cast<std::uint64_t>(got);
        length -= static_cast<std::size_t>(got);
    }
}

std::uint64_t file_size(const Fd& fd, const std::filesystem::path& file) {
    const off_t end = ::lseek(fd.get(), 0, SEEK_END);
    if (end < 0) {
        throw system_error("read the size of", file.string(), errno);
    }
    return static_cast<std::uint64_t>(end);
}

/// Adds the parts of [start, end) that are not holes of the file.
void add_allocated(const Fd& fd, std::uint64_t start, std::uint64_t end, std::vector<ByteRange>& out) {
    while (start < end) {
        const off_t data = ::lseek(fd.get(), static_cast<off_t>(start), SEEK_DATA);
        if (data < 0) {
            if (errno != ENXIO) {  // a file system that knows no holes: all of it
                out.push_back({start, end - start});
            }
            return;
        }
        const off_t hole = ::lseek(fd.get(), data, SEEK_HOLE);
        const std::uint64_t from = static_cast<std::uint64_t>(data);
        const std::uint64_t to = hole < 0 ? end : std::min(end, static_cast<std::uint64_t>(hole));
        if (from >= end || to <= from) {
            return;
        }
        out.push_back({from, to - from});
        start = to;
    }
}

}  // namespace

DiskView::DiskView(ProcessRunner& runner, std::vector<ChainLink> chain,
                   const std::filesystem::path& work_folder)
    : chain_(std::move(chain)) {
    for (const ChainLink& link : chain_) {
        if (link.format != DiskFormat::raw && link.format != DiskFormat::qcow2) {
            throw Error(
                Failure::usage, fmt::format("'{}' is a {} image", link.file.string(), to_string(link.format)),
                fmt::format("convert it first: qemu-img convert -f {} -O qcow2", to_string(link.format)));
        }
        if (link.header && link.header->crypt_method != 0) {
            throw Error(Failure::integrity, fmt::format("'{}' is encrypted: its content cannot be looked at",
                                                        link.file.string()));
        }
        files_.push_back(open_fd(link.file, O_RDONLY));
    }
    size_ = chain_.front().virtual_size.in_bytes();
    const auto extents = qemu_img::parse_map(
        run_checked(runner, qemu_img::map(chain_.front().file, chain_.front().format)).out);
    if (std::any_of(extents.begin(), extents.end(),
                    [](const qemu_img::Extent& extent) { return extent.data && !extent.offset; })) {
        unpack(runner, work_folder);
    }
    for (const qemu_img::Extent& extent : extents) {
        if (!extent.data) {
            continue;
        }
        const auto image = static_cast<std::size_t>(extent.depth);
        if (image >= chain_.size()) {
            throw Error(Failure::integrity, fmt::format("'{}' has more backing images than its headers say",
                                                        chain_.front().file.string()));
        }
        runs_.push_back({extent.start, extent.length, image, extent.offset ? image : chain_.size(),
                         extent.offset.value_or(extent.start)});
        if (!data_.empty() && data_.back().end() == extent.start) {
            data_.back().length += extent.length;
        } else {
            data_.push_back({extent.start, extent.length});
        }
    }
    find_unmapped();
}

DiskView::~DiskView() {
    if (!unpacked_.empty()) {
        std::error_code ignored;
        std::filesystem::remove(unpacked_, ignored);
    }
}

void DiskView::unpack(ProcessRunner& runner, const std::filesystem::path& work_folder) {
    unpacked_ = work_folder / "unpacked.raw";
    qemu_img::run_convert(runner, {.from = chain_.front().file,
                                   .from_format = chain_.front().format,
                                   .to = unpacked_,
                                   .to_format = DiskFormat::raw});
    files_.push_back(open_fd(unpacked_, O_RDONLY));
}

void DiskView::find_unmapped() {
    unmapped_.resize(chain_.size());
    for (std::size_t image = 0; image < chain_.size(); ++image) {
        std::vector<ByteRange> mapped;
        for (const Run& run : runs_) {
            if (run.source == image) {
                mapped.push_back({run.offset, run.length});
            }
        }
        std::sort(mapped.begin(), mapped.end(),
                  [](const ByteRange& a, const ByteRange& b) { return a.start < b.start; });
        std::uint64_t at = 0;
        for (const ByteRange& range : mapped) {
            if (range.start > at) {
                add_allocated(files_[image], at, range.start, unmapped_[image]);
            }
            at = std::max(at, range.end());
        }
        add_allocated(files_[image], at, file_size(files_[image], chain_[image].file), unmapped_[image]);
    }
}

const DiskView::Run* DiskView::run_at(std::uint64_t offset) const {
    const auto next = std::upper_bound(runs_.begin(), runs_.end(), offset,
                                       [](std::uint64_t value, const Run& run) { return value < run.start; });
    return next == runs_.begin() ? nullptr : &*std::prev(next);
}

std::size_t DiskView::image_at(std::uint64_t offset) const {
    const Run* const run = run_at(offset);
    return run != nullptr && offset < run->start + run->length ? run->image : 0;
}

void DiskView::read(std::uint64_t offset, std::size_t length, std::string& out) const {
    length = offset >= size_ ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset));
    out.assign(length, '\0');
    const std::uint64_t end = offset + length;
    const Run* run = run_at(offset);
    if (run == nullptr) {
        run = runs_.data();
    }
    for (const Run* const last = runs_.data() + runs_.size(); run < last && run->start < end; ++run) {
        const std::uint64_t from = std::max(offset, run->start);
        const std::uint64_t to = std::min(end, run->start + run->length);
        if (from < to) {
            const auto& file = run->source < chain_.size() ? chain_[run->source].file : unpacked_;
            read_at(files_[run->source].get(), run->offset + (from - run->start),
                    out.data() + (from - offset), static_cast<std::size_t>(to - from), file);
        }
    }
}

void DiskView::read_file(std::size_t image, std::uint64_t offset, std::size_t length,
                         std::string& out) const {
    out.assign(length, '\0');
    read_at(files_.at(image).get(), offset, out.data(), length, chain_.at(image).file);
}

}  // namespace imgforge::image
