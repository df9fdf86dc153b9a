// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/disk_probe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"

namespace imgforge::image {

namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

constexpr std::size_t sector_size = 512;
constexpr std::size_t head_size = 4096;

/// Up to `length` bytes at `offset`; shorter at the end of the file.
std::string bytes_at(const Fd& fd, const fs::path& file, std::uint64_t offset, std::size_t length) {
    std::string bytes(length, '\0');
    std::size_t have = 0;
    while (have < length) {
        const ssize_t got =
            ::pread(fd.get(), bytes.data() + have, length - have, static_cast<off_t>(offset + have));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw system_error("read", file.string(), errno);
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

std::uint64_t little_endian(const std::string& bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0 && at + i < bytes.size();) {
        value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

/// A signature at a fixed place of a whole disk without a partition table.
struct Signature {
    std::size_t offset;
    std::string_view bytes;
};

// libblkid's superblocks; those whose first sector is not zeros.
constexpr std::array<Signature, 8> whole_disk_signatures{{{0, "XFSB"sv},
                                                          {0, "LUKS\xba\xbe"sv},
                                                          {0, "hsqs"sv},
                                                          {512, "LABELONE"sv},
                                                          {512, "EFI PART"sv},
                                                          {1080, "\x53\xef"sv},
                                                          {4086, "SWAPSPACE2"sv},
                                                          {0, "NXSB"sv}}};

bool all_zero(std::string_view bytes) {
    return bytes.find_first_not_of('\0') == std::string_view::npos;
}

bool starts_like_a_disk(std::string_view head) {
    const std::string_view first = head.substr(0, sector_size);
    // A boot sector or partition table; or nothing yet, as where a file system keeps its superblock further
    // in.
    if (all_zero(first) || (first.size() == sector_size && first.substr(510, 2) == "\x55\xaa"sv)) {
        return true;
    }
    return std::any_of(whole_disk_signatures.begin(), whole_disk_signatures.end(),
                       [&](const Signature& mark) {
                           return mark.offset + mark.bytes.size() <= head.size() &&
                                  head.substr(mark.offset, mark.bytes.size()) == mark.bytes;
                       });
}

/// Formats with a signature that imgforge does not read: not to be taken for the bytes of a raw disk.
std::string_view unread_format(std::string_view head) {
    if (head.starts_with("QED\0"sv)) {
        return "QED";
    }
    if (head.starts_with("WithoutFreeSpace"sv) || head.starts_with("WithouFreSpacExt"sv)) {
        return "Parallels";
    }
    if (head.starts_with("conectix"sv)) {
        return "VHD";
    }
    if (head.starts_with("\x1f\x8b"sv) ||
        head.starts_with("\xfd"
                         "7zXZ\0"sv) ||
        head.starts_with("\x28\xb5\x2f\xfd"sv) || head.starts_with("BZh"sv) ||
        head.starts_with("PK\x03\x04"sv)) {
        return "compressed";
    }
    return {};
}

std::string why_not_raw(const Fd& fd, const fs::path& file, bool stated) {
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);
    if (size <= 0) {
        return "it is empty";
    }
    const auto bytes = static_cast<std::uint64_t>(size);
    if (bytes % sector_size != 0) {
        return fmt::format("its size of {} bytes is not a multiple of {}, so it is cut off or no disk", bytes,
                           sector_size);
    }
    if (stated) {
        return {};
    }
    const std::string head = bytes_at(fd, file, 0, head_size);
    if (const std::string_view other = unread_format(head); !other.empty()) {
        return fmt::format("it is a {} file", other);
    }
    return starts_like_a_disk(head)
               ? ""
               : "it starts with neither a partition table nor a file system, and has no header of a format";
}

/// Refuses every way in which qemu's vmdk driver (block/vmdk.c) opens further files.
void refuse_vmdk_parts(const Fd& fd, const fs::path& file) {
    const auto refuse = [&](std::string_view why) {
        throw Error(Failure::integrity, fmt::format("'{}' keeps its data elsewhere: {}", file.string(), why),
                    "make one standalone file where it comes from: qemu-img convert -f vmdk -O qcow2");
    };
    const std::string head = bytes_at(fd, file, 0, sector_size);
    if (!head.starts_with("KDMV"sv)) {
        refuse("it is a VMDK descriptor or of an old kind");
    }
    constexpr std::uint64_t most = 1U << 20U;
    const std::uint64_t capacity = little_endian(head, 12, 8);
    const std::uint64_t at = little_endian(head, 28, 8);
    const std::uint64_t length = std::min(little_endian(head, 36, 8), most / sector_size) * sector_size;
    if (capacity == 0 || at > (1ULL << 40U)) {
        refuse("its header has no sectors of its own");
    }
    const std::string text = at == 0 ? std::string() : bytes_at(fd, file, at * sector_size, length);
    if (text.find("parentFileNameHint") != std::string::npos) {
        refuse("it is the difference to a parent");
    }
    const bool standalone = text.find("createType=\"monolithicSparse\"") != std::string::npos ||
                            text.find("createType=\"streamOptimized\"") != std::string::npos;
    if (!standalone) {
        refuse("its descriptor names extents in other files");
    }
}

}  // namespace

std::string why_not_a_disk(const fs::path& file, DiskFormat format, bool stated) {
    const Fd fd = open_fd(file, O_RDONLY | O_NONBLOCK);
    if (format == DiskFormat::raw) {
        return why_not_raw(fd, file, stated);
    }
    return sniff_disk_format(file) == format
               ? ""
               : fmt::format("it does not start with the signature of {}", to_string(format));
}

bool carries_partition_table(const fs::path& file) {
    const std::string head = bytes_at(open_fd(file, O_RDONLY | O_NONBLOCK), file, 0, 2 * sector_size);
    return head.size() == 2 * sector_size &&
           (head.substr(510, 2) == "\x55\xaa"sv || head.substr(sector_size, 8) == "EFI PART"sv);
}

void refuse_foreign_parts(const fs::path& file, DiskFormat format) {
    if (format == DiskFormat::vmdk) {
        refuse_vmdk_parts(open_fd(file, O_RDONLY | O_NONBLOCK), file);
    }
}

std::vector<std::string_view> names_of(const std::vector<DiskFormat>& formats) {
    std::vector<std::string_view> names;
    std::transform(formats.begin(), formats.end(), std::back_inserter(names),
                   [](DiskFormat format) { return to_string(format); });
    return names;
}

}  // namespace imgforge::image
