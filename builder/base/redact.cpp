// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/redact.hpp"
#include "builder/base/redact_bytes.hpp"
#include "builder/base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>
#include <regex>
#include <set>

namespace imgforge {
namespace {

struct ByLength {
    // Longest first, so that a secret that contains another is masked whole.
    bool operator()(const std::string& a, const std::string& b) const {
        return a.size() != b.size() ? a.size() > b.size() : a < b;
    }
};

std::mutex mutex;

std::set<std::string, ByLength>& secrets() {
    static std::set<std::string, ByLength> values;
    return values;
}

std::set<std::string>& terms() {
    static std::set<std::string> values;
    return values;
}

/// Cheap test before the regular expressions, which are slow on long text.
bool may_hold_secret(const std::string& text) {
    if (const auto scheme = text.find("://");
        scheme != std::string::npos && text.find('@', scheme) != std::string::npos) {
        return true;
    }
    static constexpr std::array<std::string_view, 6> marks = {"PRIVATE KEY", "$6$", "$y$",
                                                              "$5$",         "$1$", "$2"};
    if (std::any_of(marks.begin(), marks.end(),
                    [&](std::string_view mark) { return text.find(mark) != std::string::npos; })) {
        return true;
    }
    const std::string lower = lower_case(text);
    static constexpr std::array<std::string_view, 4> words = {"passw", "passphrase", "secret", "token"};
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

/// Puts *** in place of the values of `assigned`, except where key and value together are a term of
/// never_redact().
std::string mask_assigned(const std::string& line, const std::regex& assigned) {
    std::string masked;
    auto rest = line.cbegin();
    for (std::sregex_iterator match(line.begin(), line.end(), assigned), end; match != end; ++match) {
        const std::lock_guard lock(mutex);
        masked.append(rest, (*match)[0].first);
        // "chpasswd: not found" speaks of the program.
        const bool program =
            std::string_view(line).substr(0, static_cast<std::size_t>(match->position())).ends_with("ch");
        masked += program || terms().count(match->str()) != 0 ? match->str() : match->str(1) + "***";
        rest = (*match)[0].second;
    }
    return masked.append(rest, line.cend());
}

/// `password: x`, `passwd=x`, `d-i passwd/root-password password x`, `"token": "x"`.
std::string mask_values(const std::string& line) {
    static const std::regex hash(R"(\$(1|5|6|y|2[aby]?)\$[^\s:'",\\]+)");
    static const std::regex assigned(
        R"RX(((?:pass(?:word|wd|phrase)|secret|token|private[_-]?key)[A-Za-z_/-]*["']?\s*[:=]\s*)("[^"]+"|'[^']+'|[^\s,;}\]"'][^\s,;}\]]*))RX",
        std::regex::icase);
    static const std::regex debconf(R"((pass(?:word|wd)[A-Za-z/_-]*\s+(?:password|string)\s+)([^*!\s].*)$)",
                                    std::regex::icase);
    // The userinfo of a URL (RFC 3986 section 3.2.1); a user name alone ("ssh://root@host") is not a secret.
    static const std::regex userinfo(R"(([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'"@:]*:[^\s/?#'"]*@)");
    // What is piped into chpasswd, or handed to it by a here-string.
    static const std::regex piped(
        R"RX((?:echo|printf)\b(?:[^|;&"\\]|\\.|"[^"|;&]*")*(\|\s*(?:sudo\s+)?[A-Za-z0-9_./-]*chpasswd\b))RX");
    static const std::regex handed(R"RX((chpasswd\b[^<|;&"]*<<<\s*)[^\s"]+)RX");
    std::string masked = std::regex_replace(line, hash, "***");
    if (masked.find("chpasswd") != std::string::npos) {
        masked = std::regex_replace(std::regex_replace(masked, piped, "*** $1"), handed, "$1***");
    }
    masked = std::regex_replace(masked, userinfo, "$1***@");
    masked = mask_assigned(masked, assigned);
    return std::regex_replace(masked, debconf, "$1***");
}

void mask_key_blocks(std::string& text) {
    static constexpr std::string_view begin_mark = "-----BEGIN ";
    static constexpr std::string_view end_mark = "PRIVATE KEY-----";
    for (std::size_t at = 0; (at = text.find(begin_mark, at)) != std::string::npos;) {
        const std::size_t head = text.find(end_mark, at);
        const std::size_t line_end = text.find('\n', at);
        if (head == std::string::npos || (line_end != std::string::npos && head > line_end)) {
            at += begin_mark.size();
            continue;
        }
        const std::size_t tail = text.find(end_mark, head + end_mark.size());
        const std::size_t stop = tail == std::string::npos ? text.size() : tail + end_mark.size();
        text.replace(at, stop - at, "***private key***");
    }
}

}  // namespace

void remember_secret(std::string_view value) {
    if (value.size() >= 4) {
        const std::lock_guard lock(mutex);
        secrets().emplace(value);
    }
}

void never_redact(std::string_view term) {
    const std::lock_guard lock(mutex);
    terms().emplace(term);
}

std::string redact(std::string_view text) {
    std::string result(text);
    {
        const std::lock_guard lock(mutex);
        for (const std::string& secret : secrets()) {
            replace_all(result, secret, "***");
        }
    }
    if (!may_hold_secret(result)) {
        return result;
    }
    mask_key_blocks(result);
    std::string masked;
    std::size_t begin = 0;
    while (begin <= result.size()) {
        const std::size_t end = std::min(result.find('\n', begin), result.size());
        const std::string line = result.substr(begin, end - begin);
        // std::regex recurses per character: a line this long is not text for people.
        masked += line.size() > 4096 ? line : mask_values(line);
        if (end < result.size()) {
            masked += '\n';
        }
        begin = end + 1;
    }
    return masked;
}

std::string redact_bytes(std::string bytes) {
    {
        const std::lock_guard lock(mutex);
        for (const std::string& secret : secrets()) {
            replace_all(bytes, secret, std::string(secret.size(), '*'));
        }
    }
    for (const std::string_view mark : {"$6$", "$y$", "$5$", "$1$", "$2a$", "$2b$", "$2y$"}) {
        for (std::size_t at = 0; (at = bytes.find(mark, at)) != std::string::npos;) {
            std::size_t end = at + mark.size();
            while (end < bytes.size() &&
                   (std::isalnum(static_cast<unsigned char>(bytes[end])) != 0 ||
                    std::string_view("./$=,_-").find(bytes[end]) != std::string_view::npos)) {
                ++end;
            }
            // A shell's "$1$2" is not a hash.
            if (end - at > 20) {
                std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                          bytes.begin() + static_cast<std::ptrdiff_t>(end), '*');
            }
            at = end;
        }
    }
    return bytes;
}

bool is_secret_key(std::string_view key) {
    const std::string lower = lower_case(key);
    static constexpr std::array<std::string_view, 7> words = {
        "password", "passwd", "passphrase", "secret", "token", "private_key", "private-key"};
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace imgforge
