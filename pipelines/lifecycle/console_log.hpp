// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace imgforge::lifecycle {

/// Console bytes as lines for a terminal or an error message: escape sequences, other control characters and
/// invalid UTF-8 are dropped, "\r" overwrites as a terminal would. A guest can write anything to its console.
std::string clean_console(std::string_view raw);

/// The last `lines` lines of a console log, cleaned; at most the last `most` bytes are read. Empty when there
/// is not a file.
std::string console_tail(const std::filesystem::path& log, std::size_t lines,
                         std::uint64_t most = 64U << 10U);

/// Gives what is appended to a log from now on, cleaned.
class ConsoleFollower {
public:
    explicit ConsoleFollower(std::filesystem::path log);
    /// Empty when nothing came. Starts over when the log was rotated.
    std::string read();

private:
    std::filesystem::path log_;
    std::uint64_t offset_;
};

/// Follows a growing log from one moment on and tells what it means.
class ConsoleWatch {
public:
    /// From that byte on: what stands before belongs to an earlier boot.
    explicit ConsoleWatch(std::filesystem::path log, std::uint64_t from = 0);

    /// Reads what came since; cheap when nothing did.
    void look();
    /// The kernel or the init system gave up: the line that says so.
    const std::optional<std::string>& fatal() const { return fatal_; }
    /// cloud-init's final message was seen.
    bool cloud_init_finished() const { return cloud_init_finished_; }
    /// The last non-empty line, for "last seen".
    const std::string& last_line() const { return last_line_; }
    /// Bytes seen so far.
    std::uint64_t bytes() const { return bytes_; }

private:
    void judge(const std::string& line);

    std::filesystem::path log_;
    std::uint64_t offset_ = 0;
    std::uint64_t bytes_ = 0;
    std::string partial_;
    std::string last_line_;
    std::optional<std::string> fatal_;
    bool cloud_init_finished_ = false;
};

/// Its size now; 0 when there is none.
std::uint64_t console_size(const std::filesystem::path& log);

/// Renames a log above `limit` bytes to NAME.1 (and .1 to .2, …, `keep` of them). Only while nobody writes to
/// it: without virtlogd QEMU holds the file open. Returns true when it moved.
bool rotate_log(const std::filesystem::path& log, std::uint64_t limit = 4U << 20U, int keep = 3);

}  // namespace imgforge::lifecycle
