// SPDX-License-Identifier: GPL-3.0-or-later
// Small images that would keep a reader busy for ever: the number of steps is bounded, not only their kinds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/iso_structure.hpp"

namespace imgforge::image {
namespace {

using ::testing::HasSubstr;
constexpr std::size_t sector = 2048;

std::string both(std::uint32_t value, unsigned bytes) {
    std::string little;
    for (unsigned i = 0; i < bytes; ++i) {
        little += static_cast<char>((value >> (8 * i)) & 0xffU);
    }
    return little + std::string(little.rbegin(), little.rend());
}

std::string record(std::uint32_t block, std::uint32_t size, const std::string& name,
                   const std::string& use = {}) {
    std::string out(1, '\0');
    out += both(block, 4) + both(size, 4) + std::string(7, '\0') + '\2' + std::string(2, '\0') + both(1, 2) +
           static_cast<char>(name.size()) + name;
    out.resize(out.size() + (1 + out.size()) % 2, '\0');
    out += use;
    out.resize(out.size() + (1 + out.size()) % 2, '\0');
    return static_cast<char>(out.size() + 1) + out;
}

std::string padded(std::string text) {
    text.resize((text.size() + sector - 1) / sector * sector, '\0');
    return text;
}

/// A primary descriptor for a volume of so many blocks whose root directory is at block 18.
std::string descriptors(std::uint32_t blocks, std::uint32_t root_size) {
    std::string primary(sector, '\0');
    primary.replace(0, 7, std::string("\1CD001\1", 7));
    primary.replace(80, 8, both(blocks, 4));
    primary.replace(128, 4, both(sector, 2));
    const std::string root = record(18, root_size, std::string(1, '\0'));
    primary.replace(156, root.size(), root);
    return std::string(16 * sector, '\0') + primary +
           padded(std::string("\xff"
                              "CD001\1",
                              7));
}

std::string continuation(std::uint32_t block) {
    return std::string("CE\x1c\1", 4) + both(block, 4) + both(0, 4) + both(sector - 4, 4);
}

std::string refusal(const std::string& bytes) {
    const TempDir folder("unit");
    write_file_atomically(folder / "x.iso", bytes);
    try {
        check_iso_structure(folder / "x.iso");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::integrity);
        return error.message();
    }
    return "accepted";
}

TEST(IsoBudget, continuation_areas_that_multiply_are_refused) {
    constexpr std::uint32_t depth = 30;  // 73 to the power of 30 visits
    std::string areas;
    for (std::uint32_t i = 0; i < depth; ++i) {
        std::string area;
        for (int j = 0; j < 73; ++j) {
            area += continuation(20 + i);
        }
        areas += padded(area);
    }
    const std::string self = record(18, sector, std::string(1, '\0'), continuation(19));
    const std::string image = descriptors(19 + depth + 2, sector) +
                              padded(self + record(18, sector, std::string(1, '\1'))) + areas +
                              std::string(2 * sector, '\0');
    EXPECT_THAT(refusal(image), HasSubstr("continuation areas of one record"));
}

TEST(IsoBudget, directories_that_overlap_are_refused) {
    constexpr std::uint32_t each = 8U << 20U;
    constexpr std::uint32_t count = 40;
    std::string root =
        record(18, 2 * sector, std::string(1, '\0')) + record(18, 2 * sector, std::string(1, '\1'));
    for (std::uint32_t i = 0; i < count; ++i) {
        root += record(30 + i, each, std::string(1, static_cast<char>('A' + i)));
    }
    ASSERT_LT(root.size(), sector);
    const std::uint32_t blocks = 30 + count + each / sector;
    std::string image = descriptors(blocks, 2 * sector) + padded(root);
    image.resize(blocks * sector, '\0');
    EXPECT_THAT(refusal(image), HasSubstr("they overlap"));
}

}  // namespace
}  // namespace imgforge::image
