// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/keyrings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/strict_yaml.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {

namespace {

constexpr std::string_view block_begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
constexpr std::string_view block_end = "-----END PGP PUBLIC KEY BLOCK-----";

std::map<std::string, KeyringRow> read_rows() {
    const fs::path file = data_path("pipelines/recipes/keyrings.yaml");
    const Json root = load_yaml(file.string()).root;
    std::map<std::string, KeyringRow> rows;
    for (const auto& [name, row] : root.at("keyrings").items()) {
        KeyringRow one{.name = name,
                       .publisher = row.at("publisher"),
                       .fingerprints = row.at("fingerprints"),
                       .files = {},
                       .package = row.at("package"),
                       .source = row.at("source")};
        for (const Json& path : row.at("files")) {
            one.files.emplace_back(path.get<std::string>());
        }
        rows.emplace(name, std::move(one));
    }
    return rows;
}

/// Without the armour headers in front and the checksum ("=abcd") behind.
std::string armoured_data(std::string_view block) {
    std::string data;
    bool in_headers = true;
    while (!block.empty()) {
        const std::size_t end = std::min(block.find('\n'), block.size());
        std::string_view line = block.substr(0, end);
        block.remove_prefix(std::min(end + 1, block.size()));
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
            line.remove_suffix(1);
        }
        if (in_headers && !line.empty() && line.find(": ") != std::string_view::npos) {
            continue;
        }
        in_headers = in_headers && line.empty();
        if (!line.empty() && line.front() != '=') {
            data += line;
        }
    }
    return data;
}

}  // namespace

std::optional<fs::path> KeyringRow::installed() const {
    std::error_code code;
    const auto found = std::find_if(files.begin(), files.end(),
                                    [&](const fs::path& file) { return fs::exists(file, code); });
    return found == files.end() ? std::nullopt : std::optional(*found);
}

const std::map<std::string, KeyringRow>& keyring_rows() {
    static const std::map<std::string, KeyringRow> rows = read_rows();
    return rows;
}

bool is_keyring_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

std::string binary_keyring(std::string_view bytes, const fs::path& file) {
    // A packet of OpenPGP has the highest bit set (RFC 9580 section 4.2); text never does at its start.
    if (!bytes.empty() && (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0) {
        return std::string(bytes);
    }
    std::string keys;
    for (std::size_t at = 0; (at = bytes.find(block_begin, at)) != std::string_view::npos;) {
        at += block_begin.size();
        const std::size_t end = bytes.find(block_end, at);
        const auto decoded = end == std::string_view::npos
                                 ? std::nullopt
                                 : base64_decode(armoured_data(bytes.substr(at, end - at)));
        if (!decoded) {
            keys.clear();
            break;
        }
        keys += *decoded;
    }
    if (keys.empty()) {
        throw Error(Failure::recipe, fmt::format("{} is not an OpenPGP keyring", file.string()),
                    "it must hold public keys, armoured or binary (gpg --export)");
    }
    return keys;
}

}  // namespace imgforge::fetch
