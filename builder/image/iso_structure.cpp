// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/iso_structure.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge::image {

namespace {

constexpr std::uint64_t sector = 2048;
constexpr std::uint64_t first_descriptor = 16;
constexpr std::uint64_t descriptor_limit = 64;
constexpr std::uint64_t directory_bytes_limit = 16U << 20U;
constexpr std::size_t directories_limit = 200000;
// A budget for the whole image, so that no arrangement of a small file can keep a reader busy for long.
constexpr std::uint64_t all_directories_limit = 256U << 20U;
constexpr std::size_t continuations_of_record = 64;  ///< a path of 4096 bytes needs three areas
constexpr std::size_t continuation_limit = 32;
constexpr std::size_t record_header = 33;  // ECMA-119 9.1: bytes before the file identifier

struct Extent {
    std::uint64_t begin = 0;  ///< byte offset
    std::uint64_t size = 0;
};

std::uint8_t byte_at(std::string_view bytes, std::size_t offset) {
    return static_cast<std::uint8_t>(bytes.at(offset));
}

// Both-endian fields (7.3.3) store the little-endian half first.
std::uint32_t little32(std::string_view bytes, std::size_t offset) {
    return static_cast<std::uint32_t>(byte_at(bytes, offset)) |
           static_cast<std::uint32_t>(byte_at(bytes, offset + 1)) << 8U |
           static_cast<std::uint32_t>(byte_at(bytes, offset + 2)) << 16U |
           static_cast<std::uint32_t>(byte_at(bytes, offset + 3)) << 24U;
}

std::string trimmed(std::string_view field) {
    const std::size_t end = field.find_last_not_of(std::string_view(" \0", 2));
    return end == std::string_view::npos ? std::string{} : std::string(field.substr(0, end + 1));
}

class Checker {
public:
    explicit Checker(const std::filesystem::path& file);
    IsoVolume check();

private:
    [[noreturn]] void damaged(const std::string& what) const;
    std::string read(std::uint64_t offset, std::uint64_t size) const;
    void read_descriptors();
    void check_tree(const Extent& root);
    void check_directory(const Extent& directory, std::vector<Extent>& found);
    std::size_t check_record(std::string_view block, std::size_t offset, std::uint64_t where,
                             std::optional<Extent>& child);
    void check_system_use(std::string_view area, std::uint64_t where, std::size_t hops);
    void check_continuation(std::string_view entry, std::uint64_t where, std::size_t hops);
    void require_inside(const Extent& extent, std::string_view what, std::uint64_t where) const;

    std::filesystem::path file_;
    Fd fd_;
    IsoVolume volume_;
    std::vector<Extent> roots_;
    std::size_t continuations_ = 0;      ///< of the record at hand
    std::uint64_t directory_bytes_ = 0;  ///< read so far
};

Checker::Checker(const std::filesystem::path& file) : file_(file) {
    std::error_code failed;
    const auto status = std::filesystem::status(file, failed);
    if (!failed && std::filesystem::is_directory(status))
        throw Error(Failure::recipe, fmt::format("{} is a directory, not an ISO image", file.string()),
                    "name the .iso file");
    if (!std::filesystem::exists(status))
        throw Error(Failure::recipe, fmt::format("no such file: {}", file.string()),
                    "check the path of the ISO image");
    if (!std::filesystem::is_regular_file(status) && !std::filesystem::is_block_file(status))
        throw Error(Failure::recipe, fmt::format("{} is not a regular file", file.string()),
                    "name the .iso file");
    fd_ = open_fd(file, O_RDONLY);
    const off_t end = ::lseek(fd_.get(), 0, SEEK_END);
    if (end < 0)
        throw system_error("measure", file.string(), errno);
    volume_.file_bytes = static_cast<std::uint64_t>(end);
}

void Checker::damaged(const std::string& what) const {
    throw Error(Failure::integrity, fmt::format("the ISO image {} is damaged: {}", file_.string(), what),
                "compare its checksum with the publisher's and fetch it again");
}

std::string Checker::read(std::uint64_t offset, std::uint64_t size) const {
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const ssize_t got =
            ::pread(fd_.get(), bytes.data() + done, size - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw system_error("read", file_.string(), errno);
        if (got == 0)
            damaged(fmt::format("it ends at byte {} where {} were expected", offset + done,
                                ByteSize::bytes(size).text()));
        done += static_cast<std::size_t>(got);
    }
    return bytes;
}

void Checker::require_inside(const Extent& extent, std::string_view what, std::uint64_t where) const {
    if (extent.begin > volume_.file_bytes || extent.size > volume_.file_bytes - extent.begin)
        damaged(fmt::format("{} (described at byte {}) would lie at {}+{}, beyond the end at {}", what, where,
                            extent.begin, extent.size, volume_.file_bytes));
}

bool is_joliet_escape(std::string_view escape) {
    return escape.substr(0, 3) == "%/@" || escape.substr(0, 3) == "%/C" || escape.substr(0, 3) == "%/E";
}

std::string creation_time(std::string_view field) {  // 8.4.26.1: 16 digits and a zone
    const std::string digits(field.substr(0, 16));
    if (digits.find_first_not_of("0123456789") != std::string::npos || digits == std::string(16, '0'))
        return {};
    return fmt::format("{}-{}-{}-{}-{}-{}-{}", digits.substr(0, 4), digits.substr(4, 2), digits.substr(6, 2),
                       digits.substr(8, 2), digits.substr(10, 2), digits.substr(12, 2), digits.substr(14, 2));
}

Extent root_extent(std::string_view descriptor) {
    return {.begin = little32(descriptor, 156 + 2) * sector, .size = little32(descriptor, 156 + 10)};
}

void Checker::read_descriptors() {
    if (volume_.file_bytes == 0)
        throw Error(Failure::recipe, fmt::format("{} is empty", file_.string()), "fetch the ISO image again");
    if (volume_.file_bytes < (first_descriptor + 1) * sector ||
        read(first_descriptor * sector + 1, 5) != "CD001")
        throw Error(Failure::recipe, fmt::format("{} is not an ISO 9660 image", file_.string()),
                    "give an installer ISO; a disk image (qcow2, raw) or a compressed ISO is not one");
    bool primary = false;
    for (std::uint64_t index = 0; index < descriptor_limit; ++index) {
        const std::string descriptor = read((first_descriptor + index) * sector, sector);
        if (descriptor.compare(1, 5, "CD001") != 0)
            break;
        const std::uint8_t type = byte_at(descriptor, 0);
        if (type == 255)
            break;
        if (type == 1 && !primary) {
            primary = true;
            if (little32(descriptor, 128) % 0x10000U != sector)
                damaged(fmt::format("its block size is {} instead of 2048",
                                    little32(descriptor, 128) % 0x10000U));
            volume_.label = trimmed(std::string_view(descriptor).substr(40, 32));
            volume_.publisher = trimmed(std::string_view(descriptor).substr(318, 128));
            volume_.application = trimmed(std::string_view(descriptor).substr(574, 128));
            volume_.created = creation_time(std::string_view(descriptor).substr(813, 17));
            volume_.declared_bytes = little32(descriptor, 80) * sector;
            roots_.push_back(root_extent(descriptor));
        } else if (type == 2 && is_joliet_escape(std::string_view(descriptor).substr(88, 32))) {
            volume_.joliet = true;
            roots_.push_back(root_extent(descriptor));
        }
    }
    if (!primary)
        damaged("it has no primary volume descriptor");
}

void Checker::check_continuation(std::string_view entry, std::uint64_t where, std::size_t hops) {
    if (entry.size() < 28)
        damaged(fmt::format("a short continuation field at byte {}", where));
    if (++continuations_ > continuations_of_record)
        damaged(fmt::format("more than {} Rock Ridge continuation areas of one record, met at byte {}",
                            continuations_of_record, where));
    if (hops >= continuation_limit)
        damaged(fmt::format("Rock Ridge continuation areas that never end, met at byte {}", where));
    const Extent area{.begin = little32(entry, 4) * sector + little32(entry, 12),
                      .size = little32(entry, 20)};
    if (area.size > sector)
        damaged(fmt::format("a Rock Ridge continuation area of {} bytes at byte {}", area.size, where));
    require_inside(area, "a Rock Ridge continuation area", where);
    check_system_use(read(area.begin, area.size), area.begin, hops + 1);
}

void Checker::check_system_use(std::string_view area, std::uint64_t where, std::size_t hops) {
    std::size_t at = 0;
    while (at + 4 <= area.size() && area[at] != '\0') {
        const std::size_t length = byte_at(area, at + 2);
        if (length < 4 || at + length > area.size())
            damaged(fmt::format("a Rock Ridge field of {} bytes at byte {}", length, where + at));
        const std::string_view entry = area.substr(at, length);
        const std::string_view signature = entry.substr(0, 2);
        if (signature == "ST")
            return;
        if (signature == "CE")
            check_continuation(entry, where + at, hops);
        if (signature == "RR" || signature == "PX")
            volume_.rock_ridge = true;
        at += length;
    }
}

std::size_t Checker::check_record(std::string_view block, std::size_t offset, std::uint64_t where,
                                  std::optional<Extent>& child) {
    const std::size_t length = byte_at(block, offset);
    const std::size_t room = sector - offset % sector;
    const std::size_t name_length = length > record_header ? byte_at(block, offset + 32) : 0;
    if (length < record_header + 1 || length > room || record_header + name_length > length ||
        name_length == 0)
        damaged(fmt::format("a directory record of {} bytes with a name of {} bytes at byte {}", length,
                            name_length, where));
    const std::string_view name = block.substr(offset + record_header, name_length);
    const bool self_or_parent = name_length == 1 && byte_at(name, 0) <= 1;
    if (!self_or_parent && name.find('/') != std::string_view::npos)
        damaged(fmt::format("a file name with a slash in it at byte {}", where));
    const bool directory = (byte_at(block, offset + 25) & 2U) != 0;
    const Extent extent{.begin = little32(block, offset + 2) * sector, .size = little32(block, offset + 10)};
    if (directory && !self_or_parent)
        child = extent;
    // The system use area starts at an even offset after the name (9.1.12).
    const std::size_t area = record_header + name_length + (name_length % 2 == 0 ? 1 : 0);
    continuations_ = 0;
    if (area + 4 <= length)
        check_system_use(block.substr(offset + area, length - area), where + area, 0);
    return length;
}

void Checker::check_directory(const Extent& directory, std::vector<Extent>& found) {
    if (directory.size > directory_bytes_limit)
        damaged(fmt::format("a directory of {} at byte {}", ByteSize::bytes(directory.size).text(),
                            directory.begin));
    require_inside(directory, "a directory", directory.begin);
    directory_bytes_ += directory.size;
    if (directory_bytes_ > all_directories_limit)
        damaged(fmt::format("its directories have more than {}, so they overlap",
                            ByteSize::bytes(all_directories_limit).text()));
    interrupt::check();
    const std::string block = read(directory.begin, directory.size);
    std::size_t offset = 0;
    while (offset + record_header < block.size()) {
        if (block[offset] == '\0') {  // the rest of this sector is unused
            offset = (offset / sector + 1) * sector;
            continue;
        }
        if (offset + byte_at(block, offset) > block.size())
            damaged(fmt::format("a directory record that leaves its directory at byte {}",
                                directory.begin + offset));
        std::optional<Extent> child;
        offset += check_record(block, offset, directory.begin + offset, child);
        if (child)
            found.push_back(*child);
    }
}

void Checker::check_tree(const Extent& root) {
    std::set<std::uint64_t> visited{root.begin};
    std::vector<Extent> open{root};
    while (!open.empty()) {
        const Extent directory = open.back();
        open.pop_back();
        std::vector<Extent> found;
        check_directory(directory, found);
        for (const Extent& child : found) {
            if (!visited.insert(child.begin).second)
                damaged(fmt::format("the directory at byte {} is listed twice (a loop)", child.begin));
            open.push_back(child);
        }
        if (visited.size() > directories_limit)
            damaged(fmt::format("more than {} directories", directories_limit));
    }
}

IsoVolume Checker::check() {
    read_descriptors();
    if (volume_.declared_bytes > volume_.file_bytes)
        throw Error(Failure::integrity,
                    fmt::format("the ISO image {} is truncated: its volume has {} bytes, the file only {}",
                                file_.string(), volume_.declared_bytes, volume_.file_bytes),
                    "fetch it again");
    for (const Extent& root : roots_)
        check_tree(root);
    return volume_;
}

}  // namespace

IsoVolume check_iso_structure(const std::filesystem::path& file) {
    return Checker(file).check();
}

}  // namespace imgforge::image
