// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/screenshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include "builder/base/error.hpp"

namespace imgforge::virt {
namespace {

TEST(Screenshot, reads_the_ppm_of_a_screendump) {
    const std::string text =
        std::string("P6\n# made by QEMU\n2 1\n255\n") + std::string("\xff\x00\x00\x00\x00\xff", 6);

    const Picture picture = read_ppm(text);

    EXPECT_EQ(picture.width, 2U);
    EXPECT_EQ(picture.height, 1U);
    EXPECT_THAT(picture.rgb, ::testing::ElementsAre(255, 0, 0, 0, 0, 255));
}

TEST(Screenshot, writes_a_png_that_libpng_reads_back) {
    const Picture picture{.width = 2, .height = 1, .rgb = {255, 0, 0, 0, 0, 255}};

    const std::string bytes = png(picture);

    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    ASSERT_NE(png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()), 0);
    image.format = PNG_FORMAT_RGB;
    std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
    ASSERT_NE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr), 0);
    EXPECT_EQ(pixels, picture.rgb);
}

TEST(Screenshot, refuses_damaged_pictures) {
    EXPECT_THROW(read_ppm(""), Error);
    EXPECT_THROW(read_ppm("P5\n1 1\n255\n0"), Error);
    EXPECT_THROW(read_ppm("P6\n2 2\n255\nxyz"), Error);
    EXPECT_THROW(read_ppm("P6\n99999999 99999999\n255\n"), Error);
    EXPECT_THROW(read_ppm("P6\n#"), Error);
}

}  // namespace
}  // namespace imgforge::virt
