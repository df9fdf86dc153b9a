// SPDX-License-Identifier: GPL-3.0-or-later
// FAT12, FAT16 and FAT32 with long names, read only. Source of all offsets: Microsoft "FAT: General Overview
// of On-Disk Format" 1.03. The image may be hostile: every number in it is checked against the image's own
// size before it is used.
#include "seeds/vfat_reader.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "seeds/utf16.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::size_t most_entries = 4096;
constexpr std::size_t most_depth = 16;

[[noreturn]] void damaged(std::string_view what) {
    throw Error(Failure::integrity, fmt::format("the vfat image is damaged: {}", what),
                "make it again with imgforge seed create");
}

std::size_t number(std::string_view image, std::size_t at, std::size_t bytes) {
    if (at > image.size() || image.size() - at < bytes) {
        damaged("it ends too early");
    }
    std::size_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) {
        value = (value << 8U) | static_cast<unsigned char>(image[at + i]);
    }
    return value;
}

std::string without_trailing_blanks(std::string_view text) {
    const std::size_t end = text.find_last_not_of(' ');
    return std::string(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
}

/// FAT16 has the two-byte field, and where it is zero the four-byte one.
std::size_t either(std::string_view image, std::size_t small, std::size_t large) {
    const std::size_t value = number(image, small, 2);
    return value != 0 ? value : number(image, large, 4);
}

/// "NAME.EXT" of the eleven bytes; bits 3 and 4 of byte 12 say that a half is meant in lower case (Windows
/// NT).
std::string short_name(std::string_view entry) {
    const auto part = [&](std::size_t at, std::size_t length, unsigned bit) {
        std::string text = without_trailing_blanks(entry.substr(at, length));
        if ((static_cast<unsigned char>(entry[12]) & bit) != 0) {
            std::transform(text.begin(), text.end(), text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        }
        return text;
    };
    const std::string extension = part(8, 3, 0x10);
    return part(0, 8, 0x08) + (extension.empty() ? "" : "." + extension);
}

class Reader {
public:
    // The boot sector's fields: reserved sectors at 14, FATs at 16, sectors of one FAT at 22 or 36, of the
    // volume at 19 or 32.
    explicit Reader(std::string_view image)
        : image_(image),
          sector_(number(image, 11, 2)),
          cluster_(number(image, 13, 1) * sector_),
          root_entries_(number(image, 17, 2)),
          fat_(number(image, 14, 2) * sector_),
          root_(fat_ + number(image, 16, 1) * either(image, 22, 36) * sector_),
          data_(root_ + root_entries_ * 32) {
        const std::size_t total = either(image, 19, 32);
        if (sector_ < 128 || cluster_ == 0 || data_ > image.size() || total * sector_ < data_) {
            damaged("its boot sector contradicts its size");
        }
        clusters_ = (std::min(total * sector_, image.size()) - data_) / cluster_;
        bits_ = clusters_ < 4085 ? 12 : clusters_ < 65525 ? 16 : 32;
    }

    SeedFiles files(std::string& label) {
        folder(root_bytes(), "", 0);
        label = label_;
        return std::move(files_);
    }

private:
    std::string root_bytes() const {
        return bits_ == 32 ? chain(number(image_, 44, 4))
                           : std::string(image_.substr(root_, root_entries_ * 32));
    }

    std::size_t next(std::size_t cluster) const {
        if (bits_ == 12) {
            const std::size_t pair = number(image_, fat_ + cluster + cluster / 2, 2);
            return cluster % 2 == 0 ? pair & 0xfffU : pair >> 4U;
        }
        return bits_ == 16 ? number(image_, fat_ + cluster * 2, 2)
                           : number(image_, fat_ + cluster * 4, 4) & 0x0fffffffU;
    }

    /// The bytes of a chain of clusters; more clusters than there are means a circle.
    std::string chain(std::size_t cluster) const {
        const std::size_t end = bits_ == 12 ? 0xff8U : bits_ == 16 ? 0xfff8U : 0x0ffffff8U;
        std::string out;
        for (std::size_t steps = 0; cluster < end; ++steps) {
            if (cluster < 2 || cluster - 2 >= clusters_) {
                damaged("a file leads out of the image");
            }
            if (steps >= clusters_) {
                damaged("a file runs in a circle");
            }
            out += image_.substr(data_ + (cluster - 2) * cluster_, cluster_);
            cluster = next(cluster);
        }
        return out;
    }

    static std::u16string long_part(std::string_view entry) {
        std::u16string units;
        for (const std::size_t at : {1U, 3U, 5U, 7U, 9U, 14U, 16U, 18U, 20U, 22U, 24U, 28U, 30U}) {
            const std::size_t unit = number(entry, at, 2);
            if (unit == 0 || unit == 0xffff) {
                break;
            }
            units.push_back(static_cast<char16_t>(unit));
        }
        return units;
    }

    void folder(const std::string& bytes, const std::string& prefix, std::size_t depth) {
        if (depth > most_depth) {
            damaged("its directories are nested too deeply");
        }
        std::u16string long_name;
        for (std::size_t at = 0; at + 32 <= bytes.size() && bytes[at] != '\0'; at += 32) {
            const std::string_view entry = std::string_view(bytes).substr(at, 32);
            const unsigned attribute = static_cast<unsigned char>(entry[11]);
            if (entry[0] == '\xe5') {  // deleted
                long_name.clear();
            } else if (attribute == 0x0f) {
                long_name = long_part(entry) + long_name;  // the last part comes first
            } else if ((attribute & 0x08U) != 0) {
                label_ = without_trailing_blanks(entry.substr(0, 11));
                long_name.clear();
            } else {
                add(entry, long_name.empty() ? short_name(entry) : utf8(long_name), prefix, depth);
                long_name.clear();
            }
        }
    }

    void add(std::string_view entry, const std::string& name, const std::string& prefix, std::size_t depth) {
        if (name == "." || name == "..") {
            return;
        }
        if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos) {
            damaged("a file name holds a slash or nothing");
        }
        if (++count_ > most_entries) {
            damaged("it holds more than 4096 files");
        }
        const std::size_t first = number(entry, 26, 2) | (bits_ == 32 ? number(entry, 20, 2) << 16U : 0);
        if ((static_cast<unsigned char>(entry[11]) & 0x10U) != 0) {
            folder(chain(first), prefix + name + "/", depth + 1);
            return;
        }
        const std::size_t size = number(entry, 28, 4);
        std::string content = size == 0 ? std::string() : chain(first);
        if (content.size() < size) {
            damaged(fmt::format("'{}' is shorter than its entry says", prefix + name));
        }
        content.resize(size);
        total_ += size;
        if (total_ > image_.size()) {
            damaged("its files share their bytes");
        }
        files_[prefix + name] = std::move(content);
    }

    std::string_view image_;
    std::size_t sector_;
    std::size_t cluster_;
    std::size_t root_entries_;
    std::size_t fat_;
    std::size_t root_;
    std::size_t data_;
    std::size_t clusters_ = 0;
    int bits_ = 16;
    std::size_t count_ = 0;
    std::size_t total_ = 0;
    std::string label_;
    SeedFiles files_;
};

}  // namespace

bool is_vfat(std::string_view image) {
    if (image.size() < 512 || image[510] != '\x55' || image[511] != '\xaa') {
        return false;
    }
    return image.substr(54, 3) == "FAT" || image.substr(82, 5) == "FAT32";
}

SeedFiles read_vfat(std::string_view image, std::string& label) {
    return Reader(image).files(label);
}

}  // namespace imgforge::seeds
