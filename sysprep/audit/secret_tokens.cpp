// SPDX-License-Identifier: GPL-3.0-or-later
#include <zlib.h>

#include <array>
#include <cmath>

#include "sysprep/audit/secret_prefixes.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// `prefix` and then exactly `count` characters of a token.
template <class Accepts>
Found token(std::string_view data, std::size_t at, std::size_t prefix, std::size_t count, Accepts accepts) {
    const bool whole = word_starts_at(data, at) && run_of(data, at + prefix, accepts, count + 1) == count &&
                       word_ends_at(data, at + prefix + count);
    return whole ? Found(Span{at, prefix + count}) : std::nullopt;
}

Found aws_key(std::string_view data, std::size_t at) {
    if (data.substr(at, 20).ends_with("EXAMPLE"sv)) {  // as the manuals of AWS print them
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

/// Floor of random text; manuals print "xxxx", "1234" and "your-token-here".
bool is_random(std::string_view text) {
    return entropy(text) >= (text.size() < 24 ? 2.8 : 3.1);
}

Found prefixed(const TokenPrefix& kind, std::string_view data, std::size_t at) {
    const std::size_t start = at + std::string_view(kind.prefix).size();
    const std::size_t length = run_of(data, start, kind.accepts, kind.most + 1);
    const bool whole = word_starts_at(data, at) && length >= kind.least && length <= kind.most &&
                       word_ends_at(data, start + length) && is_random(data.substr(start, length));
    return whole ? Found(Span{at, start + length - at}) : std::nullopt;
}

/// The last six characters of GitHub's tokens are the CRC-32 of what stands before them after the prefix, in
/// base 62 (github.blog "Behind GitHub's new authentication token formats").
bool has_github_checksum(std::string_view body) {
    constexpr std::size_t digits = 6;
    constexpr auto alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"sv;
    const std::string_view random = body.substr(0, body.size() - digits);
    unsigned long value =
        crc32(0, reinterpret_cast<const Bytef*>(random.data()), static_cast<uInt>(random.size()));
    std::string expected(digits, '0');
    for (std::size_t index = digits; index-- > 0; value /= alphabet.size()) {
        expected[index] = alphabet[value % alphabet.size()];
    }
    return body.ends_with(expected);
}

constexpr std::size_t github_length = 36;

Found github_token(std::string_view data, std::size_t at) {
    const Found found = token(data, at, 4, github_length, is_alnum);
    return found && has_github_checksum(data.substr(at + 4, github_length)) ? found : std::nullopt;
}

/// Where this machine's settings lie a token with a wrong checksum was mistyped, or altered by hand: it tells
/// enough.
Found github_token_of_site(std::string_view data, std::size_t at) {
    const Found found = token(data, at, 4, github_length, is_alnum);
    return found && is_random(data.substr(at + 4, github_length)) &&
                   !has_github_checksum(data.substr(at + 4, github_length))
               ? found
               : std::nullopt;
}

Found slack_token(std::string_view data, std::size_t at) {
    const std::size_t length = run_of(data, at + 5, is_base64url, 255);
    return word_starts_at(data, at) && length >= 24 && is_digit(data[at + 5]) &&
                   is_random(data.substr(at + 5, length))
               ? Found(Span{at, 5 + length})
               : std::nullopt;
}

/// K10, the digest of the cluster's authority, "::" and who joins with it (k3s docs, "Token").
Found k3s_token(std::string_view data, std::size_t at) {
    const bool digest = run_of(data, at + 3, is_hex, 65) == 64 && data.substr(at + 67, 2) == "::"sv;
    const std::size_t rest = digest ? run_of(
                                          data, at + 69, [](char c) { return c > ' ' && c < 127; }, 200)
                                    : 0;
    return rest >= 8 ? Found(Span{at, 69 + rest}) : std::nullopt;
}

Found after_separator(std::string_view data, std::size_t at, std::size_t key, std::size_t least,
                      std::size_t most) {
    std::size_t pos = at + key;
    pos += run_of(
        data, pos, [](char c) { return c == '"' || c == '\'' || c == ' ' || c == '\t'; }, 8);
    if (pos >= data.size() || (data[pos] != '=' && data[pos] != ':')) {
        return std::nullopt;
    }
    ++pos;
    pos += run_of(
        data, pos, [](char c) { return c == '"' || c == '\'' || c == ' ' || c == '\t'; }, 8);
    const std::size_t length = run_of(data, pos, is_base64, most + 1);
    return length >= least && length <= most && is_random(data.substr(pos, length)) &&
                   data.substr(pos, length).find("EXAMPLE"sv) == std::string_view::npos
               ? Found(Span{at, pos + length - at})
               : std::nullopt;
}

Found aws_secret(std::string_view data, std::size_t at) {
    return after_separator(data, at, "aws_secret_access_key"sv.size(), 40, 40);
}
Found azure_key(std::string_view data, std::size_t at) {
    return after_separator(data, at, "AccountKey"sv.size(), 86, 88);
}
Found azure_shared_key(std::string_view data, std::size_t at) {
    return after_separator(data, at, "SharedAccessKey"sv.size(), 43, 88);
}
Found wireguard_key(std::string_view data, std::size_t at) {
    return after_separator(data, at, "PrivateKey"sv.size(), 44, 44);
}

/// Terraform Cloud: 14 characters, ".atlasv1.", 60 to 70 more.
Found terraform_token(std::string_view data, std::size_t at) {
    constexpr std::size_t head = 14;
    const bool before =
        at >= head && run_of(data, at - head, is_alnum, head) == head && word_starts_at(data, at - head);
    const std::size_t body = run_of(data, at + ".atlasv1."sv.size(), is_base64url, 80);
    return before && body >= 60 && body <= 70 ? Found(Span{at - head, head + 9 + body}) : std::nullopt;
}

/// Entra ID client secret: three characters, a digit, "Q~", 31 to 34 more.
Found entra_secret(std::string_view data, std::size_t at) {
    constexpr std::size_t head = 4;
    const auto accepts = [](char c) { return is_base64url(c) || c == '.' || c == '~'; };
    const std::size_t body = run_of(data, at + 2, accepts, 36);
    const bool before = at >= head && is_digit(data[at - 1]) &&
                        run_of(data, at - head, accepts, head) == head &&
                        (at == head || !accepts(data[at - head - 1]));
    return before && body >= 31 && body <= 34 && is_random(data.substr(at + 2, body))
               ? Found(Span{at - head, head + 2 + body})
               : std::nullopt;
}

/// Whoever has the address may post in the name of the owner.
Found webhook(std::string_view data, std::size_t at, std::size_t prefix, std::size_t least) {
    const std::size_t length = run_of(
        data, at + prefix, [](char c) { return is_base64url(c) || c == '/'; }, 140);
    return length >= least && is_random(data.substr(at + prefix, length)) ? Found(Span{at, prefix + length})
                                                                          : std::nullopt;
}
Found slack_webhook(std::string_view data, std::size_t at) {
    return webhook(data, at, "hooks.slack.com/services/T"sv.size(), 40);
}
Found discord_webhook(std::string_view data, std::size_t at) {
    return webhook(data, at, "discord.com/api/webhooks/"sv.size(), 78);
}

/// The number of a bot, ":AA", 33 more.
Found telegram_token(std::string_view data, std::size_t at) {
    std::size_t start = at;
    while (start > 0 && at - start < 11 && is_digit(data[start - 1])) {
        --start;
    }
    const std::size_t body = run_of(data, at + 1, is_base64url, 36);
    const bool number = at - start >= 8 && at - start <= 10 && word_starts_at(data, start);
    return number && body == 35 && is_random(data.substr(at + 1, body)) ? Found(Span{start, at + 36 - start})
                                                                        : std::nullopt;
}

}  // namespace

double entropy(std::string_view text) {
    std::array<std::size_t, 256> counts{};
    for (const char c : text) {
        ++counts[static_cast<unsigned char>(c)];
    }
    double bits = 0;
    for (const std::size_t count : counts) {
        if (count > 0) {
            const double share = static_cast<double>(count) / static_cast<double>(text.size());
            bits -= share * std::log2(share);
        }
    }
    return bits;
}

std::vector<Pattern> token_patterns() {
    std::vector<Pattern> all{
        simple("secret:aws-key", "AWS access key id", "AKIA", aws_key),
        simple("secret:aws-key", "AWS temporary key id", "ASIA", aws_key),
        simple("secret:aws-key", "AWS secret access key", "aws_secret_access_key", aws_secret),
        simple("secret:azure-key", "Azure storage key", "AccountKey", azure_key),
        simple("secret:azure-key", "Azure shared access key", "SharedAccessKey", azure_shared_key),
        simple("secret:wireguard-key", "WireGuard private key", "PrivateKey", wireguard_key),
        simple("secret:github-token", "GitHub token", "github_pat_", github_fine_grained),
        simple("secret:k3s-token", "k3s token", "K10", k3s_token),
        simple("secret:jwt", "JSON web token", "eyJ", json_web_token),
        simple("secret:terraform-token", "Terraform token", ".atlasv1.", terraform_token),
        simple("secret:entra-secret", "Entra ID client secret", "Q~", entra_secret),
        simple("secret:webhook", "Slack webhook", "hooks.slack.com/services/T", slack_webhook),
        simple("secret:webhook", "Discord webhook", "discord.com/api/webhooks/", discord_webhook),
        simple("secret:telegram-token", "Telegram bot token", ":AA", telegram_token),
    };
    for (Pattern& pattern : all) {
        pattern.caseless = pattern.literal == "aws_secret_access_key";
    }
    for (const std::string_view prefix : {"ghp_"sv, "gho_"sv, "ghs_"sv, "ghu_"sv, "ghr_"sv}) {
        all.push_back(simple("secret:github-token", "GitHub token", std::string(prefix), github_token));
        Pattern of_site = simple("secret:github-token", "GitHub token (its checksum does not fit)",
                                 std::string(prefix), github_token_of_site);
        of_site.where = is_site_file;
        all.push_back(std::move(of_site));
    }
    for (const std::string_view prefix :
         {"xoxb-"sv, "xoxp-"sv, "xoxa-"sv, "xoxr-"sv, "xoxs-"sv, "xoxc-"sv, "xoxd-"sv}) {
        all.push_back(simple("secret:slack-token", "Slack token", std::string(prefix), slack_token));
    }
    for (const TokenPrefix& kind : token_prefixes()) {
        all.push_back(
            {.rule = std::string("secret:") + kind.rule,
             .label = kind.label,
             .literal = kind.prefix,
             .verify = [&kind](std::string_view data, std::size_t at) { return prefixed(kind, data, at); }});
    }
    return all;
}

}  // namespace imgforge::sysprep::audit
