// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/qcow2_header.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"

namespace imgforge::image {

namespace {

// qcow2.txt "Header extensions".
constexpr std::uint32_t extension_end = 0;
constexpr std::uint32_t extension_backing_format = 0xe2792aca;
constexpr std::uint32_t extension_data_file = 0x44415441;
constexpr std::uint32_t extension_bitmaps = 0x23852875;
constexpr std::size_t first_cluster_limit = 65536;

/// Big-endian fields of the first cluster, with bounds.
class Fields {
public:
    Fields(std::string bytes, const std::filesystem::path& file) : bytes_(std::move(bytes)), file_(file) {}

    std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
    std::uint64_t u64(std::size_t at) const { return number(at, 8); }
    std::string text(std::size_t at, std::size_t size) const { return part(at, size); }
    std::size_t size() const { return bytes_.size(); }
    [[noreturn]] void bad(const std::string& why) const {
        throw Error(Failure::integrity,
                    fmt::format("'{}' is not a usable qcow2 image: {}", file_.string(), why));
    }

private:
    std::string part(std::size_t at, std::size_t size) const {
        if (at > bytes_.size() || size > bytes_.size() - at) {
            bad("its header ends early");
        }
        return bytes_.substr(at, size);
    }
    std::uint64_t number(std::size_t at, std::size_t size) const {
        std::uint64_t value = 0;
        for (const char c : part(at, size)) {
            value = (value << 8U) | static_cast<unsigned char>(c);
        }
        return value;
    }
    std::string bytes_;
    const std::filesystem::path& file_;
};

std::string read_start(const std::filesystem::path& file) {
    const Fd fd = open_fd(file, O_RDONLY);
    std::string bytes(first_cluster_limit, '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got =
            ::pread(fd.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno != EINTR) {
            throw system_error("read", file.string(), errno);
        }
        if (got == 0) {
            break;
        }
        have += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    bytes.resize(have);
    return bytes;
}

void read_extensions(const Fields& fields, std::size_t at, std::size_t end, Qcow2Header& header) {
    while (at + 8 <= end) {
        const std::uint32_t type = fields.u32(at);
        const std::uint32_t length = fields.u32(at + 4);
        if (type == extension_end) {
            return;
        }
        if (length > end - at - 8) {
            fields.bad(fmt::format("header extension {:#x} is larger than the header", type));
        }
        if (type == extension_backing_format) {
            header.backing_format = fields.text(at + 8, length);
        } else if (type == extension_data_file) {
            header.data_file = fields.text(at + 8, length);
        } else if (type == extension_bitmaps && length >= 4) {
            header.bitmap_count = fields.u32(at + 8);
        }
        at += 8 + (length + 7U) / 8U * 8U;
    }
}

}  // namespace

Qcow2Header read_qcow2_header(const std::filesystem::path& file) {
    const Fields fields(read_start(file), file);
    if (fields.size() < 72 || fields.text(0, 4) != "QFI\xfb") {
        fields.bad("no qcow2 signature");
    }
    Qcow2Header header;
    header.version = fields.u32(4);
    if (header.version != 2 && header.version != 3) {
        fields.bad(fmt::format("version {}", header.version));
    }
    const std::uint64_t backing_offset = fields.u64(8);
    const std::uint32_t backing_size = fields.u32(16);
    header.cluster_bits = fields.u32(20);
    if (header.cluster_bits < 9 || header.cluster_bits > 21) {
        fields.bad(fmt::format("cluster size of 2^{} bytes", header.cluster_bits));
    }
    header.virtual_size = ByteSize::bytes(fields.u64(24));
    header.crypt_method = fields.u32(32);
    header.snapshot_count = fields.u32(60);
    std::size_t header_length = 72;
    if (header.version == 3) {
        header.incompatible_features = fields.u64(72);
        header_length = fields.u32(100);
        if (header_length < 104 || header_length > fields.size()) {
            fields.bad(fmt::format("header length {}", header_length));
        }
    }
    const std::size_t cluster = std::size_t{1} << header.cluster_bits;
    std::size_t extensions_end = std::min(cluster, fields.size());
    if (backing_offset != 0) {
        // qcow2.txt: at most 1023 bytes, within the first cluster; qemu refuses larger ones.
        if (backing_size == 0 || backing_size > 1023 || backing_offset > cluster - backing_size) {
            fields.bad(
                fmt::format("backing file name of {} bytes at offset {}", backing_size, backing_offset));
        }
        header.backing_file = fields.text(backing_offset, backing_size);
        extensions_end = std::min<std::size_t>(extensions_end, backing_offset);
    }
    read_extensions(fields, header_length, extensions_end, header);
    return header;
}

}  // namespace imgforge::image
