// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/ssh_keys.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/diagnostics.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

// sshd(8) "AUTHORIZED_KEYS FILE FORMAT"; ssh-dss is left out: no current OpenSSH accepts it.
constexpr std::array<std::string_view, 7> key_types{
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
};

bool is_type(std::string_view word) {
    return std::find(key_types.begin(), key_types.end(), word) != key_types.end();
}

/// Options may come first and may hold blanks inside quotes.
std::string_view skip_options(std::string_view line) {
    bool quoted = false;
    for (std::size_t at = 0; at < line.size(); ++at) {
        quoted ^= line[at] == '"' && (at == 0 || line[at - 1] != '\\');
        if (line[at] == ' ' && !quoted) {
            return trimmed(line.substr(at));
        }
    }
    return {};
}

std::string_view first_word(std::string_view line) {
    return line.substr(0, line.find_first_of(" \t"));
}

}  // namespace

std::optional<std::string> public_key_fault(std::string_view line) {
    if (line.find("PRIVATE KEY") != std::string_view::npos || line.substr(0, 4) == "PuTT") {
        return "this is a private key; give the public half (the .pub file)";
    }
    if (line.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos) {
        return "a key is one line";
    }
    line = trimmed(line);
    if (first_word(line) == "ssh-dss") {
        return "DSA keys are not accepted by OpenSSH any more; make one with ssh-keygen -t ed25519";
    }
    if (!is_type(first_word(line))) {
        line = skip_options(line);
    }
    const std::string_view type = first_word(line);
    if (!is_type(type)) {
        return "it does not begin with a key type such as ssh-ed25519";
    }
    const std::string_view body = first_word(trimmed(line.substr(type.size())));
    const std::optional<std::string> blob = base64_decode(body);
    if (body.empty() || !blob) {
        return "the key after its type is not whole base64; was it cut or wrapped?";
    }
    // RFC 4253 section 6.6: the blob begins with the length and the name of the type.
    if (blob->size() < 4 + type.size() + 4 || blob->compare(4, type.size(), type) != 0 ||
        static_cast<unsigned char>((*blob)[3]) != type.size()) {
        return fmt::format("the key data is not of type {}", type);
    }
    return std::nullopt;
}

std::vector<std::string> public_keys_of(std::string_view text, const std::string& name,
                                        Diagnostics& warnings) {
    std::vector<std::string> keys;
    Diagnostics faults;
    int number = 0;
    for (const std::string_view raw : lines_of(text)) {
        ++number;
        const std::string_view line = trimmed(raw);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (const auto fault = public_key_fault(line)) {
            faults.add({.file = name, .line = number, .message = *fault});
            if (line.find("PRIVATE KEY") != std::string_view::npos) {
                break;  // the lines that follow a private key's first one say nothing new
            }
            continue;
        }
        keys.emplace_back(line);
    }
    if (keys.empty() && faults.empty()) {
        faults.add({.file = name, .message = "this file holds no public key"});
    }
    if (keys.empty()) {
        faults.throw_if_errors();
    }
    for (Diagnostic fault : faults.list()) {
        fault.severity = Diagnostic::Severity::warning;
        fault.message = "this line is left out: " + fault.message;
        warnings.add(std::move(fault));
    }
    return keys;
}

std::vector<std::string> read_public_keys(const std::filesystem::path& file) {
    Diagnostics warnings;
    std::vector<std::string> keys = public_keys_of(read_file(file, 1U << 20U), file.string(), warnings);
    for (Diagnostic fault : warnings.list()) {
        fault.severity = Diagnostic::Severity::error;
        Diagnostics one;
        one.add(std::move(fault));
        one.throw_if_errors();
    }
    return keys;
}

}  // namespace imgforge::seeds
