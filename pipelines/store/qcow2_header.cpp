// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/qcow2_header.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

#include "builder/base/fd.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

constexpr std::uint64_t magic = 0x514649fb;                     // "QFI\xfb"
constexpr std::uint64_t backing_format_extension = 0xe2792aca;  // qcow2.txt, "Header extensions"
constexpr std::size_t header_v2 = 72;
constexpr std::uint64_t longest_name = 1023;  // "Must not be longer than 1023 bytes"

/// The header cluster as bytes with bounds-checked big-endian reads: the file may be damaged.
class Bytes {
public:
    explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}

    std::optional<std::uint64_t> number(std::uint64_t offset, std::size_t width) const {
        if (offset > bytes_.size() || width > bytes_.size() - offset) {
            return std::nullopt;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            value = (value << 8U) | static_cast<unsigned char>(bytes_[static_cast<std::size_t>(offset) + i]);
        }
        return value;
    }

    std::string text(std::uint64_t offset, std::uint64_t length) const {
        if (offset > bytes_.size() || length > bytes_.size() - offset || length > longest_name) {
            return {};
        }
        return bytes_.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
    }

private:
    std::string bytes_;
};

std::string stated_format(const Bytes& bytes, std::uint64_t offset) {
    for (;;) {
        const auto type = bytes.number(offset, 4);
        const auto length = bytes.number(offset + 4, 4);
        if (!type || !length || *type == 0) {
            return {};
        }
        if (*type == backing_format_extension) {
            return bytes.text(offset + 8, *length);
        }
        offset += 8 + ((*length + 7U) & ~std::uint64_t{7});
    }
}

}  // namespace

std::optional<Qcow2Header> read_qcow2_header(const fs::path& file) {
    const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string buffer(65536, '\0');
    const ssize_t got = fd ? ::pread(fd.get(), buffer.data(), buffer.size(), 0) : -1;
    if (got < static_cast<ssize_t>(header_v2)) {
        return std::nullopt;
    }
    buffer.resize(static_cast<std::size_t>(got));
    const Bytes bytes(std::move(buffer));
    if (bytes.number(0, 4) != magic) {
        return std::nullopt;
    }
    Qcow2Header header;
    header.version = static_cast<int>(*bytes.number(4, 4));
    header.virtual_size = *bytes.number(24, 8);
    header.snapshots = static_cast<int>(*bytes.number(60, 4));
    const std::uint64_t name_offset = *bytes.number(8, 8);
    if (name_offset != 0) {
        header.backing_name = bytes.text(name_offset, *bytes.number(16, 4));
    }
    const std::uint64_t length = header.version >= 3 ? bytes.number(100, 4).value_or(header_v2) : header_v2;
    header.backing_format = stated_format(bytes, length);
    return header;
}

std::optional<fs::path> backing_file(const fs::path& file) {
    const std::optional<Qcow2Header> header = read_qcow2_header(file);
    if (!header || header->backing_name.empty()) {
        return std::nullopt;
    }
    return fs::absolute(file.parent_path() / header->backing_name).lexically_normal();
}

}  // namespace imgforge::store
