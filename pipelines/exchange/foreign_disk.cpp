// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/foreign_disk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/image/open_image.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

using image::DiskFormat;
using namespace std::string_view_literals;

constexpr std::uint64_t sector = 512;

/// Up to `length` bytes at `offset`; shorter at the end of the file.
std::string bytes_at(const Fd& fd, const fs::path& file, std::uint64_t offset, std::size_t length) {
    std::string bytes(length, '\0');
    const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0) {
        throw system_error("read", file.string(), errno);
    }
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

std::uint64_t little(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
        value = (value << 8U) | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    return value;
}

/// The format that the name's extension says; nothing for names such as .img that say none.
std::optional<DiskFormat> named_format(const std::string& name) {
    std::string extension = fs::path(name).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension.empty() ? std::nullopt : image::disk_format_named(extension.substr(1));
}

DiskFormat format_of(const fs::path& file, const std::string& name) {
    const DiskFormat found = image::sniff_disk_format(file);
    const auto named = named_format(name);
    if (named && *named != found) {
        throw Error(Failure::integrity,
                    found == DiskFormat::raw
                        ? fmt::format("'{}' is named as {}, but it has no header of that format", name,
                                      to_string(*named))
                        : fmt::format("'{}' is named as {}, but its first bytes are those of {}", name,
                                      to_string(*named), to_string(found)),
                    "if you know what it is, say so with --format; a disk that a guest wrote to as raw stays "
                    "raw whatever it starts with");
    }
    if (!named && found != DiskFormat::raw) {
        throw Error(
            Failure::integrity,
            fmt::format("'{}' starts like a {} image, but its name does not say so: it may be the raw "
                        "disk of a guest that wrote these bytes",
                        name, to_string(found)),
            fmt::format("if it comes from a publisher of {} images, add --format {}", to_string(found),
                        to_string(found)));
    }
    return found;
}

/// A GPT names the last sector of the disk it was written to.
void refuse_short_table(std::string_view head, std::uint64_t size, const std::string& name) {
    if (head.size() < 2 * sector || head.substr(sector, 8) != "EFI PART"sv) {
        return;
    }
    const std::uint64_t last = little(head, sector + 32, 8);
    if (last >= size / sector) {
        throw Error(
            Failure::integrity,
            fmt::format("'{}' is truncated: its partition table was made for {} sectors, the file has {}",
                        name, last + 1, size / sector),
            "take the image from where it came from again");
    }
}

/// What a raw disk is in particular; that it is one at all is open_image()'s question.
void check_raw(const fs::path& file, const std::string& name) {
    const Fd fd = open_fd(file, O_RDONLY);
    std::error_code code;
    const std::uint64_t size = fs::file_size(file, code);
    if (bytes_at(fd, file, 0x8001, 5) == "CD001") {
        throw Error(Failure::recipe, fmt::format("'{}' is not a disk image: it is an ISO image", name),
                    "an installer is used with `imgforge build`: `imgforge media probe` looks at it");
    }
    refuse_short_table(bytes_at(fd, file, 0, 4096), size, name);
}

bool is_plain(const image::Qcow2Header& header) {
    return header.version == 3 && header.snapshot_count == 0 && header.bitmap_count == 0 && !header.dirty();
}

}  // namespace

ForeignDisk check_foreign_disk(ProcessRunner& runner, const fs::path& file, const std::string& name,
                               std::optional<DiskFormat> stated) {
    const DiskFormat format = stated ? *stated : format_of(file, name);
    const bool raw = format == DiskFormat::raw;
    if (raw) {
        check_raw(file, name);
    }
    // A raw disk that nobody called one must also look like one.
    const image::OpenedImage opened =
        image::open_image(runner, {.file = file,
                                   .format = raw && !stated ? std::nullopt : std::optional(format),
                                   .formats = {DiskFormat::raw, DiskFormat::qcow2, DiskFormat::vmdk,
                                               DiskFormat::vhdx, DiskFormat::vdi}});
    const auto& header = opened.chain.front().header;
    return {.format = format,
            .virtual_size = opened.virtual_size,
            .plain = format == DiskFormat::qcow2 && header && is_plain(*header)};
}

}  // namespace imgforge::exchange
