// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/mime_parts.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "builder/base/base64.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::size_t most_parts = 64;
constexpr int most_levels = 8;

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::string_view stripped(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

/// Takes one line with its end off the front.
std::string_view take_line(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end == std::string_view::npos ? rest.size() : end + 1);
    rest.remove_prefix(line.size());
    return line;
}

/// "Name: value", a folded line, or the empty line (email/feedparser.py headerRE).
bool is_header_line(std::string_view line) {
    const std::size_t colon = line.find(':');
    const bool named = colon != std::string_view::npos && colon > 0 &&
                       line.substr(0, colon).find_first_of(" \t") == std::string_view::npos;
    return stripped(line).empty() || named || line.front() == ' ' || line.front() == '\t';
}

using Headers = std::map<std::string, std::string>;

/// Header lines up to the empty line, folded ones joined (RFC 5322 section 2.2.3).
Headers take_headers(std::string_view& rest, int& line_number) {
    Headers headers;
    std::string last;
    while (!rest.empty()) {
        std::string_view ahead = rest;
        const std::string_view line = take_line(ahead);
        if (!is_header_line(line)) {
            break;  // email/feedparser.py: the headers end here, the line belongs to the body
        }
        rest = ahead;
        ++line_number;
        const std::size_t colon = line.find(':');
        if (stripped(line).empty()) {
            break;
        }
        if ((line.front() == ' ' || line.front() == '\t') && !last.empty()) {
            headers[last] += " " + std::string(stripped(line));
        } else if (colon != std::string_view::npos) {
            last = lower(stripped(line.substr(0, colon)));
            headers[last] = std::string(stripped(line.substr(colon + 1)));
        }
    }
    return headers;
}

/// `name=value` or `name="value"` among the parameters of a header.
std::string parameter(const std::string& header, const std::string& name) {
    const std::string small = lower(header);
    for (std::size_t at = small.find(';'); at != std::string::npos; at = small.find(';', at + 1)) {
        const std::size_t begin = small.find_first_not_of(" \t", at + 1);
        if (begin == std::string::npos || small.compare(begin, name.size() + 1, name + "=") != 0) {
            continue;
        }
        const std::string_view value = std::string_view(header).substr(begin + name.size() + 1);
        if (!value.empty() && value.front() == '"') {
            return std::string(value.substr(1, value.find('"', 1) - 1));
        }
        return std::string(stripped(value.substr(0, value.find(';'))));
    }
    return {};
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

std::string quoted_printable(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            out.push_back(text[i]);
        } else if (i + 1 < text.size() && (text[i + 1] == '\n' || text[i + 1] == '\r')) {
            i += text[i + 1] == '\r' ? 2U : 1U;
        } else if (i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            out.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
            i += 2;
        } else {
            out.push_back('=');
        }
    }
    return out;
}

MimePart leaf(const Headers& headers, std::string_view body, int first_line) {
    const auto header = [&](const char* name) {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    };
    const std::string type = header("content-type");
    MimePart part{.type = lower(stripped(type.substr(0, type.find(';')))),
                  .bytes = std::string(body),
                  .first_line = first_line};
    part.name = parameter(header("content-disposition"), "filename");
    if (part.name.empty()) {
        part.name = parameter(type, "name");
    }
    part.merge_type = header("merge-type").empty() ? header("x-merge-type") : header("merge-type");
    const std::string encoding = lower(header("content-transfer-encoding"));
    part.as_written = encoding != "base64" && encoding != "quoted-printable";
    if (encoding == "quoted-printable") {
        part.bytes = quoted_printable(body);
    } else if (encoding == "base64") {
        std::string one_line(body);
        one_line.erase(std::remove_if(one_line.begin(), one_line.end(),
                                      [](unsigned char c) { return std::isspace(c) != 0; }),
                       one_line.end());
        const auto decoded = base64_decode(one_line);
        part.damaged = !decoded;
        part.bytes = decoded.value_or(part.bytes);
    }
    return part;
}

void collect(std::string_view message, int line_number, int level, std::vector<MimePart>& parts) {
    const Headers headers = take_headers(message, line_number);
    const auto type = headers.find("content-type");
    const bool nested =
        type != headers.end() && lower(type->second).rfind("multipart/", 0) == 0 && level < most_levels;
    const std::string boundary = nested ? parameter(type->second, "boundary") : std::string();
    if (boundary.empty()) {
        parts.push_back(leaf(headers, message, line_number));
        return;
    }
    std::optional<std::string_view> content;  // nothing before the first delimiter
    int content_line = 0;
    while (!message.empty() && parts.size() < most_parts) {
        const char* const begin = message.data();
        const std::string_view line = take_line(message);
        ++line_number;
        const std::string_view word = stripped(line);
        const bool closes = word == "--" + boundary + "--";
        if (!closes && word != "--" + boundary) {
            continue;
        }
        if (content) {
            // The line end before a delimiter belongs to the delimiter.
            std::string_view inner(content->data(), static_cast<std::size_t>(begin - content->data()));
            inner.remove_suffix(!inner.empty() && inner.back() == '\n' ? 1 : 0);
            collect(inner, content_line, level + 1, parts);
        }
        content = message;
        content_line = line_number;
        if (closes) {
            return;
        }
    }
    if (content && parts.size() < most_parts) {
        collect(*content, content_line, level + 1,
                parts);  // the closing delimiter is missing: Python's reader takes it all the same
    }
}

}  // namespace

std::vector<MimePart> mime_parts(std::string_view message) {
    std::vector<MimePart> parts;
    collect(message, 1, 0, parts);
    return parts;
}

}  // namespace imgforge::seeds
