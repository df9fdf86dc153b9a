// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/console_log.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include <fmt/format.h>

#include "builder/base/json.hpp"

namespace imgforge::lifecycle {
namespace {

/// Length of the escape sequence at the start of `text` (ECMA-48: CSI, OSC, and two-byte ones); at least 1.
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2) {
        return text.size();
    }
    std::size_t at = 2;
    if (text[1] == '[') {
        while (at < text.size() && (text[at] < 0x40 || text[at] > 0x7e)) {
            ++at;
        }
        return std::min(at + 1, text.size());
    }
    if (text[1] == ']') {
        while (at < text.size() && text[at] != '\a' && text[at] != '\x1b') {
            ++at;
        }
        return std::min(at + 1, text.size());
    }
    return at;
}

/// Drops what is not UTF-8 by letting the JSON writer replace it.
std::string valid_utf8(const std::string& text) {
    return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::ignore)).get<std::string>();
}

std::string read_from(const std::filesystem::path& file, std::uint64_t offset, std::uint64_t limit) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        return {};
    }
    in.seekg(static_cast<std::streamoff>(offset));
    std::string bytes(limit, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(limit));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    return bytes;
}

std::uint64_t size_of(const std::filesystem::path& file) {
    std::error_code missing;
    const auto size = std::filesystem::file_size(file, missing);
    return missing ? 0 : size;
}

}  // namespace

std::string clean_console(std::string_view raw) {
    std::string out;
    std::size_t line_start = 0;
    for (std::size_t i = 0; i < raw.size();) {
        const char c = raw[i];
        if (c == '\x1b') {
            i += escape_length(raw.substr(i));
            continue;
        }
        if (c == '\r' && i + 1 < raw.size() && raw[i + 1] != '\n' && raw[i + 1] != '\r') {
            out.resize(line_start);
        } else if (c == '\n') {
            out += c;
            line_start = out.size();
        } else if (c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)) {
            out += c;
        }
        ++i;
    }
    return valid_utf8(out);
}

std::string console_tail(const std::filesystem::path& log, std::size_t lines, std::uint64_t most) {
    const std::uint64_t size = size_of(log);
    std::string text = clean_console(read_from(log, size > most ? size - most : 0, std::min(size, most)));
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    std::size_t start = text.size();
    for (std::size_t i = 0; i < lines && start != std::string::npos && start != 0; ++i) {
        start = text.rfind('\n', start - 1);
    }
    return start == std::string::npos || start == 0 ? text : text.substr(start + 1);
}

ConsoleFollower::ConsoleFollower(std::filesystem::path log) : log_(std::move(log)), offset_(size_of(log_)) {}

std::string ConsoleFollower::read() {
    const std::uint64_t size = size_of(log_);
    if (size < offset_) {
        offset_ = 0;
    }
    const std::string raw = read_from(log_, offset_, std::min<std::uint64_t>(size - offset_, 1U << 20U));
    offset_ += raw.size();
    return clean_console(raw);
}

ConsoleWatch::ConsoleWatch(std::filesystem::path log, std::uint64_t from)
    : log_(std::move(log)), offset_(from) {}

void ConsoleWatch::look() {
    const std::uint64_t size = size_of(log_);
    if (size < offset_) {
        offset_ = 0;  // rotated
    }
    constexpr std::uint64_t chunk = 1U << 20U;
    while (offset_ < size) {
        const std::string raw = read_from(log_, offset_, std::min(chunk, size - offset_));
        if (raw.empty()) {
            return;
        }
        offset_ += raw.size();
        bytes_ += raw.size();
        partial_ += raw;
        for (std::size_t end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n')) {
            judge(clean_console(partial_.substr(0, end)));
            partial_.erase(0, end + 1);
        }
        // A guest that never ends a line must not fill our memory.
        constexpr std::size_t longest_line = 64U << 10U;
        if (partial_.size() > longest_line) {
            partial_.clear();
        }
    }
}

void ConsoleWatch::judge(const std::string& line) {
    if (line.find_first_not_of(" \t") == std::string::npos) {
        return;
    }
    last_line_ = line;
    // Texts of SeaBIOS, GRUB, the kernel (init/do_mounts.c, kernel/panic.c), initramfs-tools and systemd.
    static constexpr std::array<std::string_view, 7> last_words = {
        "Kernel panic - not syncing", "No bootable device",     "error: no such partition",
        "You are in emergency mode",  "You are in rescue mode", "Gave up waiting for root",
        "end Kernel panic",
    };
    for (const auto word : last_words) {
        if (!fatal_ && line.find(word) != std::string::npos) {
            fatal_ = line;
        }
    }
    // cloud-init's default final_message: "Cloud-init v. $version finished at $timestamp. Datasource …".
    const std::size_t head = line.find("Cloud-init v. ");
    if (head != std::string::npos && line.find(" finished at ", head) != std::string::npos) {
        cloud_init_finished_ = true;
    }
}

std::uint64_t console_size(const std::filesystem::path& log) {
    return size_of(log);
}

bool rotate_log(const std::filesystem::path& log, std::uint64_t limit, int keep) {
    if (size_of(log) <= limit) {
        return false;
    }
    std::error_code ignored;
    for (int i = keep; i > 1; --i) {
        std::filesystem::rename(fmt::format("{}.{}", log.string(), i - 1),
                                fmt::format("{}.{}", log.string(), i), ignored);
    }
    std::filesystem::rename(log, log.string() + ".1", ignored);
    return !ignored;
}

}  // namespace imgforge::lifecycle
