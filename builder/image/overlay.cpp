// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/overlay.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/image/backing_chain.hpp"

namespace imgforge::image {

namespace {

namespace fs = std::filesystem;

// qcow2.txt; the values `qemu-img create` uses.
constexpr std::uint32_t cluster_bits = 16;
constexpr std::uint64_t cluster_size = 1ULL << cluster_bits;
constexpr std::uint32_t refcount_order = 4;  // 16 bit
constexpr std::uint32_t own_header_length = 112;
constexpr std::uint64_t refcount_table_offset = cluster_size;
constexpr std::uint64_t refcount_block_offset = 2 * cluster_size;
constexpr std::uint64_t l1_offset = 3 * cluster_size;
// One L2 table of one cluster has 8192 entries of a cluster each.
constexpr std::uint64_t bytes_per_l1_entry = cluster_size / 8 * cluster_size;
// qemu's QCOW_MAX_L1_SIZE is 32 MiB; we stop where one refcount block (32768 clusters) and 4 MiB of L1
// suffice: 256 TiB.
constexpr std::uint64_t max_l1_bytes = 4ULL << 20U;

void put(std::string& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) {
        out.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
    }
}

void put_extension(std::string& out, std::uint32_t type, std::string_view data) {
    put(out, type, 4);
    put(out, data.size(), 4);
    out += data;
    out.resize((out.size() + 7) / 8 * 8, '\0');
}

/// The names of feature bits, so that an old qemu can say what it does not know (written by qemu-img as
/// well).
std::string feature_names() {
    struct Feature {
        unsigned type;
        unsigned bit;
        std::string_view name;
    };
    constexpr std::array<Feature, 8> features{{{0, 0, "dirty bit"},
                                               {0, 1, "corrupt bit"},
                                               {0, 2, "external data file"},
                                               {0, 3, "compression type"},
                                               {0, 4, "extended L2 entries"},
                                               {1, 0, "lazy refcounts"},
                                               {2, 0, "bitmaps"},
                                               {2, 1, "raw external data"}}};
    std::string out;
    for (const Feature& feature : features) {
        put(out, feature.type, 1);
        put(out, feature.bit, 1);
        std::string name(feature.name);
        name.resize(46, '\0');
        out += name;
    }
    return out;
}

struct Backing {
    std::string name;
    DiskFormat format;
};

std::string header_bytes(ByteSize size, const std::optional<Backing>& backing) {
    std::string extensions;
    if (backing) {
        put_extension(extensions, 0xe2792aca, to_string(backing->format));
    }
    put_extension(extensions, 0x6803f857, feature_names());
    put_extension(extensions, 0, {});
    const std::uint64_t l1_entries = (size.in_bytes() + bytes_per_l1_entry - 1) / bytes_per_l1_entry;

    std::string out("QFI\xfb");
    put(out, 3, 4);
    put(out, backing ? own_header_length + extensions.size() : 0, 8);
    put(out, backing ? backing->name.size() : 0, 4);
    put(out, cluster_bits, 4);
    put(out, size.in_bytes(), 8);
    put(out, 0, 4);  // no encryption
    put(out, l1_entries, 4);
    put(out, l1_offset, 8);
    put(out, refcount_table_offset, 8);
    put(out, 1, 4);  // clusters of the refcount table
    put(out, 0, 4);  // snapshots
    put(out, 0, 8);
    put(out, 0, 8);  // incompatible, compatible and autoclear features
    put(out, 0, 8);
    put(out, 0, 8);
    put(out, refcount_order, 4);
    put(out, own_header_length, 4);
    put(out, 0, 8);  // compression type zlib, padding
    out += extensions;
    if (backing) {
        out += backing->name;
    }
    return out;
}

void pwrite_all(int fd, std::string_view bytes, std::uint64_t at, const fs::path& file) {
    while (!bytes.empty()) {
        const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (done < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw system_error("write", file.string(), errno);
        }
        bytes.remove_prefix(static_cast<std::size_t>(done));
        at += static_cast<std::uint64_t>(done);
    }
}

void fill(int fd, const fs::path& file, ByteSize size, const std::optional<Backing>& backing, unsigned mode,
          bool flush) {
    const std::uint64_t l1_entries = (size.in_bytes() + bytes_per_l1_entry - 1) / bytes_per_l1_entry;
    const std::uint64_t clusters =
        3 + std::max<std::uint64_t>(1, (l1_entries * 8 + cluster_size - 1) / cluster_size);
    if (::fchmod(fd, static_cast<mode_t>(mode)) != 0) {
        throw system_error("set the mode of", file.string(), errno);
    }
    if (::ftruncate(fd, static_cast<off_t>(clusters * cluster_size)) != 0) {
        throw system_error("resize", file.string(), errno);
    }
    std::string counts;
    for (std::uint64_t i = 0; i < clusters; ++i) {
        put(counts, 1, 2);
    }
    std::string table;
    put(table, refcount_block_offset, 8);
    pwrite_all(fd, counts, refcount_block_offset, file);
    pwrite_all(fd, table, refcount_table_offset, file);
    pwrite_all(fd, header_bytes(size, backing), 0, file);
    if (flush && ::fsync(fd) != 0) {
        throw system_error("flush", file.string(), errno);
    }
}

void create(const fs::path& file, ByteSize size, const std::optional<Backing>& backing, unsigned mode,
            bool flush) {
    if ((size.in_bytes() + bytes_per_l1_entry - 1) / bytes_per_l1_entry * 8 > max_l1_bytes ||
        size.in_bytes() % 512 != 0) {
        throw Error(
            Failure::usage,
            fmt::format("'{}' cannot have a virtual size of {} bytes", file.string(), size.in_bytes()),
            "a multiple of 512 up to 256 TiB");
    }
    const int raw = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (raw < 0 && errno == EEXIST) {
        throw Error(Failure::domain, fmt::format("'{}' exists already", file.string()));
    }
    if (raw < 0) {
        throw system_error("create", file.string(), errno);
    }
    const Fd fd(raw);
    try {
        fill(fd.get(), file, size, backing, mode, flush);
        if (flush) {
            sync_directory(file.has_parent_path() ? file.parent_path() : fs::path("."));
        }
    } catch (...) {
        ::unlink(file.c_str());
        throw;
    }
}

}  // namespace

void create_overlay(const OverlaySpec& spec) {
    std::error_code code;
    if (!fs::exists(spec.backing, code)) {
        throw Error(Failure::integrity, fmt::format("base image '{}' of overlay '{}' does not exist",
                                                    spec.backing.string(), spec.overlay.string()));
    }
    const ByteSize base = virtual_size(spec.backing, spec.backing_format);
    const ByteSize size = spec.virtual_size.value_or(base);
    if (size < base) {
        throw Error(Failure::integrity,
                    fmt::format("overlay '{}' of {} would cut off its base of {}", spec.overlay.string(),
                                size.text(), base.text()),
                    fmt::format("ask for at least {}", base.text()));
    }
    std::string name = spec.backing_name.value_or(fs::absolute(spec.backing).lexically_normal().string());
    if (names_a_protocol(name)) {
        name = "./" + name;  // a colon before the first slash would make qemu look for a protocol
    }
    if (name.empty() || name.size() > 1023) {
        throw Error(Failure::usage,
                    fmt::format("backing file name of {} bytes for '{}'", name.size(), spec.overlay.string()),
                    "qcow2 allows 1 to 1023 bytes");
    }
    create(spec.overlay, size, Backing{.name = std::move(name), .format = spec.backing_format}, spec.mode,
           spec.flush);
}

void create_empty_qcow2(const fs::path& file, ByteSize virtual_size, unsigned mode, bool flush) {
    create(file, virtual_size, std::nullopt, mode, flush);
}

}  // namespace imgforge::image
