// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/content_scan.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/archive_library.hpp"

namespace imgforge::sysprep::audit {

namespace {

using namespace std::string_view_literals;
constexpr int depth_limit = 5;
constexpr std::size_t inner_file_limit = 512U << 20U;

bool starts_packed(std::string_view bytes) {
    constexpr std::array<std::string_view, 14> signatures{
        "\x1f\x8b"sv,           "\xfd\x37zXZ\0"sv, "\x28\xb5\x2f\xfd"sv, "BZh"sv,        "\x04\x22\x4d\x18"sv,
        "\x02\x21\x4c\x18"sv,   "\x5d\0\0"sv,      "!<arch>\n"sv,        "PK\x03\x04"sv, "\xed\xab\xee\xdb"sv,
        "7z\xbc\xaf\x27\x1c"sv, "070701"sv,        "070702"sv,           "\x89LZO\0"sv};
    return std::any_of(signatures.begin(), signatures.end(),
                       [&](std::string_view signature) { return bytes.starts_with(signature); }) ||
           (bytes.size() > 512 && bytes.substr(257, 5) == "ustar"sv);
}

/// Kernel modules are packed one by one and come from a package; they hold no settings.
bool is_kernel_module(std::string_view path) {
    return path.ends_with(".ko.xz") || path.ends_with(".ko.zst") || path.ends_with(".ko.gz");
}

std::optional<std::size_t> hexadecimal(std::string_view text) {
    std::size_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return fault == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::size_t aligned(std::size_t value) {
    return (value + 3) & ~std::size_t{3};
}

struct ArchiveData {
    std::string bytes;
    bool whole = true;
};

ArchiveData read_entry(archive* reader, std::uint64_t& budget) {
    ArchiveData out;
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int status = ARCHIVE_OK;
    while ((status = archive_read_data_block(reader, &block, &size, &offset)) == ARCHIVE_OK ||
           status == ARCHIVE_WARN) {
        const auto at = static_cast<std::size_t>(offset);
        if (at + size > std::min<std::uint64_t>(inner_file_limit, budget)) {
            out.whole = false;
            break;
        }
        out.bytes.resize(std::max(out.bytes.size(), at + size));
        std::copy_n(static_cast<const char*>(block), size,
                    out.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    out.whole = out.whole && status == ARCHIVE_EOF;
    budget -= std::min<std::uint64_t>(budget, out.bytes.size());
    return out;
}

}  // namespace

void ContentScan::name(const std::string& path, std::string_view what, std::string_view text) {
    for (const Hit& hit : matcher_.scan(scratch_, text, 0, text.size(), path)) {
        findings_.push_back({.rule = hit.pattern->rule,
                             .path = path,
                             .layer = "content",
                             .detail = fmt::format("{} in {}", hit.pattern->label, what),
                             .fingerprint = hit.fingerprint});
    }
}

void ContentScan::search(const std::string& path, std::string_view bytes) {
    ++files_;
    bytes_ += bytes.size();
    constexpr std::size_t piece = 64U << 20U;
    const std::size_t margin = matcher_.margin();
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        interrupt::check();
        const std::size_t from = at - std::min(at, margin);
        const std::string_view part = bytes.substr(from, at - from + piece + margin);
        const std::size_t end = std::min(bytes.size(), at + piece);
        for (const Hit& hit : matcher_.scan(scratch_, part, at - from, end - from, path)) {
            findings_.push_back({.rule = hit.pattern->rule,
                                 .path = path,
                                 .offset = from + hit.span.start,
                                 .layer = "content",
                                 .detail = hit.pattern->label,
                                 .fingerprint = hit.fingerprint});
        }
    }
}

void ContentScan::file(const std::string& path, std::string_view bytes) {
    search(path, bytes);
    descend(path, bytes, 0);
}

void ContentScan::descend(const std::string& path, std::string_view bytes, int depth) {
    if (depth >= depth_limit || is_kernel_module(path) || !starts_packed(bytes)) {
        return;
    }
    if (bytes.starts_with("070701"sv) || bytes.starts_with("070702"sv)) {
        unpack_cpio(path, bytes, depth);
    } else {
        unpack_archive(path, bytes, depth);
    }
}

void ContentScan::inner(const std::string& path, std::string_view bytes, int depth) {
    unpacked_ += bytes.size();
    if (on_inner_file) {
        on_inner_file(path, bytes);
    }
    search(path, bytes);
    descend(path, bytes, depth + 1);
}

/// Linux Documentation/driver-api/early-userspace/buffer-format: an initramfs is any number of cpio archives
/// (newc), each packed or not, with zeros between. Microcode comes first, unpacked; the packed main part
/// follows.
void ContentScan::unpack_cpio(const std::string& path, std::string_view bytes, int depth) {
    std::size_t at = 0;
    while (at + 110 <= bytes.size() &&
           (bytes.substr(at, 6) == "070701"sv || bytes.substr(at, 6) == "070702"sv)) {
        const auto size = hexadecimal(bytes.substr(at + 54, 8));
        const auto name_size = hexadecimal(bytes.substr(at + 94, 8));
        if (!size || !name_size || *name_size == 0 || at + 110 + *name_size > bytes.size()) {
            break;
        }
        const std::string_view entry = bytes.substr(at + 110, *name_size - 1);
        const std::size_t data = aligned(at + 110 + *name_size);
        if (data > bytes.size() || *size > bytes.size() - data) {
            break;
        }
        at = aligned(data + *size);
        if (entry == "TRAILER!!!"sv) {
            at = std::min(bytes.find_first_not_of('\0', std::min(at, bytes.size())), bytes.size());
            continue;
        }
        const std::string inner_path = path + "!" + std::string(entry);
        name(inner_path, "the name of a file", entry);
        inner(inner_path, bytes.substr(data, *size), depth);
    }
    if (at < bytes.size()) {
        const std::string_view rest = bytes.substr(at);
        if (starts_packed(rest)) {
            descend(path, rest, depth + 1);
        } else {
            warnings_.push_back(
                fmt::format("{}: {} bytes after a cpio archive are in no known format", path, rest.size()));
        }
    }
}

void ContentScan::unpack_archive(const std::string& path, std::string_view bytes, int depth) {
    const Handle<archive, &archive_read_free> reader(archive_read_new());
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_all(reader.get());
    archive_read_support_format_raw(reader.get());
    if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
        warnings_.push_back(fmt::format("{}: could not be unpacked", path));
        return;
    }
    archive_entry* entry = nullptr;
    int status = ARCHIVE_OK;
    while (budget_ > 0 && ((status = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK ||
                           status == ARCHIVE_WARN)) {
        interrupt::check();
        const bool is_stream = archive_format(reader.get()) == ARCHIVE_FORMAT_RAW;
        if (is_stream && archive_filter_count(reader.get()) <= 1) {
            return;  // not packed after all: it has been searched as it is
        }
        if (archive_format(reader.get()) == ARCHIVE_FORMAT_CPIO_SVR4_NOCRC &&
            archive_filter_count(reader.get()) > 1) {
            // A packed initramfs: more archives may follow in the stream, so it is unpacked first and walked
            // as cpio.
            const Handle<archive, &archive_read_free> raw(archive_read_new());
            archive_read_support_filter_all(raw.get());
            archive_read_support_format_raw(raw.get());
            if (archive_read_open_memory(raw.get(), bytes.data(), bytes.size()) == ARCHIVE_OK &&
                archive_read_next_header(raw.get(), &entry) == ARCHIVE_OK) {
                const ArchiveData data = read_entry(raw.get(), budget_);
                unpacked_ += data.bytes.size();
                unpack_cpio(path, data.bytes, depth + 1);
            }
            return;
        }
        const char* const entry_name = archive_entry_pathname(entry);
        const std::string inner_path = path + "!" + (is_stream || entry_name == nullptr ? "" : entry_name);
        if (!is_stream && entry_name != nullptr) {
            name(inner_path, "the name of a file", entry_name);
        }
        const ArchiveData data = read_entry(reader.get(), budget_);
        if (!data.whole) {
            warnings_.push_back(fmt::format("{}: could not be unpacked to its end", inner_path));
        }
        inner(inner_path, data.bytes, depth);
    }
    if (status == ARCHIVE_FATAL || status == ARCHIVE_FAILED) {
        warnings_.push_back(fmt::format("{}: could not be unpacked", path));
    }
    if (budget_ == 0) {
        warnings_.push_back(fmt::format("{}: the limit for unpacked data is reached", path));
    }
}

}  // namespace imgforge::sysprep::audit
