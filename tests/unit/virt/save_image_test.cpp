// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/save_image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::virt {
namespace {

using testing::HasSubstr;

constexpr std::size_t header_size = 92;

/// As libvirt 9.0 writes it: XML, NUL, cookie, NUL.
std::string sample() {
    SaveImageHead head{.xml = "<domain><name>a</name></domain>", .cookie = "<cookie/>"};
    head.stream_offset = header_size + head.xml.size() + 1 + head.cookie.size() + 1;
    return save_image_head_bytes(head) + "MEMORY";
}

void put(std::string& bytes, std::size_t word, std::uint32_t value) {
    std::memcpy(bytes.data() + 16 + word * 4, &value, sizeof value);
}

std::string refusal(const std::string& bytes) {
    try {
        static_cast<void>(read_save_image_head(bytes));
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::integrity);
        return error.message();
    }
    return "accepted";
}

TEST(SaveImage, xml_cookie_and_the_place_of_the_memory_are_read_back) {
    const std::string bytes = sample();
    const SaveImageHead head = read_save_image_head(bytes);
    EXPECT_EQ(head.xml, "<domain><name>a</name></domain>");
    EXPECT_EQ(head.cookie, "<cookie/>");
    EXPECT_TRUE(head.was_running);
    EXPECT_EQ(bytes.substr(head.stream_offset), "MEMORY");
}

TEST(SaveImage, head_with_room_is_filled_up_and_reads_the_same) {
    SaveImageHead head = read_save_image_head(sample());
    head.stream_offset = 65536;
    head.cookie.clear();
    head.was_running = false;
    const std::string bytes = save_image_head_bytes(head);
    EXPECT_EQ(bytes.size(), 65536U);
    const SaveImageHead again = read_save_image_head(bytes);
    EXPECT_EQ(again.xml, head.xml);
    EXPECT_EQ(again.cookie, "");
    EXPECT_FALSE(again.was_running);
    EXPECT_EQ(again.stream_offset, 65536U);
}

TEST(SaveImage, xml_that_needs_more_room_than_there_is_is_refused) {
    SaveImageHead head = read_save_image_head(sample());
    head.xml += std::string(100, ' ');
    EXPECT_THROW(save_image_head_bytes(head), Error);
}

TEST(SaveImage, every_cut_and_every_lie_of_the_header_is_refused) {
    const std::string good = sample();
    const std::size_t whole = read_save_image_head(good).stream_offset;
    for (std::size_t length = 0; length < whole; ++length) {
        EXPECT_NE(refusal(good.substr(0, length)), "accepted") << length;
    }
    std::string bytes = good;
    bytes[0] = 'l';
    EXPECT_THAT(refusal(bytes), HasSubstr("LibvirtQemudSave"));
    bytes = good;
    put(bytes, 0, 3);
    EXPECT_THAT(refusal(bytes), HasSubstr("version 3"));
    for (const std::uint32_t length : {0U, 1U, 0x7fffffffU, 0xffffffffU}) {
        bytes = good;
        put(bytes, 1, length);
        EXPECT_NE(refusal(bytes), "accepted") << length;
    }
    for (const std::uint32_t cookie : {1U, 5U, 0xffffffffU}) {
        bytes = good;
        put(bytes, 4, cookie);
        EXPECT_NE(refusal(bytes), "accepted") << cookie;
    }
}

TEST(SaveImage, copy_has_the_new_head_and_the_old_memory) {
    const TempDir work("imgforge-save-image");
    std::string memory(3U << 20U, 'm');
    memory += "end";
    const std::string head_bytes = sample();
    write_file_atomically(work / "from", head_bytes.substr(0, head_bytes.size() - 6) + memory);
    SaveImageHead head = read_save_image_head_of(work / "from");
    for (const std::uint64_t offset : {head.stream_offset, std::uint64_t{65536}}) {
        head.xml = "<domain><name>b</name></domain>";
        head.stream_offset = offset;
        copy_save_image(work / "from", work / "to", head);
        const std::string copy = read_file(work / "to");
        const SaveImageHead read = read_save_image_head(copy);
        EXPECT_EQ(read.xml, head.xml);
        EXPECT_EQ(read.cookie, "<cookie/>");
        EXPECT_EQ(copy.substr(offset), memory);
    }
}

}  // namespace
}  // namespace imgforge::virt
