// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "sysprep/audit/secret_shapes.hpp"

namespace imgforge::sysprep::audit {

namespace {

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
    // Variables of the environment hold the lines joined by blanks.
    const bool joined = data.substr(pos + 5).starts_with(' ');
    pos = joined ? pos + 6 : after_line_end(data, pos + 5);
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

/// PuTTY's own format: the private part is base64 in lines that "Private-Lines:" counts.
Found putty_key(std::string_view data, std::size_t at) {
    const std::string_view file = data.substr(at, look_ahead);
    const auto lines = file.find("\nPrivate-Lines: "sv);
    const auto crlf = file.find("\r\nPrivate-Lines: "sv);
    return lines != std::string_view::npos || crlf != std::string_view::npos ? Found(Span{at, 200})
                                                                             : std::nullopt;
}

/// RFC 7517: "d" is the private part of a key of any kind.
Found json_web_key(std::string_view data, std::size_t at) {
    const std::size_t value = run_of(data, at, is_base64url, 600);
    const std::string_view around = data.substr(at > look_behind ? at - look_behind : 0, look_ahead);
    const bool key = around.find("\"kty\""sv) != std::string_view::npos || value >= 100 ||
                     around.find("\"n\""sv) != std::string_view::npos ||
                     around.find("\"x\""sv) != std::string_view::npos;
    return value >= 40 && key && entropy(data.substr(at, value)) > 3.5 ? Found(Span{at, value})
                                                                       : std::nullopt;
}

/// ASN.1 DER with enough bytes behind that are not filling.
Found der_key(std::string_view data, std::size_t at) {
    const std::string_view body = data.substr(at, 96);
    return body.size() == 96 && entropy(body) > 4.5 ? Found(Span{at, 96}) : std::nullopt;
}

/// Ed25519 and X25519 in PKCS#8 are 48 bytes.
Found der_short_key(std::string_view data, std::size_t at) {
    const std::string_view body = data.substr(at, 45);
    return body.size() == 45 && entropy(body) > 4 ? Found(Span{at, 45}) : std::nullopt;
}

/// RFC 5915 ECPrivateKey: version 1, the private number, then the curve as an explicit tag.
Found der_ec_key(std::string_view data, std::size_t at) {
    constexpr std::size_t header = 5;
    const auto size = static_cast<unsigned char>(data[at + header - 1]);
    const std::string_view after = data.substr(std::min(data.size(), at + header + size), 4);
    const bool curve = after.size() == 4 && after[0] == '\xa0' && after[2] == '\x06';
    return curve && entropy(data.substr(at + header, size)) > 3.5 ? Found(Span{at, header + size})
                                                                  : std::nullopt;
}

/// RFC 7292: a bag with a shrouded key, the identifier followed by the explicit tag and two sequences.
Found pkcs12_key(std::string_view data, std::size_t at) {
    const std::string_view after = data.substr(at + 11, 9);
    return after.size() == 9 && after.substr(0, 2) == "\xa0\x82"sv && after.substr(4, 2) == "\x30\x82"sv &&
                   after[8] == '\x30'
               ? Found(Span{at, 64})
               : std::nullopt;
}

/// RFC 5958 EncryptedPrivateKeyInfo: two sequences, then PBES2.
Found der_encrypted_key(std::string_view data, std::size_t at) {
    constexpr std::size_t head = 6;
    if (at < head || data.size() < at + 96) {
        return std::nullopt;
    }
    const std::string_view before = data.substr(at - head, head);
    const bool sequences = before.substr(0, 2) == "\x30\x82"sv && before[4] == '\x30';
    return sequences && data[at + 11] == '\x30' && entropy(data.substr(at, 96)) > 4.5
               ? Found(Span{at - head, 96})
               : std::nullopt;
}

/// Base64 of "-----BEGIN … PRIVATE KEY": settings of Kubernetes, variables of CI systems.
Found wrapped_pem(std::string_view data, std::size_t at) {
    constexpr std::size_t looked_at = 80;
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"sv;
    const std::size_t length = run_of(data, at, is_base64);
    std::string text;
    unsigned bits = 0;
    unsigned value = 0;
    for (const char c : data.substr(at, std::min(length, looked_at))) {
        value = (value << 6U) | (static_cast<unsigned>(alphabet.find(c)) & 63U);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            text.push_back(static_cast<char>((value >> bits) & 0xffU));
        }
    }
    return length > looked_at && text.find("PRIVATE KEY") != std::string::npos ? Found(Span{at, length})
                                                                               : std::nullopt;
}

/// .NET's RSAKeyValue: the private exponent.
Found xml_key(std::string_view data, std::size_t at) {
    const std::size_t length = run_of(data, at + 3, is_base64, 1400);
    return length >= 100 && data.substr(at + 3 + length).starts_with("</D>"sv) ? Found(Span{at, 3 + length})
                                                                               : std::nullopt;
}

/// dnssec-keygen's .private files and TSIG keys.
Found bind_key(std::string_view data, std::size_t at) {
    const std::string_view file = data.substr(at, look_ahead);
    const bool key = file.find("PrivateKey: "sv) != std::string_view::npos ||
                     file.find("PrivateExponent: "sv) != std::string_view::npos ||
                     file.find("\nKey: "sv) != std::string_view::npos;
    return key ? Found(Span{at, 200}) : std::nullopt;
}

/// A line that names the kind, then base64 or hexadecimal lines.
Found after_header(std::string_view data, std::size_t at) {
    const std::size_t end = data.find('\n', at);
    const std::size_t body = end == std::string_view::npos ? 0 : run_of(data, end + 1, is_base64);
    return body >= 30 && entropy(data.substr(end + 1, body)) > 3 ? Found(Span{end + 1, body}) : std::nullopt;
}

/// dropbear keeps seed and public key as one string of 64 bytes behind the name.
Found dropbear_key(std::string_view data, std::size_t at) {
    const std::string_view body = data.substr(at + 19, 64);
    return body.size() == 64 && entropy(body) > 4 ? Found(Span{at, 83}) : std::nullopt;
}

void add_more_encodings(std::vector<Pattern>& all) {
    const std::string rule = "secret:private-key";
    const auto add = [&](const char* label, std::string_view literal,
                         Found (*verify)(std::string_view, std::size_t)) {
        all.push_back(simple(rule, label, std::string(literal), verify));
    };
    add("RSA private key (DER, PKCS#1)", "\x02\x01\x00\x02\x81\x81\x00"sv, der_key);
    add("RSA private key (DER, PKCS#1)", "\x02\x01\x00\x02\x82\x01\x81\x00"sv, der_key);
    add("EC private key (DER)", "\x02\x01\x01\x04\x20"sv, der_ec_key);
    add("EC private key (DER)", "\x02\x01\x01\x04\x30"sv, der_ec_key);
    add("EC private key (DER)", "\x02\x01\x01\x04\x42"sv, der_ec_key);
    add("X25519 private key (DER)", "\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20"sv,
        der_short_key);
    add("private key (PKCS#12)", "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02"sv, pkcs12_key);
    add("encrypted private key (DER)", "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"sv, der_encrypted_key);
    add("private key (PEM within base64)", "LS0tLS1CRUdJTi", wrapped_pem);
    add("RSA private key (XML)", "<D>", xml_key);
    add("DNSSEC key", "Private-key-format: v", bind_key);
    add("OpenVPN static key", "-----BEGIN OpenVPN Static key V1", after_header);
    add("minisign secret key", "minisign encrypted secret key", after_header);
    add("signify secret key", "signify secret key", after_header);
    add("SSH2 private key", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", after_header);
    add("dropbear private key", "\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x40"sv, dropbear_key);
    add("Tor key", "== ed25519v1-secret: type0 ==", [](std::string_view, std::size_t at) {
        return Found(Span{at, 29});
    });
}

}  // namespace

std::vector<Pattern> key_patterns() {
    std::vector<Pattern> all{
        simple("secret:private-key", "private key", "PRIVATE KEY", private_key),
        simple("secret:private-key", "OpenSSH private key (base64)", "b3BlbnNzaC1rZXktdjEA", openssh_base64),
        simple("secret:private-key", "OpenSSH private key (binary)", "openssh-key-v1", openssh_binary),
        simple("secret:private-key", "PuTTY private key", "PuTTY-User-Key-File-", putty_key),
        // RFC 5958 PrivateKeyInfo: version 0, then the algorithm's identifier.
        simple(
            "secret:private-key", "RSA private key (DER, PKCS#8)",
            std::string("\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04\x82"sv),
            der_key),
        simple("secret:private-key", "EC private key (DER, PKCS#8)",
               std::string("\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08"sv), der_key),
        simple("secret:private-key", "Ed25519 private key (DER)",
               std::string("\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"sv), der_short_key),
        // RFC 8017 RSAPrivateKey: version 0, a modulus of 2048 to 4096 bits.
        simple("secret:private-key", "RSA private key (DER, PKCS#1)",
               std::string("\x02\x01\x00\x02\x82\x01\x01\x00"sv), der_key),
        simple("secret:private-key", "RSA private key (DER, PKCS#1)",
               std::string("\x02\x01\x00\x02\x82\x02\x01\x00"sv), der_key),
    };
    Pattern jwk = simple("secret:private-key", "private key (JWK)", std::string(40, 'x'), json_web_key);
    jwk.expression = R"("d"\s{0,4}:\s{0,4}"[A-Za-z0-9_-]{40})";
    all.push_back(std::move(jwk));
    add_more_encodings(all);
    return all;
}

}  // namespace imgforge::sysprep::audit
