// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/yaml_bytes.hpp"

#include <fmt/format.h>

namespace imgforge {
namespace {

/// Length of the valid UTF-8 sequence at `at`, 0 if there is none (RFC 3629).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) {
        return static_cast<unsigned char>(i < text.size() ? text[i] : '\0');
    };
    const unsigned char lead = byte(at);
    const std::size_t length = lead < 0x80U                      ? 1U
                               : (lead >= 0xc2U && lead < 0xe0U) ? 2U
                               : (lead & 0xf0U) == 0xe0U         ? 3U
                               : (lead >= 0xf0U && lead < 0xf5U) ? 4U
                                                                 : 0U;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    const bool overlong = (lead == 0xe0U && byte(at + 1) < 0xa0U) || (lead == 0xf0U && byte(at + 1) < 0x90U);
    const bool beyond = (lead == 0xedU && byte(at + 1) >= 0xa0U) || (lead == 0xf4U && byte(at + 1) >= 0x90U);
    return overlong || beyond ? 0U : length;
}

}  // namespace

std::optional<Diagnostic> yaml_bytes_fault(std::string_view text, const std::string& file,
                                           const YamlLimits& limits) {
    if (text.size() > limits.bytes) {
        return Diagnostic{.file = file,
                          .message = fmt::format("{} bytes are too many for this kind of file (limit {})",
                                                 text.size(), limits.bytes)};
    }
    int line = 1;
    std::size_t line_start = 0;
    for (std::size_t i = 0; i < text.size();) {
        const std::size_t length = sequence_length(text, i);
        const auto c = static_cast<unsigned char>(text[i]);
        const bool control = c < 0x20U && c != '\n' && c != '\t' && c != '\r';
        if (length == 0 || control) {
            return Diagnostic{
                .file = file,
                .line = line,
                .column = static_cast<int>(i - line_start) + 1,
                .message = control ? fmt::format("control character 0x{:02x}: this is not a text file", c)
                                   : "not valid UTF-8: this is not a text file"};
        }
        if (c == '\n') {
            ++line;
            line_start = i + 1;
        }
        i += length;
    }
    return std::nullopt;
}

}  // namespace imgforge
