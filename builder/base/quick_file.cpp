// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/quick_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/random.hpp"

namespace imgforge {

void write_file_unflushed(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    constexpr std::size_t random_part = 8;
    const std::filesystem::path temporary =
        path.parent_path() / fmt::format(".{}.{}.tmp", path.filename().string(), random_hex(random_part));
    const Fd file = open_fd(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    try {
        if (::fchmod(file.get(), mode) != 0) {
            throw system_error("set the mode of", temporary.string(), errno);
        }
        write_all(file.get(), bytes, path.string());
        if (::rename(temporary.c_str(), path.c_str()) != 0) {
            throw system_error("rename", temporary.string(), errno);
        }
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
}

}  // namespace imgforge
