// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/cpio.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/archive_library.hpp"
#include "seeds/archive_sink.hpp"

namespace imgforge::install {

namespace {

constexpr std::uint64_t unpacked_limit = 2ULL << 30U;
constexpr std::size_t newc_header = 110;

using Reader = Handle<archive, &archive_read_free>;
using Writer = Handle<archive, &archive_write_free>;
using Entry = Handle<archive_entry, &archive_entry_free>;

struct Magic {
    std::string_view bytes;
    std::string_view name;
};

// Linux lib/decompress.c plus the lz4 frame format, which the kernel does not take but images made by hand
// use.
constexpr std::array<Magic, 9> magics = {{
    {std::string_view("\x1f\x8b", 2), "gzip"},
    {std::string_view("\xfd"
                      "7zXZ\0",
                      6),
     "xz"},
    {std::string_view("\x28\xb5\x2f\xfd", 4), "zstd"},
    {std::string_view("\x02\x21\x4c\x18", 4), "lz4"},
    {std::string_view("\x04\x22\x4d\x18", 4), "lz4"},
    {std::string_view("BZh", 3), "bzip2"},
    {std::string_view("\x5d\x00\x00", 3), "lzma"},
    {std::string_view("\x89LZO", 4), "lzo"},
    {std::string_view("07070", 5), "none"},
}};

[[noreturn]] void damaged(const std::string& what) {
    throw Error(Failure::integrity, fmt::format("the initrd is damaged: {}", what),
                "check the medium it came from with imgforge media probe");
}

std::uint32_t hex_field(std::string_view header, std::size_t index) {
    const std::string_view field = header.substr(6 + index * 8, 8);
    std::uint32_t value = 0;
    const auto [end, failed] = std::from_chars(field.data(), field.data() + field.size(), value, 16);
    if (failed != std::errc() || end != field.data() + field.size())
        damaged(fmt::format("'{}' in a cpio header is not a number", field));
    return value;
}

std::size_t aligned4(std::size_t offset) {
    return (offset + 3) & ~std::size_t{3};
}

/// Offset just after the trailer of the newc archive that begins at `begin`.
std::size_t end_of_newc(std::string_view bytes, std::size_t begin) {
    std::size_t at = begin;
    while (at + newc_header <= bytes.size()) {
        const std::string_view header = bytes.substr(at, newc_header);
        if (header.substr(0, 5) != "07070" || (header[5] != '1' && header[5] != '2'))
            damaged(fmt::format("no cpio header at byte {}", at));
        const std::size_t file_size = hex_field(header, 6);
        const std::size_t name_size = hex_field(header, 11);
        const std::size_t name_at = at + newc_header;
        if (name_size == 0 || name_at + name_size > bytes.size())
            damaged(fmt::format("a name of {} bytes at byte {}", name_size, at));
        const bool trailer = bytes.substr(name_at, name_size - 1) == "TRAILER!!!";
        at = aligned4(name_at + name_size - begin) + begin;
        at = aligned4(at + file_size - begin) + begin;
        if (trailer)
            return std::min(at, bytes.size());
    }
    damaged("a cpio archive without its end");
}

void check(int status, archive* handle, std::string_view what) {
    // ARCHIVE_WARN is said of names outside the locale's character set, which keep their bytes.
    if (status < ARCHIVE_WARN)
        damaged(fmt::format(
            "{}: {}", what,
            archive_error_string(handle) != nullptr ? archive_error_string(handle) : "unknown error"));
}

std::string clean_path(const char* raw) {
    std::string path = raw != nullptr ? raw : "";
    while (!path.empty() && (path.front() == '/' || path.compare(0, 2, "./") == 0))
        path.erase(0, path.front() == '/' ? 1 : 2);
    while (!path.empty() && path.back() == '/')
        path.pop_back();
    return path == "." ? std::string{} : path;
}

CpioEntry entry_of(archive_entry* raw) {
    CpioEntry entry{.path = clean_path(archive_entry_pathname(raw)),
                    .mode = archive_entry_perm(raw) & 07777U};
    const auto type = static_cast<unsigned>(archive_entry_filetype(raw));
    if (type == AE_IFREG) {
        entry.kind = CpioEntry::Kind::file;
    } else if (type == AE_IFDIR) {
        entry.kind = CpioEntry::Kind::directory;
    } else if (type == AE_IFLNK) {
        entry.kind = CpioEntry::Kind::symlink;
        entry.target = archive_entry_symlink(raw) != nullptr ? archive_entry_symlink(raw) : "";
    } else {
        entry.kind = CpioEntry::Kind::other;
        entry.type = type;
        entry.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(raw));
        entry.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(raw));
    }
    return entry;
}

std::string all_data(archive* in, std::uint64_t limit) {
    std::string bytes;
    std::string buffer(256U << 10U, '\0');
    for (;;) {
        interrupt::check();
        const la_ssize_t got = archive_read_data(in, buffer.data(), buffer.size());
        if (got == 0)
            return bytes;
        if (got < 0)
            check(ARCHIVE_FATAL, in, "cannot unpack");
        bytes.append(buffer, 0, static_cast<std::size_t>(got));
        if (bytes.size() > limit)
            damaged(fmt::format("it unpacks to more than {} bytes", limit));
    }
}

void read_part(std::string_view part, bool with_bytes, const std::function<void(CpioEntry&&)>& consume) {
    const Reader in(archive_read_new());
    archive_read_support_filter_all(in.get());
    archive_read_support_format_cpio(in.get());
    check(archive_read_open_memory(in.get(), part.data(), part.size()), in.get(), "cannot open it");
    archive_entry* raw = nullptr;
    std::uint64_t total = 0;
    for (int status = archive_read_next_header(in.get(), &raw); status != ARCHIVE_EOF;
         status = archive_read_next_header(in.get(), &raw)) {
        check(status, in.get(), "cannot read the next entry");
        CpioEntry entry = entry_of(raw);
        total +=
            archive_entry_size_is_set(raw) != 0 ? static_cast<std::uint64_t>(archive_entry_size(raw)) : 0;
        if (total > unpacked_limit)
            damaged(fmt::format("it unpacks to more than {} bytes", unpacked_limit));
        if (with_bytes && entry.kind == CpioEntry::Kind::file)
            entry.bytes = all_data(in.get(), unpacked_limit);
        if (!entry.path.empty())
            consume(std::move(entry));
    }
}

}  // namespace

std::vector<InitrdPart> initrd_parts(std::string_view initrd) {
    std::vector<InitrdPart> parts;
    std::size_t at = 0;
    while ((at = initrd.find_first_not_of('\0', at)) != std::string_view::npos) {
        const std::string_view rest = initrd.substr(at);
        const auto* magic = std::find_if(magics.begin(), magics.end(), [&](const Magic& known) {
            return rest.substr(0, known.bytes.size()) == known.bytes;
        });
        if (magic == magics.end() && parts.empty()) {
            return {{.compression = std::string(unknown_compression), .begin = at, .end = initrd.size()}};
        }
        if (magic == magics.end()) {
            damaged(fmt::format("no cpio archive and no known compression at byte {}", at));
        }
        const std::size_t end = magic->name == "none" ? end_of_newc(initrd, at) : initrd.size();
        parts.push_back({.compression = std::string(magic->name), .begin = at, .end = end});
        at = end;
    }
    if (parts.empty())
        damaged("it is empty");
    return parts;
}

void read_initrd(std::string_view initrd, bool with_bytes, const std::function<void(CpioEntry&&)>& entry) {
    for (const InitrdPart& part : initrd_parts(initrd))
        read_part(initrd.substr(part.begin, part.end - part.begin), with_bytes, entry);
}

namespace {

void write_entry(archive* out, const CpioEntry& entry, std::int64_t inode) {
    const Entry raw(archive_entry_new());
    archive_entry_set_pathname(raw.get(), entry.path.c_str());
    archive_entry_set_perm(raw.get(), entry.mode);
    archive_entry_set_uid(raw.get(), 0);
    archive_entry_set_gid(raw.get(), 0);
    archive_entry_set_nlink(raw.get(), 1);
    archive_entry_set_ino64(raw.get(), inode);
    archive_entry_set_mtime(raw.get(), 1, 0);  // fixed: equal input gives equal output
    archive_entry_set_size(raw.get(), 0);
    switch (entry.kind) {
        case CpioEntry::Kind::file:
            archive_entry_set_filetype(raw.get(), AE_IFREG);
            archive_entry_set_size(raw.get(), static_cast<la_int64_t>(entry.bytes.size()));
            break;
        case CpioEntry::Kind::directory: archive_entry_set_filetype(raw.get(), AE_IFDIR); break;
        case CpioEntry::Kind::symlink:
            archive_entry_set_filetype(raw.get(), AE_IFLNK);
            archive_entry_set_symlink(raw.get(), entry.target.c_str());
            break;
        case CpioEntry::Kind::other:
            archive_entry_set_filetype(raw.get(), entry.type);
            archive_entry_set_rdevmajor(raw.get(), entry.device_major);
            archive_entry_set_rdevminor(raw.get(), entry.device_minor);
            break;
    }
    check(archive_write_header(out, raw.get()), out, fmt::format("cannot write {}", entry.path));
    if (entry.kind == CpioEntry::Kind::file && !entry.bytes.empty() &&
        archive_write_data(out, entry.bytes.data(), entry.bytes.size()) !=
            static_cast<la_ssize_t>(entry.bytes.size()))
        check(ARCHIVE_FATAL, out, fmt::format("cannot write {}", entry.path));
}

}  // namespace

std::string write_cpio(const std::vector<CpioEntry>& entries) {
    std::string bytes;
    const Writer out(archive_write_new());
    archive_write_set_format_cpio_newc(out.get());
    archive_write_add_filter_none(out.get());
    archive_write_set_bytes_per_block(out.get(), 512);
    check(archive_write_open(out.get(), &bytes, nullptr, seeds::append_to_text, nullptr), out.get(),
          "cannot start a cpio archive");
    std::int64_t inode = 1;
    for (const CpioEntry& entry : entries)
        write_entry(out.get(), entry, inode++);
    check(archive_write_close(out.get()), out.get(), "cannot finish a cpio archive");
    return bytes;
}

std::string gzip(std::string_view bytes, int level) {
    std::string packed;
    const Writer out(archive_write_new());
    archive_write_set_format_raw(out.get());
    archive_write_add_filter_gzip(out.get());
    archive_write_set_filter_option(out.get(), "gzip", "compression-level", std::to_string(level).c_str());
    archive_write_set_filter_option(out.get(), "gzip", "timestamp", nullptr);
    archive_write_set_bytes_per_block(out.get(), 0);
    check(archive_write_open(out.get(), &packed, nullptr, seeds::append_to_text, nullptr), out.get(),
          "cannot start compressing");
    const Entry raw(archive_entry_new());
    archive_entry_set_pathname(raw.get(), "data");
    archive_entry_set_filetype(raw.get(), AE_IFREG);
    check(archive_write_header(out.get(), raw.get()), out.get(), "cannot compress");
    if (archive_write_data(out.get(), bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size()))
        check(ARCHIVE_FATAL, out.get(), "cannot compress");
    check(archive_write_close(out.get()), out.get(), "cannot finish compressing");
    return packed;
}

std::string decompress(std::string_view bytes, std::uint64_t limit) {
    const Reader in(archive_read_new());
    archive_read_support_filter_all(in.get());
    archive_read_support_format_raw(in.get());
    check(archive_read_open_memory(in.get(), bytes.data(), bytes.size()), in.get(), "cannot open it");
    archive_entry* raw = nullptr;
    check(archive_read_next_header(in.get(), &raw), in.get(), "cannot unpack");
    return all_data(in.get(), limit);
}

std::string resolve_folders(const CpioTree& tree, const std::string& path) {
    std::string done;
    std::string rest = path;
    for (int hops = 0; hops < 40; ++hops) {
        const std::size_t slash = rest.find('/');
        if (slash == std::string::npos)
            return done + rest;
        const std::string folder = done + rest.substr(0, slash);
        const auto found = tree.find(folder);
        if (found == tree.end() || found->second.kind != CpioEntry::Kind::symlink) {
            done = folder + "/";
            rest.erase(0, slash + 1);
            continue;
        }
        const std::string& target = found->second.target;
        rest = clean_path((target.front() == '/' ? target : done + target).c_str()) + rest.substr(slash);
        done.clear();
    }
    throw Error(Failure::integrity,
                fmt::format("the directories of {} in the initrd are links in circles", path));
}

}  // namespace imgforge::install
