// SPDX-License-Identifier: GPL-3.0-or-later
// A small FAT16 file system with long names, laid out once and never changed (no library writes one). Source
// of all offsets: Microsoft "FAT: General Overview of On-Disk Format" 1.03; checked against blkid, fsck.vfat
// and mtools in tests/tools/seeds.
#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "seeds/seed.hpp"
#include "seeds/utf16.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::size_t sector_size = 512;
constexpr std::size_t cluster = 2048;
constexpr std::size_t root_entries = 512;
constexpr std::size_t reserved_sectors = 1;
// Below 4085 clusters a reader takes the file system for FAT12, above 65524 for FAT32.
constexpr std::size_t least_clusters = 4200;
constexpr std::size_t most_clusters = 65000;

std::string little(std::size_t value, std::size_t bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes; ++i) {
        out.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
    }
    return out;
}

struct Stamp {
    std::size_t date;
    std::size_t time;
};

Stamp stamp_of(std::int64_t epoch) {
    const std::time_t when =
        static_cast<std::time_t>(std::max<std::int64_t>(epoch, 315532800));  // FAT begins in 1980
    std::tm utc{};
    gmtime_r(&when, &utc);
    return {.date = (static_cast<std::size_t>(utc.tm_year - 80) << 9U) |
                    (static_cast<std::size_t>(utc.tm_mon + 1) << 5U) | static_cast<std::size_t>(utc.tm_mday),
            .time = (static_cast<std::size_t>(utc.tm_hour) << 11U) |
                    (static_cast<std::size_t>(utc.tm_min) << 5U) | static_cast<std::size_t>(utc.tm_sec / 2)};
}

struct FatNode {
    std::map<std::string, FatNode> children{};
    const std::string* bytes = nullptr;  ///< null: a directory
    std::size_t first = 0;               ///< first cluster; 0 for an empty file and for the root
};

/// The file system as it grows: clusters are handed out in a row.
class Volume {
public:
    Volume(std::string label, std::int64_t epoch) : label_(std::move(label)), stamp_(stamp_of(epoch)) {}

    std::string image(FatNode& root) {
        place_children(root);
        const std::string root_bytes = folder_bytes(root, 0, true);
        if (root_bytes.size() > root_entries * 32) {
            throw Error(Failure::recipe, "too many files in the top directory of a vfat seed",
                        "use the ISO format");
        }
        const std::size_t clusters = std::max(least_clusters, data_.size() / cluster);
        if (clusters > most_clusters) {
            throw Error(Failure::recipe, "the files are too large for a vfat seed (127 MiB)",
                        "use the ISO format");
        }
        const std::size_t fat_sectors = ((clusters + 2) * 2 + sector_size - 1) / sector_size;
        std::string out = boot_sector(clusters, fat_sectors);
        std::string fat = fat_;
        fat.resize(fat_sectors * sector_size);
        out += fat + fat + root_bytes;
        out.resize((reserved_sectors + 2 * fat_sectors) * sector_size + root_entries * 32);
        out += data_;
        out.resize((reserved_sectors + 2 * fat_sectors) * sector_size + root_entries * 32 +
                   clusters * cluster);
        return out;
    }

private:
    std::size_t store(std::string_view bytes) {
        const std::size_t first = 2 + data_.size() / cluster;
        const std::size_t count = (bytes.size() + cluster - 1) / cluster;
        for (std::size_t i = 0; i < count; ++i) {
            fat_ += little(i + 1 == count ? 0xffff : first + i + 1, 2);
        }
        data_.append(bytes);
        data_.resize((data_.size() + cluster - 1) / cluster * cluster);
        return count == 0 ? 0 : first;
    }

    void place_children(FatNode& node) {
        for (auto& [name, child] : node.children) {
            if (child.bytes != nullptr) {
                child.first = store(*child.bytes);
                continue;
            }
            place_children(child);
            // "." needs the directory's own cluster, which is the next one; ".." is fixed when the parent is
            // stored.
            child.first = 2 + data_.size() / cluster;
            static_cast<void>(store(folder_bytes(child, child.first, false)));
        }
    }

    std::string short_entry(std::string_view name11, unsigned attribute, std::size_t first,
                            std::size_t size) const {
        return std::string(name11) + little(attribute, 1) + std::string(2, '\0') + little(stamp_.time, 2) +
               little(stamp_.date, 2) + little(stamp_.date, 2) + std::string(2, '\0') +
               little(stamp_.time, 2) + little(stamp_.date, 2) + little(first, 2) + little(size, 4);
    }

    std::string folder_bytes(FatNode& node, std::size_t self, bool is_root) {
        std::string out =
            is_root ? short_entry(label_, 0x08, 0, 0)
                    : short_entry(".          ", 0x10, self, 0) + short_entry("..         ", 0x10, 0, 0);
        std::size_t number = 0;
        for (auto& [name, child] : node.children) {
            const std::string name11 = fmt::format("{:<8}   ", fmt::format("F~{}", ++number));
            out += long_entries(name, name11);
            out += short_entry(name11, child.bytes == nullptr ? 0x10 : 0x20, child.first,
                               child.bytes == nullptr ? 0 : child.bytes->size());
            if (child.bytes == nullptr && !is_root) {
                data_.replace((child.first - 2) * cluster + 32 + 26, 2, little(self, 2));
            }
        }
        return out;
    }

    static std::string long_entries(const std::string& name, std::string_view name11) {
        unsigned char checksum = 0;
        for (const char c : name11) {
            checksum = static_cast<unsigned char>(((checksum & 1U) << 7U) + (checksum >> 1U) +
                                                  static_cast<unsigned char>(c));
        }
        std::u16string wide = utf16(name);
        if (wide.size() > 255) {
            throw Error(Failure::recipe, fmt::format("the file name '{}' is too long for vfat", name),
                        "use the ISO format");
        }
        if (wide.size() % 13 != 0) {
            wide.push_back(u'\0');
            wide.resize((wide.size() + 12) / 13 * 13, u'\xffff');
        }
        std::string out;
        for (std::size_t part = wide.size() / 13; part > 0; --part) {
            std::string text;
            for (std::size_t i = (part - 1) * 13; i < part * 13; ++i) {
                text += little(wide[i], 2);
            }
            out += little(part | (part == wide.size() / 13 ? 0x40U : 0U), 1) + text.substr(0, 10) +
                   little(0x0f, 1) + little(0, 1) + little(checksum, 1) + text.substr(10, 12) + little(0, 2) +
                   text.substr(22, 4);
        }
        return out;
    }

    std::string boot_sector(std::size_t clusters, std::size_t fat_sectors) const {
        const std::size_t total = reserved_sectors + 2 * fat_sectors + root_entries * 32 / sector_size +
                                  clusters * (cluster / sector_size);
        std::string out =
            "\xeb\x3c\x90"
            "IMGFORGE" +
            little(sector_size, 2) + little(cluster / sector_size, 1) + little(reserved_sectors, 2) +
            little(2, 1) + little(root_entries, 2) + little(total < 65536 ? total : 0, 2) + little(0xf8, 1) +
            little(fat_sectors, 2) + little(32, 2) + little(2, 2) + little(0, 4) +
            little(total < 65536 ? 0 : total, 4) + little(0x80, 1) + little(0, 1) + little(0x29, 1) +
            little(0x1a2b3c4d, 4) + label_ + "FAT16   ";
        out.resize(510);
        return out + "\x55\xaa";
    }

    std::string label_;
    Stamp stamp_;
    std::string fat_ = little(0xfff8, 2) + little(0xffff, 2);
    std::string data_;
};

}  // namespace

std::string seed_vfat(const SeedFiles& files, std::string_view label, std::int64_t epoch) {
    if (label.empty() || label.size() > 11) {
        throw Error(Failure::usage, fmt::format("'{}' is not a valid label of a vfat volume", label),
                    "a FAT label has 1 to 11 characters");
    }
    std::string upper = fmt::format("{:<11}", label);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    FatNode root;
    for (const auto& [path, bytes] : files) {
        FatNode* node = &root;
        std::size_t begin = 0;
        for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', begin)) {
            node = &node->children[path.substr(begin, slash - begin)];
            begin = slash + 1;
        }
        node->children[path.substr(begin)].bytes = &bytes;
    }
    return Volume(upper, epoch).image(root);
}

}  // namespace imgforge::seeds
