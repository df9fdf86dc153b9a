// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/image/archive_library.hpp"
#include "builder/image/iso_reader.hpp"
#include "seeds/findings.hpp"
#include "seeds/vfat_reader.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::uintmax_t largest_seed = 64U << 20U;
constexpr std::size_t most_files = 4096;

Error too_large(const std::filesystem::path& path) {
    return Error(Failure::recipe,
                 fmt::format("{} is not a seed: it holds more than 64 MiB or 4096 files", path.string()));
}

SeedFiles folder_files(const std::filesystem::path& folder) {
    SeedFiles files;
    std::uintmax_t total = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file() || entry.is_symlink()) {
            continue;
        }
        total += entry.file_size();
        if (total > largest_seed || files.size() >= most_files) {
            throw too_large(folder);
        }
        files[std::filesystem::relative(entry.path(), folder).string()] = read_file(entry.path());
    }
    return files;
}

SeedFiles iso_files(const image::IsoReader& iso) {
    SeedFiles files;
    std::uintmax_t total = 0;
    for (const image::IsoEntry& entry : iso.walk("", most_files)) {
        if (entry.kind != image::IsoEntry::Kind::file) {
            continue;
        }
        total += entry.size;
        if (total > largest_seed) {
            throw too_large(iso.file());
        }
        files[entry.path] = iso.read(entry.path, largest_seed);
    }
    return files;
}

/// How large an image is. A FIFO, a socket or a terminal would hang the reader, so they are refused.
std::uint64_t readable_size(const std::filesystem::path& path) {
    const Fd file = open_fd(path, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        throw system_error("fstat", path.string(), errno);
    }
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        throw Error(Failure::recipe,
                    fmt::format("{} is not a file, a block device or a directory", path.string()),
                    "write the seed into a file first");
    }
    const off_t end = ::lseek(file.get(), 0, SEEK_END);
    return end < 0 ? 0 : static_cast<std::uint64_t>(end);
}

/// POSIX tar: the magic of its first header.
bool is_tar(std::string_view bytes) {
    return bytes.size() >= 512 && bytes.substr(257, 5) == "ustar";
}

SeedFiles tar_files(const std::string& bytes) {
    const Handle<struct archive, &archive_read_free> reader(archive_read_new());
    archive_read_support_format_tar(reader.get());
    if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
        throw Error(Failure::integrity, "the tar archive cannot be read");
    }
    SeedFiles files;
    struct archive_entry* entry = nullptr;
    int state = ARCHIVE_OK;
    while ((state = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
        if (archive_entry_filetype(entry) != AE_IFREG) {
            continue;
        }
        std::string name = archive_entry_pathname(entry);
        name = std::filesystem::path(name).lexically_normal().string();
        if (name.empty() || name.front() == '/' || name.starts_with("..") || files.size() >= most_files) {
            throw Error(Failure::integrity, fmt::format("the tar archive holds '{}'", name));
        }
        std::string& content = files[name];
        content.resize(static_cast<std::size_t>(archive_entry_size(entry)));
        if (archive_read_data(reader.get(), content.data(), content.size()) !=
            static_cast<la_ssize_t>(content.size())) {
            state = ARCHIVE_FATAL;
            break;
        }
    }
    if (state != ARCHIVE_EOF) {
        throw Error(Failure::integrity, "the tar archive is damaged",
                    "make it again with imgforge seed create");
    }
    return files;
}

}  // namespace

FoundSeed read_seed(const std::filesystem::path& path, const Guest& guest) {
    if (std::filesystem::is_directory(path)) {
        return judge_seed(folder_files(path), "", guest);
    }
    const std::uint64_t size = readable_size(path);
    if (size <= 2 * largest_seed) {
        const std::string bytes = read_file(path, 2 * largest_seed);
        if (is_vfat(bytes)) {
            std::string label;
            SeedFiles files = read_vfat(bytes, label);
            return judge_seed(std::move(files), label, guest);
        }
        if (is_tar(bytes)) {
            return judge_seed(tar_files(bytes), "", guest);
        }
    }
    try {
        const image::IsoReader iso(path);
        return judge_seed(iso_files(iso), iso.volume().label, guest);
    } catch (const Error& error) {
        // The reader's own hint is about installer ISOs.
        throw Error(error.kind(), error.message(),
                    "a seed is an ISO 9660, vfat, tar or qcow2 image, or a directory; `imgforge seed create` "
                    "makes one");
    }
}

Json seed_record(const FoundSeed& seed) {
    Json files = Json::array();
    for (const auto& [path, bytes] : seed.files) {
        files.push_back({{"path", path}, {"size", bytes.size()}, {"sha256", sha256_hex(bytes)}});
    }
    return {{"datasource", seed.datasource},
            {"label", seed.label},
            {"files", files},
            {"problems", findings_json(seed.problems)}};
}

}  // namespace imgforge::seeds
