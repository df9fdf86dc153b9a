// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/save_image.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge::virt {
namespace {

constexpr std::string_view magic = "LibvirtQemudSave";
constexpr std::size_t header_size = 92;
constexpr std::uint32_t known_version = 2;
/// The XML of a domain is some kilobytes. What claims more is damaged or hostile.
constexpr std::uint32_t longest_data = 16U << 20U;
constexpr std::size_t after_magic = 16;

std::uint32_t word(std::string_view bytes, std::size_t index) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + after_magic + index * sizeof value, sizeof value);
    return value;
}

void put_word(std::string& bytes, std::uint32_t value) {
    std::array<char, sizeof value> raw{};
    std::memcpy(raw.data(), &value, sizeof value);
    bytes.append(raw.data(), raw.size());
}

[[noreturn]] void refuse(const std::string& why) {
    throw Error(Failure::integrity, "no memory image of libvirt that can be used: " + why);
}

std::string_view up_to_nul(std::string_view bytes) {
    return bytes.substr(0, bytes.find('\0'));
}

std::string read_start(int fd, std::size_t count, const std::string& name) {
    std::string bytes(count, '\0');
    std::size_t done = 0;
    while (done < count) {
        const ssize_t got = pread(fd, bytes.data() + done, count - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw system_error("read", name, errno);
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
}

/// Everything of `from` after its head, to `at` in `to`; in the kernel.
void copy_stream(int from, std::uint64_t start, int to, std::uint64_t at, const std::string& name) {
    struct stat info {};
    if (fstat(from, &info) != 0) {
        throw system_error("stat", name, errno);
    }
    auto in = static_cast<off64_t>(start);
    auto out = static_cast<off64_t>(at);
    constexpr std::size_t piece = 64U << 20U;
    while (in < info.st_size) {
        interrupt::check();
        const ssize_t done = copy_file_range(from, &in, to, &out, piece, 0);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            throw system_error("copy", name, done < 0 ? errno : EIO);
        }
    }
}

}  // namespace

SaveImageHead read_save_image_head(std::string_view bytes) {
    if (bytes.size() < header_size) {
        refuse(fmt::format("it ends after {} bytes", bytes.size()));
    }
    if (bytes.substr(0, magic.size()) != magic) {
        refuse("it does not begin with LibvirtQemudSave (a save that was cut off begins otherwise)");
    }
    const std::uint32_t version = word(bytes, 0);
    if (version != known_version) {
        refuse(fmt::format("its format has version {}, known is {}", version, known_version));
    }
    const std::uint32_t length = word(bytes, 1);
    const std::uint32_t cookie_at = word(bytes, 4);
    if (length > longest_data || header_size + length > bytes.size()) {
        refuse(fmt::format("its XML of {} bytes goes beyond it", length));
    }
    if (cookie_at > length) {
        refuse(fmt::format("its cookie begins at {} of {} bytes", cookie_at, length));
    }
    const std::string_view data = bytes.substr(header_size, length);
    const std::string_view xml_part = data.substr(0, cookie_at == 0 ? length : cookie_at);
    if (xml_part.find('\0') == std::string_view::npos || xml_part.front() == '\0') {
        refuse("its XML does not end or is empty");
    }
    SaveImageHead head;
    head.xml = up_to_nul(xml_part);
    head.cookie = cookie_at == 0 ? "" : std::string(up_to_nul(data.substr(cookie_at)));
    head.was_running = word(bytes, 2) != 0;
    head.compression = word(bytes, 3);
    head.stream_offset = header_size + length;
    return head;
}

std::string save_image_head_bytes(const SaveImageHead& head) {
    const std::size_t needed =
        header_size + head.xml.size() + 1 + (head.cookie.empty() ? 0 : head.cookie.size() + 1);
    if (needed > head.stream_offset || head.stream_offset - header_size > longest_data) {
        throw Error(
            Failure::tool,
            fmt::format("XML and cookie of {} bytes do not fit before a memory image that begins at {}",
                        needed, head.stream_offset));
    }
    std::string bytes(magic);
    put_word(bytes, known_version);
    put_word(bytes, static_cast<std::uint32_t>(head.stream_offset - header_size));
    put_word(bytes, head.was_running ? 1 : 0);
    put_word(bytes, head.compression);
    put_word(bytes, head.cookie.empty() ? 0 : static_cast<std::uint32_t>(head.xml.size() + 1));
    bytes.resize(header_size, '\0');
    bytes += head.xml;
    bytes += '\0';
    bytes += head.cookie;
    bytes.resize(head.stream_offset, '\0');
    return bytes;
}

SaveImageHead read_save_image_head_of(const std::filesystem::path& file) {
    const Fd fd = open_fd(file, O_RDONLY);
    return in_context(
        [&] { return file.string(); },
        [&] {
            const std::string header = read_start(fd.get(), header_size, file.string());
            // The length is judged by read_save_image_head(); here only so much that it can be read.
            const std::size_t length =
                header.size() == header_size ? std::min(word(header, 1), longest_data) : 0;
            return read_save_image_head(read_start(fd.get(), header_size + length, file.string()));
        });
}

void copy_save_image(const std::filesystem::path& from, const std::filesystem::path& to,
                     const SaveImageHead& head) {
    const std::uint64_t start = read_save_image_head_of(from).stream_offset;
    const std::string bytes = save_image_head_bytes(head);
    const Fd source = open_fd(from, O_RDONLY);
    const Fd copy = open_fd(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const bool reflinked = start == head.stream_offset && ioctl(copy.get(), FICLONE, source.get()) == 0;
    if (!reflinked) {
        copy_stream(source.get(), start, copy.get(), head.stream_offset, to.string());
    }
    if (lseek(copy.get(), 0, SEEK_SET) != 0) {
        throw system_error("write", to.string(), errno);
    }
    write_all(copy.get(), bytes, to.string());
}

}  // namespace imgforge::virt
