// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>
#include <ctime>
#include <functional>
#include <set>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "seeds/archive_sink.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {
namespace {

using Writer = Handle<struct archive, ::archive_write_free>;
using Entry = Handle<struct archive_entry, ::archive_entry_free>;

constexpr std::size_t sector = 2048;

void need_ok(struct archive* writer, int code, std::string_view action) {
    if (code < ARCHIVE_WARN) {
        const char* const text = ::archive_error_string(writer);
        throw Error(Failure::tool, fmt::format("cannot {} the seed ISO: {}", action,
                                               text != nullptr ? text : "libarchive gives no reason"));
    }
}

void add(struct archive* writer, const std::string& path, std::string_view bytes, bool is_folder,
         std::int64_t epoch) {
    const Entry entry(::archive_entry_new());
    ::archive_entry_set_pathname_utf8(entry.get(), path.c_str());
    ::archive_entry_set_filetype(entry.get(), is_folder ? AE_IFDIR : AE_IFREG);
    ::archive_entry_set_perm(entry.get(), is_folder ? 0755 : 0644);
    ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    ::archive_entry_set_mtime(entry.get(), epoch, 0);
    ::archive_entry_set_atime(entry.get(), epoch, 0);
    ::archive_entry_set_ctime(entry.get(), epoch, 0);
    need_ok(writer, ::archive_write_header(writer, entry.get()), "add a file to");
    if (!bytes.empty() &&
        ::archive_write_data(writer, bytes.data(), bytes.size()) != static_cast<la_ssize_t>(bytes.size())) {
        need_ok(writer, ARCHIVE_FATAL, "write a file of");
    }
}

/// Directories are added by hand, or libarchive stamps them with the time of day.
std::set<std::string> folders_of(const SeedFiles& files) {
    std::set<std::string> folders;
    for (const auto& [path, bytes] : files) {
        for (std::size_t slash = path.find('/'); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            folders.insert(path.substr(0, slash));
        }
    }
    return folders;
}

std::string archive_bytes(const SeedFiles& files, std::string_view label, std::int64_t epoch) {
    const Writer writer(::archive_write_new());
    const std::string options = fmt::format(
        "volume-id={},iso-level=3,rockridge=useful,joliet=long,!pad,!zisofs,application-id=IMGFORGE", label);
    need_ok(writer.get(), ::archive_write_set_format_iso9660(writer.get()), "begin");
    need_ok(writer.get(), ::archive_write_set_options(writer.get(), options.c_str()), "begin");
    std::string out;
    need_ok(writer.get(), ::archive_write_open(writer.get(), &out, nullptr, append_to_text, nullptr),
            "begin");
    for (const std::string& folder : folders_of(files)) {
        add(writer.get(), folder, {}, true, epoch);
    }
    for (const auto& [path, bytes] : files) {
        add(writer.get(), path, bytes, false, epoch);
    }
    need_ok(writer.get(), ::archive_write_close(writer.get()), "finish");
    return out;
}

std::size_t little_endian(const std::string& image, std::size_t at) {
    std::size_t value = 0;
    for (std::size_t i = 4; i-- > 0;) {
        value = (value << 8U) | static_cast<unsigned char>(image.at(at + i));
    }
    return value;
}

/// libarchive stamps the volume descriptors, the root directory and what refers to it with the time of day
/// (seen by comparing two images made two seconds apart); everything here is replaced by one instant. Layout:
/// ECMA-119 sections 8.4 and 9.1, and for the TF entry RRIP 1.12 section 4.1.6.
class Stamper {
public:
    Stamper(std::string& image, std::string_view label, std::int64_t epoch)
        : image_(image), label_(fmt::format("{:<32}", label)) {
        const std::time_t when = static_cast<std::time_t>(epoch);
        std::tm utc{};
        gmtime_r(&when, &utc);
        short_ = {static_cast<char>(utc.tm_year),
                  static_cast<char>(utc.tm_mon + 1),
                  static_cast<char>(utc.tm_mday),
                  static_cast<char>(utc.tm_hour),
                  static_cast<char>(utc.tm_min),
                  static_cast<char>(utc.tm_sec),
                  '\0'};
        long_ = fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}00", utc.tm_year + 1900, utc.tm_mon + 1,
                            utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
        long_.push_back('\0');
    }

    void run() {
        std::size_t at = 16 * sector;
        for (; image_.at(at) != '\xff'; at += sector) {  // 255 ends the set of descriptors
            const char type = image_.at(at);
            if (type == 1) {
                put(at + 40, label_);  // libarchive turns it into upper case, genisoimage does not
            }
            if (type == 1 || type == 2) {
                descriptor(at);
            }
        }
        // Behind the last descriptor stands a free-text note with the date (libarchive, "non-ISO file system
        // information").
        if (little_endian(image_, 16 * sector + 140) > at / sector + 1) {  // before the first path table
            put(at + sector, std::string(sector, '\0'));
        }
    }

private:
    void put(std::size_t at, const std::string& bytes) { image_.replace(at, bytes.size(), bytes); }

    void descriptor(std::size_t at) {
        put(at + 813, long_);  // creation
        put(at + 830, long_);  // modification
        put(at + 864, long_);  // effective; expiration stays unset
        record(at + 156);
        folder(little_endian(image_, at + 158), little_endian(image_, at + 166));
    }

    void folder(std::size_t extent, std::size_t size) {
        if (!seen_.insert(extent).second) {
            return;
        }
        const std::size_t begin = extent * sector;
        for (std::size_t at = begin; at < begin + size;) {
            const auto length = static_cast<unsigned char>(image_.at(at));
            if (length == 0) {  // records do not cross sectors
                at = (at / sector + 1) * sector;
                continue;
            }
            record(at);
            fix_empty_file(at);
            if ((static_cast<unsigned char>(image_.at(at + 25)) & 2U) != 0) {
                folder(little_endian(image_, at + 2), little_endian(image_, at + 10));
            }
            at += length;
        }
    }

    /// libarchive lets a file of no bytes begin at sector 0xfffffff0; readers that check extents call that
    /// damage.
    void fix_empty_file(std::size_t at) {
        if (little_endian(image_, at + 10) == 0) {
            put(at + 2, std::string(8, '\0'));
        }
    }

    void record(std::size_t at) {
        put(at + 18, short_);
        const std::size_t end = at + static_cast<unsigned char>(image_.at(at));
        const std::size_t name = static_cast<unsigned char>(image_.at(at + 32));
        std::size_t entry = at + 33 + name + (name % 2 == 0 ? 1 : 0);
        while (entry + 4 <= end) {
            const std::size_t length = static_cast<unsigned char>(image_.at(entry + 2));
            if (length < 4 || entry + length > end) {
                return;
            }
            if (image_.compare(entry, 2, "TF") == 0) {
                for (std::size_t stamp = entry + 5; stamp + 7 <= entry + length; stamp += 7) {
                    put(stamp, short_);
                }
            }
            entry += length;
        }
    }

    std::string& image_;
    std::string label_;
    std::string short_;
    std::string long_;
    std::set<std::size_t> seen_;
};

}  // namespace

std::int64_t reproducible_time() {
    const char* const given = std::getenv("SOURCE_DATE_EPOCH");
    if (given == nullptr || *given == '\0') {
        return 1577836800;  // 2020-01-01
    }
    char* end = nullptr;
    const long long value = std::strtoll(given, &end, 10);
    // ISO 9660 short dates hold the years 1900 to 2155.
    if (*end != '\0' || value < 0 || value > 5869583999) {
        throw Error(Failure::usage, fmt::format("SOURCE_DATE_EPOCH is '{}'", given),
                    "give seconds since 1970 as a number, or unset it");
    }
    return value;
}

std::string seed_iso(const SeedFiles& files, std::string_view label, std::int64_t epoch) {
    std::string image = archive_bytes(files, label, epoch);
    Stamper(image, label, epoch).run();
    return image;
}

void write_seed_iso(const SeedFiles& files, std::string_view label, const std::filesystem::path& path) {
    write_file_atomically(path, seed_iso(files, label, reproducible_time()), 0600);
}

void write_seed_vfat(const SeedFiles& files, std::string_view label, const std::filesystem::path& path) {
    write_file_atomically(path, seed_vfat(files, label, reproducible_time()), 0600);
}

void write_seed_dir(const SeedFiles& files, const std::filesystem::path& folder) {
    make_directories(folder, 0700);
    for (const auto& [path, bytes] : files) {
        make_directories((folder / path).parent_path(), 0700);
        write_file_atomically(folder / path, bytes, 0600);
    }
}

}  // namespace imgforge::seeds
