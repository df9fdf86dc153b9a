// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/checksum_file.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/fetch/trimmed.hpp"

namespace imgforge::fetch {
namespace {

constexpr std::size_t sha256_digits = 64;
constexpr std::size_t sha512_digits = 128;

std::optional<Checksum> digest(std::string_view hex, std::string_view name) {
    const bool digits =
        std::all_of(hex.begin(), hex.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
    if (!digits || (hex.size() != sha256_digits && hex.size() != sha512_digits)) {
        return std::nullopt;
    }
    Checksum sum{
        .algorithm = hex.size() == sha256_digits ? Hasher::Algorithm::sha256 : Hasher::Algorithm::sha512,
        .hex = std::string(hex)};
    std::transform(sum.hex.begin(), sum.hex.end(), sum.hex.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t slash = name.rfind('/');
    sum.name = std::string(slash == std::string_view::npos ? name : name.substr(slash + 1));
    return sum;
}

/// "SHA256 (name) = HEX"
std::optional<Checksum> bsd_line(std::string_view line) {
    const std::size_t open = line.find('(');
    const std::size_t close = line.rfind(") =");
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        !line.starts_with("SHA")) {
        return std::nullopt;
    }
    return digest(trimmed(line.substr(close + 3)), line.substr(open + 1, close - open - 1));
}

/// "HEX  name", "HEX *name" (binary mode), or HEX alone
std::optional<Checksum> gnu_line(std::string_view line) {
    const std::size_t space = line.find_first_of(" \t");
    if (space == std::string_view::npos) {
        return digest(line, {});
    }
    std::string_view name = trimmed(line.substr(space));
    if (name.starts_with('*')) {
        name.remove_prefix(1);
    }
    return digest(line.substr(0, space), name);
}

}  // namespace

std::vector<Checksum> parse_checksums(std::string_view text) {
    std::vector<Checksum> list;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with("-----BEGIN PGP SIGNATURE")) {
            break;  // base64 from here on
        }
        if (line.starts_with("- ")) {
            line.remove_prefix(2);  // dash-escaped in clear-signed text (RFC 4880 section 7.1)
        }
        std::optional<Checksum> sum = bsd_line(line);
        sum = sum ? sum : gnu_line(line);
        if (sum) {
            list.push_back(std::move(*sum));
        }
    }
    return list;
}

Checksum checksum_for(const std::vector<Checksum>& list, const std::string& name, std::string_view source) {
    const Checksum* best = nullptr;
    std::vector<std::string> names;
    for (const Checksum& one : list) {
        names.push_back(one.name);
        if (one.name != name && !(one.name.empty() && list.size() == 1)) {
            continue;
        }
        if (best != nullptr && best->algorithm == one.algorithm && best->hex != one.hex) {
            throw Error(Failure::integrity,
                        fmt::format("{} lists {} with two different digests", source, name));
        }
        if (best == nullptr || one.algorithm == Hasher::Algorithm::sha512) {
            best = &one;
        }
    }
    if (best == nullptr) {
        throw Error(Failure::integrity,
                    fmt::format("{} does not list {}{}", source, name, did_you_mean(name, names)),
                    "check that the checksums file belongs to this ISO");
    }
    return *best;
}

}  // namespace imgforge::fetch
