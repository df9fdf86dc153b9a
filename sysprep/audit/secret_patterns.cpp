// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/secret_patterns.hpp"

#include "builder/base/redact.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace imgforge::sysprep::audit {

namespace {

using namespace std::string_view_literals;
using Found = std::optional<Span>;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_base64(char c) {
    return is_alnum(c) || c == '+' || c == '/' || c == '=';
}
bool is_base64url(char c) {
    return is_alnum(c) || c == '-' || c == '_';
}
bool is_crypt(char c) {
    return is_alnum(c) || c == '.' || c == '/';
}
bool is_upper_alnum(char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z');
}

/// How many characters from `at` on satisfy `accepts`, at most `limit`.
template <class Accepts>
std::size_t run_of(std::string_view data, std::size_t at, Accepts accepts, std::size_t limit = look_ahead) {
    std::size_t n = 0;
    while (n < limit && at + n < data.size() && accepts(data[at + n])) {
        ++n;
    }
    return n;
}

bool word_ends_at(std::string_view data, std::size_t at) {
    return at >= data.size() || !is_base64url(data[at]);
}
bool word_starts_at(std::string_view data, std::size_t at) {
    return at == 0 || !is_base64url(data[at - 1]);
}

/// Skips one line end, real or escaped ("\n" inside JSON and YAML); npos when there is none.
std::size_t after_line_end(std::string_view data, std::size_t at) {
    for (const std::string_view end : {"\r\n"sv, "\n"sv, "\\n"sv, "\\r\\n"sv}) {
        if (data.substr(at).starts_with(end)) {
            return at + end.size();
        }
    }
    return std::string_view::npos;
}

/// End of a base64 block that starts at `pos`: over line ends, indentation and comment signs. The first line
/// of an OpenSSH key is the same for all keys of its kind; only the whole block tells one key from another.
std::size_t base64_block_end(std::string_view data, std::size_t pos) {
    const std::size_t limit = pos + look_ahead - 256;
    for (;;) {
        pos += run_of(data, pos, is_base64);
        std::size_t next = after_line_end(data, pos);
        if (next == std::string_view::npos || pos >= limit) {
            return pos;
        }
        next += run_of(
            data, next, [](char c) { return c == ' ' || c == '\t' || c == '#'; }, 40);
        if (run_of(data, next, is_base64) < 4) {
            return pos;
        }
        pos = next;
    }
}

/// "-----BEGIN … PRIVATE KEY-----", line end, optional "Name: value" lines, then at least 40 base64
/// characters.
Found private_key(std::string_view data, std::size_t at) {
    const std::size_t from = at > 40 ? at - 40 : 0;
    const std::size_t begin = data.substr(0, at).rfind("-----BEGIN "sv);
    if (begin == std::string_view::npos || begin < from) {
        return std::nullopt;
    }
    std::size_t pos = at + "PRIVATE KEY"sv.size();
    if (data.substr(pos).starts_with(" BLOCK"sv)) {
        pos += 6;
    }
    if (!data.substr(pos).starts_with("-----"sv)) {
        return std::nullopt;
    }
    pos = after_line_end(data, pos + 5);
    for (int headers = 0; pos != std::string_view::npos && headers < 6; ++headers) {
        pos += run_of(
            data, pos, [](char c) { return c == ' ' || c == '\t'; }, 40);  // indented inside YAML
        const std::size_t body = run_of(data, pos, is_base64);
        if (body >= 40) {
            return Span{begin, base64_block_end(data, pos) - begin};
        }
        const std::size_t line = run_of(
            data, pos, [](char c) { return c >= ' ' && c < 127 && c != '\\'; }, 120);
        pos = after_line_end(data, pos + line);
    }
    return std::nullopt;
}

/// Base64 of "openssh-key-v1\0": a key whose armour is gone.
Found openssh_base64(std::string_view data, std::size_t at) {
    const std::size_t length = run_of(data, at, is_base64);
    return length >= 60 ? Found(Span{at, base64_block_end(data, at) - at}) : std::nullopt;
}

/// PROTOCOL.key: magic with its NUL, then a length-prefixed cipher name. In ssh's own binary the magic stands
/// alone.
Found openssh_binary(std::string_view data, std::size_t at) {
    const std::size_t pos = at + "openssh-key-v1"sv.size();
    if (data.size() < pos + 9 || data.substr(pos, 4) != "\0\0\0\0"sv) {
        return std::nullopt;
    }
    const auto length = static_cast<unsigned char>(data[pos + 4]);
    const bool name =
        length >= 4 && length < 40 && run_of(data, pos + 5, [](char c) {
                                          return is_alnum(c) || c == '-' || c == '@' || c == '.';
                                      }) >= length;
    return name ? Found(Span{at, 64}) : std::nullopt;
}

/// crypt(5): "$id$[parameters$]salt$" and a hash of exactly `hash` characters.
Found crypt_hash(std::string_view data, std::size_t at, std::size_t prefix, std::size_t fields,
                 std::size_t hash) {
    std::size_t pos = at + prefix;
    for (std::size_t field = 0; field < fields; ++field) {
        std::size_t length = run_of(data, pos, is_crypt, 90);
        if (field == 0 && data.substr(pos).starts_with("rounds="sv)) {
            pos += 7 + run_of(data, pos + 7, is_digit, 12) + 1;
            length = run_of(data, pos, is_crypt, 90);
        }
        if (length == 0 || pos + length >= data.size() || data[pos + length] != '$') {
            return std::nullopt;
        }
        pos += length + 1;
    }
    if (run_of(data, pos, is_crypt, hash + 1) != hash) {
        return std::nullopt;
    }
    return Span{at, pos + hash - at};
}

Found bcrypt_hash(std::string_view data, std::size_t at) {
    const bool cost =
        data.size() > at + 7 && is_digit(data[at + 4]) && is_digit(data[at + 5]) && data[at + 6] == '$';
    return cost && run_of(data, at + 7, is_crypt, 54) == 53 ? Found(Span{at, 60}) : std::nullopt;
}

/// `prefix` and then exactly `count` characters of a token.
template <class Accepts>
Found token(std::string_view data, std::size_t at, std::size_t prefix, std::size_t count, Accepts accepts) {
    const bool whole = word_starts_at(data, at) && run_of(data, at + prefix, accepts, count + 1) == count &&
                       word_ends_at(data, at + prefix + count);
    return whole ? Found(Span{at, prefix + count}) : std::nullopt;
}

Found aws_key(std::string_view data, std::size_t at) {
    if (data.substr(at).starts_with("AKIAIOSFODNN7EXAMPLE"sv)) {  // the one every AWS manual prints
        return std::nullopt;
    }
    return token(data, at, 4, 16, is_upper_alnum);
}

Found github_fine_grained(std::string_view data, std::size_t at) {
    return token(data, at, "github_pat_"sv.size(), 82, [](char c) { return is_alnum(c) || c == '_'; });
}

std::string decode_base64url(std::string_view text) {
    std::string out;
    unsigned bits = 0;
    unsigned value = 0;
    for (const char c : text) {
        constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"sv;
        const auto digit = alphabet.find(c);
        value = (value << 6U) | static_cast<unsigned>(digit & 63U);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out.push_back(static_cast<char>((value >> bits) & 0xffU));
        }
    }
    return out;
}

/// RFC 7519: header.payload.signature, the header a JSON object with "alg".
Found json_web_token(std::string_view data, std::size_t at) {
    std::array<std::size_t, 3> lengths{};
    std::size_t pos = at;
    for (std::size_t part = 0; part < 3; ++part) {
        lengths[part] = run_of(data, pos, is_base64url);
        pos += lengths[part];
        if (part < 2 && (pos >= data.size() || data[pos] != '.')) {
            return std::nullopt;
        }
        pos += part < 2 ? 1 : 0;
    }
    const bool shape = word_starts_at(data, at) && lengths[0] >= 16 && lengths[1] >= 10 && lengths[2] >= 20;
    if (!shape || decode_base64url(data.substr(at, lengths[0])).find("\"alg\"") == std::string::npos) {
        return std::nullopt;
    }
    return Span{at, pos - at};
}

std::size_t skip_blanks(std::string_view data, std::size_t pos) {
    return pos + run_of(
                     data, pos, [](char c) { return c == ' ' || c == '\t'; }, 16);
}

/// debconf preseed: "passwd/root-password password VALUE" and "…-crypted password VALUE".
Found preseed_password(std::string_view data, std::size_t at) {
    std::size_t pos = at + run_of(
                               data, at, [](char c) { return is_alnum(c) || c == '/' || c == '-'; }, 60);
    if (skip_blanks(data, pos) == pos) {
        return std::nullopt;
    }
    pos = skip_blanks(data, pos);
    if (!data.substr(pos).starts_with("password"sv)) {
        return std::nullopt;
    }
    const std::size_t value = skip_blanks(data, pos + 8);
    const std::size_t length = run_of(
        data, value, [](char c) { return c > ' ' && c < 127; }, 200);
    return value > pos + 8 && length >= 3 ? Found(Span{at, value + length - at}) : std::nullopt;
}

/// cdebconf questions.dat: "Name: passwd/root-password", some lines, "Value: …".
Found cdebconf_password(std::string_view data, std::size_t at) {
    const std::string_view paragraph = data.substr(at, data.substr(at, 600).find("\n\n"sv));
    const auto value = paragraph.find("\nValue: "sv);
    if (paragraph.substr(0, 60).find("password"sv) == std::string_view::npos ||
        value == std::string_view::npos) {
        return std::nullopt;
    }
    const std::size_t length = run_of(
        paragraph, value + 8, [](char c) { return c > ' ' && c < 127; }, 200);
    return length >= 3 ? Found(Span{at, value + 8 + length}) : std::nullopt;
}

/// kickstart "rootpw [--plaintext|--iscrypted] VALUE" at the start of a line.
Found kickstart_password(std::string_view data, std::size_t at) {
    if (at != 0 && data[at - 1] != '\n' && data[at - 1] != '\0') {
        return std::nullopt;
    }
    std::size_t pos = at + 7;
    while (data.substr(pos).starts_with("--"sv)) {
        const std::size_t option = run_of(
            data, pos, [](char c) { return c > ' ' && c < 127; }, 40);
        if (data.substr(pos, option) == "--lock"sv) {
            return std::nullopt;
        }
        pos = skip_blanks(data, pos + option);
    }
    const std::size_t length = run_of(
        data, pos, [](char c) { return c > ' ' && c < 127; }, 200);
    return length >= 3 ? Found(Span{at, pos + length - at}) : std::nullopt;
}

/// "password=VALUE" / "password: VALUE" in files where installers and their logs keep answers.
Found assigned_password(std::string_view data, std::size_t at) {
    std::size_t pos = at + 8;
    pos += run_of(
        data, pos, [](char c) { return c == '"' || c == '\''; }, 1);
    if (pos >= data.size() || (data[pos] != '=' && data[pos] != ':')) {
        return std::nullopt;
    }
    pos = skip_blanks(data, pos + 1);
    pos += run_of(
        data, pos, [](char c) { return c == '"' || c == '\''; }, 1);
    const std::size_t length = run_of(
        data, pos, [](char c) { return c > ' ' && c < 127 && c != '"' && c != '\'' && c != ','; }, 200);
    const std::string_view value = data.substr(pos, length);
    const bool empty_word = value == "true" || value == "false" || value == "null" || value == "none" ||
                            value.starts_with("****") || value.starts_with("$") || value.starts_with("<") ||
                            value.starts_with("{");
    return length >= 4 && !empty_word ? Found(Span{at, pos + length - at}) : std::nullopt;
}

bool is_installer_file(std::string_view path) {
    constexpr std::array<std::string_view, 12> marks{"/var/log/installer/",
                                                     "/var/log/anaconda/",
                                                     "/var/log/YaST2/",
                                                     "/var/adm/autoinstall/",
                                                     "ks.cfg",
                                                     "preseed",
                                                     "autoinst",
                                                     "autoinstall",
                                                     "/root/answers",
                                                     "user-data",
                                                     "/var/lib/cloud/",
                                                     "/etc/cloud/cloud.cfg.d/99-installer"};
    return std::any_of(marks.begin(), marks.end(),
                       [&](std::string_view mark) { return path.find(mark) != std::string_view::npos; });
}

Pattern simple(std::string rule, std::string label, std::string literal,
               Found (*verify)(std::string_view, std::size_t)) {
    return Pattern{
        .rule = std::move(rule), .label = std::move(label), .literal = std::move(literal), .verify = verify};
}

template <std::size_t Prefix, std::size_t Fields, std::size_t Hash>
Found crypt_of(std::string_view data, std::size_t at) {
    return crypt_hash(data, at, Prefix, Fields, Hash);
}

Found github_token(std::string_view data, std::size_t at) {
    return token(data, at, 4, 36, is_alnum);
}
Found gitlab_token(std::string_view data, std::size_t at) {
    return token(data, at, 6, 20, is_base64url);
}
Found slack_token(std::string_view data, std::size_t at) {
    const std::size_t length = run_of(data, at + 5, is_base64url, 100);
    return word_starts_at(data, at) && length >= 40 && is_digit(data[at + 5]) ? Found(Span{at, 5 + length})
                                                                              : std::nullopt;
}

std::vector<Pattern> make_generic() {
    std::vector<Pattern> all{
        simple("secret:private-key", "private key", "PRIVATE KEY", private_key),
        simple("secret:private-key", "OpenSSH private key (base64)", "b3BlbnNzaC1rZXktdjEA", openssh_base64),
        simple("secret:private-key", "OpenSSH private key (binary)", "openssh-key-v1", openssh_binary),
        // crypt(5): lengths of the hash parts.
        simple("secret:password-hash", "SHA-512 crypt hash", "$6$", crypt_of<3, 1, 86>),
        simple("secret:password-hash", "SHA-256 crypt hash", "$5$", crypt_of<3, 1, 43>),
        simple("secret:password-hash", "yescrypt hash", "$y$", crypt_of<3, 2, 43>),
        simple("secret:password-hash", "gost-yescrypt hash", "$gy$", crypt_of<4, 2, 43>),
        simple("secret:password-hash", "scrypt hash", "$7$", crypt_of<3, 1, 43>),
        simple("secret:password-hash", "MD5 crypt hash", "$1$", crypt_of<3, 1, 22>),
        simple("secret:password-hash", "bcrypt hash", "$2a$", bcrypt_hash),
        simple("secret:password-hash", "bcrypt hash", "$2b$", bcrypt_hash),
        simple("secret:password-hash", "bcrypt hash", "$2y$", bcrypt_hash),
        simple("secret:aws-key", "AWS access key id", "AKIA", aws_key),
        simple("secret:aws-key", "AWS temporary key id", "ASIA", aws_key),
        simple("secret:github-token", "GitHub token", "github_pat_", github_fine_grained),
        simple("secret:gitlab-token", "GitLab token", "glpat-", gitlab_token),
        simple("secret:slack-token", "Slack token", "xoxb-", slack_token),
        simple("secret:slack-token", "Slack token", "xoxp-", slack_token),
        simple("secret:jwt", "JSON web token", "eyJ", json_web_token),
        simple("secret:installer-password", "password answer of a preseed", "passwd/root-password",
               preseed_password),
        simple("secret:installer-password", "password answer of a preseed", "passwd/user-password",
               preseed_password),
        simple("secret:installer-password", "password answer in cdebconf", "Name: passwd/",
               cdebconf_password),
        simple("secret:installer-password", "rootpw of a kickstart", "rootpw ", kickstart_password),
    };
    for (const std::string_view prefix : {"ghp_"sv, "gho_"sv, "ghs_"sv, "ghu_"sv, "ghr_"sv}) {
        all.push_back(simple("secret:github-token", "GitHub token", std::string(prefix), github_token));
    }
    Pattern assigned =
        simple("secret:installer-password", "password in an installer's file", "password", assigned_password);
    assigned.caseless = true;
    assigned.where = is_installer_file;
    all.push_back(std::move(assigned));
    for (const Pattern& pattern : all) {
        never_redact(pattern.rule);  // reports name the rule; it is not the value of a key "secret"
    }
    return all;
}

bool is_word_kind(std::string_view kind) {
    return kind == "hostname" || kind == "ip" || kind == "mac" || kind == "fqdn" || kind == "user" ||
           kind == "instance-id";
}

}  // namespace

const std::vector<Pattern>& generic_patterns() {
    static const std::vector<Pattern> all = make_generic();
    return all;
}

std::vector<Pattern> needle_patterns(const Needles& needles) {
    std::vector<Pattern> out;
    std::set<std::string> seen;
    for (const Needle& needle : needles.items) {
        if (needle.value.empty() || !seen.insert(needle.value).second) {
            continue;
        }
        const std::size_t length = needle.value.size();
        const bool word = is_word_kind(needle.kind);
        const bool address = needle.kind == "ip";
        const auto touches = [address](char c) { return is_alnum(c) || (address && c == '.'); };
        out.push_back({.rule = "needle:" + needle.kind,
                       .label = needle.label,
                       .literal = needle.value,
                       .verify = [length, word, touches](std::string_view data, std::size_t at) -> Found {
                           const std::size_t end = at + length;
                           if (word && ((at > 0 && touches(data[at - 1])) ||
                                        (end < data.size() && touches(data[end])))) {
                               return std::nullopt;
                           }
                           return Span{at, length};
                       }});
    }
    return out;
}

}  // namespace imgforge::sysprep::audit
