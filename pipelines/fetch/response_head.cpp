// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/response_head.hpp"
#include "pipelines/fetch/trimmed.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace imgforge::fetch {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    return code == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// The value when the line is this header.
std::optional<std::string_view> header(std::string_view line, std::string_view name) {
    const bool same = line.size() > name.size() && line[name.size()] == ':' &&
                      ::strncasecmp(line.data(), name.data(), name.size()) == 0;
    return same ? std::optional(trimmed(line.substr(name.size() + 1))) : std::nullopt;
}

}  // namespace

void ResponseHead::add(std::string_view line) {
    const std::size_t so_far = bytes + line.size();
    if (line.starts_with("HTTP/")) {
        const auto space = line.find(' ');
        *this = {};
        status = static_cast<long>(number(trimmed(line.substr(std::min(space, line.size()), 4))).value_or(0));
    } else if (const auto tag = header(line, "ETag"); tag && tag->starts_with('"')) {
        validator = std::string(*tag);
    } else if (const auto date = header(line, "Last-Modified"); date && !validator.starts_with('"')) {
        validator = std::string(*date);
    } else if (const auto stated = header(line, "Content-Length")) {
        length = number(*stated);
    } else if (const auto range = header(line, "Content-Range"); range && range->starts_with("bytes ")) {
        // "bytes 300000-1048575/1048576", the size may be "*"
        const std::string_view text = range->substr(6);
        const auto dash = text.find('-');
        const auto slash = text.find('/');
        start = number(text.substr(0, std::min(dash, text.size())));
        size = slash == std::string_view::npos ? std::nullopt : number(text.substr(slash + 1));
    }
    bytes = so_far;
}

std::string ResponseHead::record() const {
    const auto whole = size ? size : length;
    return whole ? fmt::format("{}\n{}\n", validator, *whole) : validator + "\n";
}

ResponseHead ResponseHead::from_record(std::string_view text) {
    ResponseHead head;
    const auto end = text.find('\n');
    head.validator = std::string(trimmed(text.substr(0, end)));
    if (end != std::string_view::npos) {
        head.size = number(trimmed(text.substr(end + 1)));
    }
    return head;
}

}  // namespace imgforge::fetch
