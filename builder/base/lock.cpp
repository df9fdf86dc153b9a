// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/host_name.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/sharing.hpp"

namespace imgforge {

std::optional<FileLock> FileLock::try_acquire(const std::filesystem::path& file, std::string_view purpose,
                                              Mode mode) {
    // Who holds it and what for is nobody's business but the store's.
    const unsigned mode_bits = shared_file_mode(file.parent_path(), 0600);
    Fd fd = open_fd(file, O_RDWR | O_CREAT, mode_bits);
    static_cast<void>(::fchmod(fd.get(), mode_bits));  // past the umask; another member's file has it already
    struct flock range {};
    range.l_type = mode == Mode::exclusive ? F_WRLCK : F_RDLCK;
    range.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_OFD_SETLK, &range) != 0) {
        if (errno == EAGAIN || errno == EACCES) {
            return std::nullopt;
        }
        throw system_error("lock", file.string(), errno);
    }
    if (mode == Mode::exclusive) {
        const std::string text =
            fmt::format("process {} on {}: {}\n", ::getpid(), host_name(), redact(purpose));
        // A courtesy to those who wait: the lock itself needs no room, so a full disk must not make it fail.
        [[maybe_unused]] const ssize_t written =
            ::ftruncate(fd.get(), 0) == 0 ? ::write(fd.get(), text.data(), text.size()) : 0;
    }
    return FileLock(std::move(fd));
}

FileLock FileLock::acquire(const std::filesystem::path& file, std::string_view purpose,
                           std::chrono::milliseconds timeout,
                           const std::function<void(const std::string&)>& on_wait, Mode mode) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    bool reported = false;
    for (;;) {
        if (std::optional<FileLock> lock = try_acquire(file, purpose, mode)) {
            return std::move(*lock);
        }
        const std::string who = holder(file);
        if (std::chrono::steady_clock::now() >= deadline) {
            throw Error(Failure::timeout,
                        fmt::format("{} is still held by {} after {}", file.string(),
                                    who.empty() ? "another process" : who, duration_text(timeout)),
                        "wait for it to end, or look at that process");
        }
        if (!reported && on_wait) {
            on_wait(who);
            reported = true;
        }
        interrupt::sleep(std::chrono::milliseconds(50));
    }
}

std::string FileLock::holder(const std::filesystem::path& file) {
    std::error_code code;
    if (!std::filesystem::exists(file, code)) {
        return {};
    }
    std::string text = read_file(file, 4096);
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

}  // namespace imgforge
