// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/window_cache.hpp"

#include <fcntl.h>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/targets/windows.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

/// A compressed window is hardly larger than a plain one.
constexpr std::uint64_t stored_limit = 2 * window_size;

/// By rename, so that a killed process leaves no half window; no flush, since each is verified when it is
/// read.
void keep(const fs::path& path, const std::string& bytes) {
    make_directories(path.parent_path(), 0700);
    const fs::path temporary = path.string() + ".new-" + random_hex(8);
    {
        const Fd fd = open_fd(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
        write_all(fd.get(), bytes, temporary.string());
    }
    fs::rename(temporary, path);
}

}  // namespace

WindowCache::Found WindowCache::get(const Window& window, FolderReader& reader) const {
    const fs::path path = folder_ / window.sha256;
    std::error_code code;
    if (fs::exists(path, code)) {
        try {
            std::string bytes = uncompressed(read_file(path, stored_limit), window.sha256);
            if (sha256_hex(bytes) == window.sha256) {
                return {.bytes = std::move(bytes), .fetched = 0};
            }
        } catch (const Error&) {
            // Cut off by a power failure: fetched again below.
        }
        fs::remove(path, code);
    }
    const ReadAnswer answer = reader.read(window_path(window.sha256), stored_limit);
    const std::string source = fmt::format("{}/{}", redact(reader.location()), window_path(window.sha256));
    if (answer.outcome != ReadAnswer::Outcome::found) {
        throw Error(Failure::integrity, fmt::format("{} is missing", source), "push the generation again");
    }
    std::string bytes = uncompressed(answer.bytes, source);
    if (sha256_hex(bytes) != window.sha256) {
        throw Error(Failure::integrity, fmt::format("{} has another digest than its name", source),
                    "it was changed or damaged; nothing was published");
    }
    keep(path, answer.bytes);
    return {.bytes = std::move(bytes), .fetched = answer.bytes.size()};
}

void WindowCache::forget(const std::vector<Window>& windows) const {
    std::error_code code;
    for (const Window& window : windows) {
        fs::remove(folder_ / window.sha256, code);
    }
}

}  // namespace imgforge::targets
