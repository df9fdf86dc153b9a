// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/files.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::store {
namespace {

constexpr std::size_t unpacked_limit = 512U << 20U;
constexpr std::size_t fields = 8;

/// Places whose content says nothing about the image: it differs between two builds of the same packages and
/// files.
constexpr std::array<std::string_view, 18> volatile_trees{"/var/log/",
                                                          "/var/cache/",
                                                          "/var/tmp/",
                                                          "/tmp/",
                                                          "/run/",
                                                          "/var/lib/apt/lists/",
                                                          "/var/lib/dpkg/",
                                                          "/var/lib/systemd/",
                                                          "/var/lib/cloud/",
                                                          "/var/lib/rpm/",
                                                          "/var/lib/dnf/",
                                                          "/var/lib/mlocate/",
                                                          "/var/lib/plocate/",
                                                          "/usr/lib/sysimage/",
                                                          "/var/backups/",
                                                          "/lib/apk/db/",
                                                          "/var/lib/dhcp/",
                                                          "/lost+found/"};
/// Files that carry the time they were made. Their makers are packages, whose versions are compared.
constexpr std::array<std::string_view, 11> volatile_files{
    "/etc/machine-id", "/etc/ld.so.cache",         "/etc/.pwd.lock", "/etc/.updated", "/var/.updated",
    "/etc/mtab",       "/var/lib/dbus/machine-id", "/etc/adjtime",   "/etc/passwd-",  "/etc/shadow-",
    "/etc/group-"};

Json to_row(const FileRecord& file) {
    return Json::array({file.path, std::string(1, file.type), file.mode, file.uid, file.gid, file.size,
                        file.digest, file.target});
}

FileRecord from_row(const Json& row) {
    if (!row.is_array() || row.size() != fields || row[1].get<std::string>().size() != 1) {
        throw Json::other_error::create(501, "a file has not eight fields", &row);
    }
    return {.path = row[0].get<std::string>(),
            .type = row[1].get<std::string>().front(),
            .mode = row[2].get<std::uint32_t>(),
            .uid = row[3].get<std::uint32_t>(),
            .gid = row[4].get<std::uint32_t>(),
            .size = row[5].get<std::uint64_t>(),
            .digest = row[6].get<std::string>(),
            .target = row[7].get<std::string>()};
}

/// The escapes of sha256sum(1): "\\" and "\n" (and "\r" since coreutils 9).
std::string unescaped(std::string_view name) {
    std::string plain;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '\\' && i + 1 < name.size()) {
            ++i;
            plain += name[i] == 'n' ? '\n' : name[i] == 'r' ? '\r' : name[i];
        } else {
            plain += name[i];
        }
    }
    return plain;
}

/// Length of the UTF-8 sequence at `bytes`, 0 when it is none (RFC 3629, without its finer rules on overlong
/// forms).
std::size_t sequence_length(std::string_view bytes) {
    const auto lead = static_cast<unsigned char>(bytes.front());
    const std::size_t length = lead < 0x80                   ? 1U
                               : lead >= 0xc2 && lead < 0xe0 ? 2U
                               : lead >= 0xe0 && lead < 0xf0 ? 3U
                               : lead >= 0xf0 && lead < 0xf5 ? 4U
                                                             : 0U;
    if (length == 0 || length > bytes.size()) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(bytes[i]) & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    return length;
}

/// zlib's streams freed on every way out.
struct Deflate {
    z_stream stream{};
    ~Deflate() { deflateEnd(&stream); }
};
struct Inflate {
    z_stream stream{};
    ~Inflate() { inflateEnd(&stream); }
};

}  // namespace

std::string printable_path(std::string_view bytes) {
    std::string text;
    while (!bytes.empty()) {
        const std::size_t length = sequence_length(bytes);
        const auto first = static_cast<unsigned char>(bytes.front());
        if (length == 0 || first < 0x20 || first == 0x7f) {
            text += fmt::format("\\x{:02x}", first);
            bytes.remove_prefix(1);
        } else {
            text += bytes.substr(0, length);
            bytes.remove_prefix(length);
        }
    }
    return text;
}

bool is_volatile(std::string_view path) {
    const auto below = [&](std::string_view tree) { return path.starts_with(tree); };
    const auto same = [&](std::string_view file) { return path == file; };
    return std::any_of(volatile_trees.begin(), volatile_trees.end(), below) ||
           std::any_of(volatile_files.begin(), volatile_files.end(), same) || path.ends_with(".pyc") ||
           path.starts_with("/boot/initr") || path.starts_with("/boot/initramfs");
}

std::string files_to_text(std::vector<FileRecord> files) {
    std::sort(files.begin(), files.end(),
              [](const FileRecord& a, const FileRecord& b) { return a.path < b.path; });
    std::string text =
        "{\"fields\": [\"path\", \"type\", \"mode\", \"uid\", \"gid\", \"size\", \"sha256\", "
        "\"target\"],\n\"files\": [";
    for (std::size_t i = 0; i < files.size(); ++i) {
        text += i == 0 ? "\n" : ",\n";
        text += to_row(files[i]).dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return text + "\n]}\n";
}

std::vector<FileRecord> files_from_text(std::string_view text, const std::string& source) {
    const Json tree = parse_json(text, source);
    try {
        std::vector<FileRecord> files;
        files.reserve(tree.at("files").size());
        for (const Json& row : tree.at("files")) {
            files.push_back(from_row(row));
        }
        return files;
    } catch (const Json::exception& fault) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", source, fault.what()));
    }
}

std::vector<FileRecord> read_files(const std::filesystem::path& path) {
    const std::string bytes = read_file(path, unpacked_limit);
    return files_from_text(path.extension() == ".gz" ? gunzip(bytes, path.string()) : bytes, path.string());
}

std::vector<FileRecord> parse_checksums(std::string_view text) {
    std::vector<FileRecord> files;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const bool escaped = line.starts_with("\\");
        line.remove_prefix(escaped ? 1 : 0);
        const std::size_t blank = line.find(' ');
        if (blank == std::string_view::npos || blank + 2 >= line.size()) {
            continue;
        }
        std::string name(line.substr(blank + 2));
        name = escaped ? unescaped(name) : name;
        if (name.starts_with("./")) {
            name.erase(0, 1);
        }
        FileRecord file;
        file.path = printable_path(name);
        file.digest = std::string(line.substr(0, blank));
        files.push_back(std::move(file));
    }
    return files;
}

std::string gzip(std::string_view text) {
    Deflate packer;
    // 15 + 16: largest window, gzip header (zlib.h, deflateInit2). No time stamp, so that equal texts give
    // equal files.
    if (deflateInit2(&packer.stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw Error(Failure::tool, "zlib could not start");
    }
    std::string packed(deflateBound(&packer.stream, static_cast<uLong>(text.size())), '\0');
    std::string input(text);
    packer.stream.next_in = reinterpret_cast<Bytef*>(input.data());
    packer.stream.avail_in = static_cast<uInt>(input.size());
    packer.stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    packer.stream.avail_out = static_cast<uInt>(packed.size());
    if (deflate(&packer.stream, Z_FINISH) != Z_STREAM_END) {
        throw Error(Failure::tool, "zlib could not pack a text");
    }
    packed.resize(packer.stream.total_out);
    return packed;
}

std::string gunzip(std::string_view bytes, const std::string& source) {
    Inflate unpacker;
    if (inflateInit2(&unpacker.stream, 15 + 16) != Z_OK) {
        throw Error(Failure::tool, "zlib could not start");
    }
    std::string input(bytes);
    unpacker.stream.next_in = reinterpret_cast<Bytef*>(input.data());
    unpacker.stream.avail_in = static_cast<uInt>(input.size());
    std::string text;
    std::string chunk(1U << 16U, '\0');
    for (;;) {
        unpacker.stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
        unpacker.stream.avail_out = static_cast<uInt>(chunk.size());
        const int state = inflate(&unpacker.stream, Z_NO_FLUSH);
        text.append(chunk.data(), chunk.size() - unpacker.stream.avail_out);
        if (state == Z_STREAM_END) {
            return text;
        }
        if (state != Z_OK || text.size() > unpacked_limit) {
            throw Error(Failure::integrity, fmt::format("{} is damaged: it does not unpack", source),
                        "run `imgforge images verify`");
        }
    }
}

}  // namespace imgforge::store
