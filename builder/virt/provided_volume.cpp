// SPDX-License-Identifier: GPL-3.0-or-later
// A file as a volume that counts only when it came whole.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/virt/storage_pool.hpp"

namespace imgforge::virt {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t piece_size = 1U << 20U;
constexpr int pieces_between = 14;  // and the first and the last one

/// "qemu:///system", "qemu+unix:///system?socket=…": the daemon's files are files of this host.
bool of_this_host(const std::string& uri) {
    return uri.find(":///") != std::string::npos;
}

std::string digest_of_piece(const fs::path& file, std::uint64_t offset, std::uint64_t length) {
    const Fd fd = open_fd(file, O_RDONLY);
    std::string bytes(length, '\0');
    const ssize_t got = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0) {
        throw system_error("read", file.string(), errno);
    }
    bytes.resize(static_cast<std::size_t>(got));
    return sha256_hex(bytes);
}

/// Where to look: both ends, and places that nobody knows in advance.
std::vector<std::uint64_t> sample_offsets(std::uint64_t size) {
    const std::uint64_t last = size > piece_size ? size - piece_size : 0;
    std::vector<std::uint64_t> offsets = {0, last};
    std::random_device random;
    std::uniform_int_distribution<std::uint64_t> anywhere(0, last);
    for (int i = 0; i < pieces_between; ++i) {
        offsets.push_back(anywhere(random));
    }
    std::sort(offsets.begin(), offsets.end());
    offsets.erase(std::unique(offsets.begin(), offsets.end()), offsets.end());
    return offsets;
}

[[noreturn]] void refuse_copy(const StoragePool& pool, const fs::path& file) {
    throw Error(Failure::integrity,
                fmt::format("the copy of {} in pool '{}' of {} differs from the original", file.string(),
                            pool.name(), pool.connection().uri()),
                "it was removed again; look at that host's disk and push once more");
}

VolumeCheck compare(const StoragePool& pool, const std::string& volume, const fs::path& there,
                    const fs::path& file, std::uint64_t size) {
    std::error_code code;
    if (of_this_host(pool.connection().uri()) && ::access(there.c_str(), R_OK) == 0 &&
        fs::file_size(there, code) == size) {
        if (sha256_file(there) != sha256_file(file)) {
            refuse_copy(pool, file);
        }
        return VolumeCheck::digest;
    }
    for (const std::uint64_t offset : sample_offsets(size)) {
        const std::uint64_t length = std::min(piece_size, size - offset);
        if (pool.digest(volume, offset, length) != digest_of_piece(file, offset, length)) {
            refuse_copy(pool, file);
        }
    }
    return VolumeCheck::samples;
}

}  // namespace

std::string_view to_string(VolumeCheck check) {
    switch (check) {
        case VolumeCheck::existed: return "existed";
        case VolumeCheck::digest: return "digest";
        case VolumeCheck::samples: return "samples";
    }
    return "";
}

std::string verified_mark(const std::string& volume) {
    return volume + ".verified";
}

void remove_provided(const StoragePool& pool, const std::string& volume) {
    pool.remove(verified_mark(volume));
    pool.remove(volume);
}

ProvidedVolume provide_volume(const StoragePool& pool, const std::string& volume,
                              const std::function<fs::path()>& file_to_send,
                              const TransferProgress& progress) {
    if (const auto there = pool.find(volume); there && pool.find(verified_mark(volume))) {
        return {.path = there->path};
    }
    remove_provided(pool, volume);
    const fs::path file = file_to_send();
    const std::uint64_t size = fs::file_size(file);
    ProvidedVolume provided{.path = pool.create({.name = volume, .capacity = size}), .bytes = size};
    try {
        pool.upload(volume, file, progress);
        provided.check = compare(pool, volume, provided.path, file, size);
    } catch (...) {
        try {
            pool.remove(volume);
        } catch (const Error&) {
            // The first error counts. Without its mark the volume is made anew by the next call.
        }
        throw;
    }
    static_cast<void>(pool.create({.name = verified_mark(volume)}));
    return provided;
}

}  // namespace imgforge::virt
