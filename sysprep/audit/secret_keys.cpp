// SPDX-License-Identifier: GPL-3.0-or-later
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
    return all;
}

}  // namespace imgforge::sysprep::audit
