// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/screenshot.hpp"

#include <png.h>

#include <fmt/format.h>

#include <array>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

constexpr std::size_t max_picture_bytes = std::size_t{256} << 20U;

/// The next number of a PPM header; blanks and comments before it are skipped.
std::uint32_t header_number(std::string_view bytes, std::size_t& at) {
    while (at < bytes.size() &&
           (std::string_view(" \t\r\n").find(bytes[at]) != std::string_view::npos || bytes[at] == '#')) {
        if (bytes[at] == '#') {
            at = std::min(bytes.find('\n', at), bytes.size() - 1);
        }
        ++at;
    }
    std::uint32_t value = 0;
    const std::size_t begin = at;
    for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9' && value < 1000000; ++at) {
        value = value * 10 + static_cast<std::uint32_t>(bytes[at] - '0');
    }
    if (at == begin) {
        throw Error(Failure::tool, "screenshot: damaged PPM header");
    }
    return value;
}

std::string read_stream(virStreamPtr stream) {
    std::string bytes;
    std::array<char, 65536> buffer{};
    while (true) {
        const int got = virStreamRecv(stream, buffer.data(), buffer.size());
        if (got < 0) {
            throw_last_virt_error("read the screenshot");
        }
        if (got == 0) {
            return bytes;
        }
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
        if (bytes.size() > max_picture_bytes) {
            throw Error(Failure::tool, "screenshot of more than 256 MiB");
        }
    }
}

}  // namespace

Picture read_ppm(std::string_view bytes) {
    if (!bytes.starts_with("P6")) {
        throw Error(Failure::tool, "screenshot is not a binary PPM");
    }
    std::size_t at = 2;
    Picture picture;
    picture.width = header_number(bytes, at);
    picture.height = header_number(bytes, at);
    const std::uint32_t maximum = header_number(bytes, at);
    ++at;  // the single blank after the header
    const std::size_t size = std::size_t{picture.width} * picture.height * 3;
    if (maximum != 255 || size == 0 || size > max_picture_bytes || at > bytes.size() ||
        bytes.size() - at < size) {
        throw Error(Failure::tool, fmt::format("screenshot: {}x{} PPM with {} bytes", picture.width,
                                               picture.height, bytes.size()));
    }
    const std::string_view pixels = bytes.substr(at, size);
    picture.rgb.assign(pixels.begin(), pixels.end());
    return picture;
}

std::string png(const Picture& picture) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = picture.width;
    image.height = picture.height;
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = 0;
    std::string bytes;
    const auto fail = [&image] {
        return Error(Failure::tool, fmt::format("cannot write a PNG: {}", image.message));
    };
    if (png_image_write_to_memory(&image, nullptr, &size, 0, picture.rgb.data(), 0, nullptr) == 0) {
        throw fail();
    }
    bytes.resize(size);
    if (png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.rgb.data(), 0, nullptr) == 0) {
        throw fail();
    }
    bytes.resize(size);
    return bytes;
}

void take_screenshot(virDomainPtr domain, const std::filesystem::path& file) {
    const Handle<virStream, &virStreamFree> stream(virStreamNew(virDomainGetConnect(domain), 0));
    if (!stream) {
        throw_last_virt_error("take a screenshot");
    }
    const Handle<char, free> type(virDomainScreenshot(domain, stream.get(), 0, 0));
    if (!type) {
        throw_virt_error(last_virt_error(),
                         [&] { return fmt::format("take a screenshot of '{}'", virDomainGetName(domain)); });
    }
    std::string bytes = read_stream(stream.get());
    virStreamFinish(stream.get());
    if (std::string_view(type.get()) != "image/png") {
        bytes = png(read_ppm(bytes));
    }
    write_file_atomically(file, bytes, 0600);
}

}  // namespace imgforge::virt
