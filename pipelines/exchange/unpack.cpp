// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/unpack.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/archive_library.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

constexpr std::array<std::string_view, 5> endings{".xz", ".gz", ".zst", ".zstd", ".bz2"};
constexpr std::size_t read_block = 1U << 20U;
constexpr std::size_t hole_block = 64U << 10U;
/// No disk is larger: more than this is a bomb of a few kilobytes.
constexpr std::uint64_t size_limit = 16ULL << 40U;

using Reader = Handle<archive, &archive_read_free>;

[[noreturn]] void refuse(const fs::path& packed, archive* reader) {
    const char* const words = archive_error_string(reader);
    throw Error(Failure::integrity,
                fmt::format("'{}' cannot be unpacked: {}", packed.string(),
                            words != nullptr ? words : "it is damaged or truncated"),
                "take the file from where it came from again; nothing was imported");
}

void open_packed(archive* reader, const fs::path& packed) {
    archive_read_support_filter_xz(reader);
    archive_read_support_filter_gzip(reader);
    archive_read_support_filter_zstd(reader);
    archive_read_support_filter_bzip2(reader);
    archive_read_support_format_raw(reader);
    archive_entry* entry = nullptr;
    if (archive_read_open_filename(reader, packed.c_str(), read_block) != ARCHIVE_OK ||
        archive_read_next_header(reader, &entry) != ARCHIVE_OK) {
        refuse(packed, reader);
    }
    // Filter 0 is the one nearest to the data; a file without any would be copied as it is.
    if (archive_filter_code(reader, 0) == ARCHIVE_FILTER_NONE) {
        throw Error(Failure::integrity,
                    fmt::format("'{}' is not compressed, although its name says so", packed.string()),
                    "rename it to what it is");
    }
}

/// Writes data in blocks and leaves those out that are all zeros.
class SparseWriter {
public:
    explicit SparseWriter(const fs::path& target)
        : name_(target.string()), fd_(open_fd(target, O_WRONLY | O_CREAT | O_EXCL, 0644)) {}

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::string_view block = bytes.substr(0, hole_block);
            if (block.find_first_not_of('\0') != std::string_view::npos) {
                write_at(block);
            }
            size_ += block.size();
            bytes.remove_prefix(block.size());
        }
        if (size_ > size_limit) {
            throw Error(Failure::integrity, fmt::format("'{}' grows beyond {} bytes", name_, size_limit));
        }
    }
    void finish() {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
            throw system_error("write", name_, errno);
        }
    }

private:
    void write_at(std::string_view block) {
        std::uint64_t at = size_;
        while (!block.empty()) {
            const ssize_t put = ::pwrite(fd_.get(), block.data(), block.size(), static_cast<off_t>(at));
            if (put < 0 && errno != EINTR) {
                throw system_error("write", name_, errno);
            }
            const std::size_t done = put > 0 ? static_cast<std::size_t>(put) : 0;
            block.remove_prefix(done);
            at += done;
        }
    }
    std::string name_;
    Fd fd_;
    std::uint64_t size_ = 0;
};

void copy_unpacked(archive* reader, const fs::path& packed, SparseWriter& writer,
                   const std::function<void(std::uint64_t)>& progress) {
    std::string buffer(read_block, '\0');
    for (;;) {
        interrupt::check();
        const la_ssize_t got = archive_read_data(reader, buffer.data(), buffer.size());
        if (got < 0) {
            refuse(packed, reader);
        }
        if (got == 0) {
            break;
        }
        writer.write(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
        if (progress) {
            progress(static_cast<std::uint64_t>(archive_filter_bytes(reader, -1)));
        }
    }
    writer.finish();
}

}  // namespace

std::string unpacked_name(const std::string& file_name) {
    std::string lower = file_name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const std::string_view ending : endings) {
        if (lower.size() > ending.size() && lower.ends_with(ending)) {
            return file_name.substr(0, file_name.size() - ending.size());
        }
    }
    return file_name;
}

void unpack_file(const fs::path& packed, const fs::path& target,
                 const std::function<void(std::uint64_t)>& progress) {
    const Reader reader(archive_read_new());
    open_packed(reader.get(), packed);
    try {
        SparseWriter writer(target);
        copy_unpacked(reader.get(), packed, writer, progress);
    } catch (...) {
        std::error_code code;
        fs::remove(target, code);
        throw;
    }
}

}  // namespace imgforge::exchange
