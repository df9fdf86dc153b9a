// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/initramfs_names.hpp"

#include <charconv>
#include <optional>

#include "builder/base/handle.hpp"
#include "builder/image/archive_library.hpp"

namespace imgforge::sysprep {

namespace {

using Reader = Handle<archive, &archive_read_free>;

std::string plain(std::string name) {
    while (name.starts_with("./") || name.starts_with("/")) {
        name.erase(0, name.front() == '/' ? 1 : 2);
    }
    return name;
}

std::optional<std::size_t> hex_field(std::string_view image, std::size_t offset) {
    std::size_t value = 0;
    const char* start = image.data() + offset;
    const auto parsed = std::from_chars(start, start + 8, value, 16);
    return parsed.ptr == start + 8 ? std::optional(value) : std::nullopt;
}

/// One uncompressed newc archive (kernel Documentation/driver-api/early-userspace/buffer-format.rst); returns
/// where it ends.
std::size_t read_newc(std::string_view image, std::size_t at, std::vector<InitramfsEntry>& entries) {
    constexpr std::size_t header = 110;
    const auto aligned = [](std::size_t offset) { return (offset + 3) & ~std::size_t{3}; };
    while (at + header <= image.size() &&
           (image.substr(at, 6) == "070701" || image.substr(at, 6) == "070702")) {
        const auto size = hex_field(image, at + 54);
        const auto name_size = hex_field(image, at + 94);
        if (!size || !name_size || *name_size == 0 || *name_size > image.size() || *size > image.size() ||
            at + header + *name_size > image.size()) {
            return image.size();
        }
        const std::string name(image.substr(at + header, *name_size - 1));
        at = aligned(aligned(at + header + *name_size) + *size);
        if (name == "TRAILER!!!") {
            break;
        }
        entries.push_back({plain(name), *size});
    }
    return at;
}

void read_compressed(std::string_view image, std::vector<InitramfsEntry>& entries) {
    const Reader reader(archive_read_new());
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_cpio(reader.get());
    if (archive_read_open_memory(reader.get(), image.data(), image.size()) != ARCHIVE_OK) {
        return;
    }
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
        const char* name = archive_entry_pathname(entry);
        if (name != nullptr) {
            entries.push_back({plain(name), static_cast<std::uint64_t>(archive_entry_size(entry))});
        }
    }
}

}  // namespace

std::vector<InitramfsEntry> initramfs_entries(std::string_view image) {
    std::vector<InitramfsEntry> entries;
    std::size_t at = 0;
    while (at < image.size()) {
        if (image[at] == '\0') {
            ++at;
        } else if (image.substr(at, 5) == "07070") {
            const std::size_t end = read_newc(image, at, entries);
            at = end > at ? end : image.size();
        } else {
            read_compressed(image.substr(at), entries);
            break;
        }
    }
    return entries;
}

}  // namespace imgforge::sysprep
