// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/artefacts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/redact_bytes.hpp"
#include "builder/install/console_text.hpp"

namespace imgforge::install {

namespace {

// One line each; $1 stays, the rest of the line (or up to the closing tag) goes.
const std::array<std::regex, 4>& secret_lines() {
    static const std::array<std::regex, 4> patterns{
        // d-i passwd/root-password password VALUE; also crypted and the VNC and network-console ones
        std::regex(R"x(^(\s*\S+\s+\S*(?:password|passphrase|wep|wpa)\S*\s+(?:password|string)\s+).+$)x",
                   std::regex::icase),
        // rootpw --iscrypted VALUE, user --password=VALUE, luks --passphrase=VALUE
        std::regex(R"x(^(\s*rootpw\s+(?:--\S+\s+)*).+$|((?:--password|--passphrase)[= ])\S+)x"),
        // <user_password>VALUE</user_password>
        std::regex(R"x((<[a-z_]*(?:password|passphrase)[^>]*>)[^<]*)x", std::regex::icase),
        // password: VALUE, "hashedPassword": "VALUE"
        std::regex(R"x(("?[A-Za-z_-]*(?:password|passwd|passphrase)"?\s*[:=]\s*).+$)x", std::regex::icase),
    };
    return patterns;
}

std::string masked_by(const std::regex& pattern, const std::string& line) {
    return line.size() < 4096 ? std::regex_replace(line, pattern, "$1$2***") : line;
}

/// What the first pattern that hides something in `line` hides there, without quotes and commas; empty when
/// none does.
std::string hidden_in(const std::string& line) {
    for (const std::regex& pattern : secret_lines()) {
        const std::string masked = masked_by(pattern, line);
        if (masked == line) {
            continue;
        }
        const auto begin = std::mismatch(line.begin(), line.end(), masked.begin(), masked.end()).first;
        const auto end =
            std::mismatch(line.rbegin(), std::make_reverse_iterator(begin), masked.rbegin(), masked.rend())
                .first.base();
        const std::string value(begin, std::max(begin, end));
        const auto first = value.find_first_not_of(" '\"");
        const auto last = value.find_last_not_of(" '\",;}");
        return first == std::string::npos || last < first ? std::string()
                                                          : value.substr(first, last - first + 1);
    }
    return {};
}

}  // namespace

std::string mask_answers(const std::string& text) {
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);) {
        for (const std::regex& pattern : secret_lines()) {
            line = masked_by(pattern, line);
        }
        out += line;
        out += '\n';
    }
    return out;
}

void remember_answer_secrets(const std::string& text) {
    static const std::set<std::string, std::less<>> harmless{"true",    "false",    "locked",
                                                             "crypted", "password", "passphrase"};
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        const std::string value = hidden_in(line);
        if (value.size() >= 6 && harmless.count(value) == 0) {
            remember_secret(value);
        }
    }
}

Artefacts::Artefacts(std::filesystem::path folder) : folder_(std::move(folder)) {
    make_directories(folder_, 0700);
}

void Artefacts::text(const std::string& name, const std::string& text) const {
    write_file_atomically(folder_ / name, redact(mask_answers(text)), 0600);
}

void Artefacts::decode(const std::filesystem::path& log, const std::string& name) const {
    write_file_atomically(folder_ / name, redact(decoded_console(read_file(log, 64U << 20U))), 0600);
}

void Artefacts::mask(const std::filesystem::path& file) const {
    std::error_code code;
    if (!std::filesystem::is_regular_file(file, code)) {
        return;
    }
    const std::string bytes = read_file(file, 256U << 20U);
    const std::string masked = redact_bytes(bytes);
    if (masked != bytes) {
        write_file_atomically(file, masked, 0600);
    }
}

void Artefacts::attempt(const std::string& name, const std::function<void()>& body) const {
    try {
        body();
    } catch (const Error& error) {
        imgforge::log::warn(fmt::format("artefact {}: {}", name, error.message()));
    }
}

}  // namespace imgforge::install
