// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/base64.hpp"

#include "builder/base/crypto_library.hpp"

namespace imgforge {

std::string base64_encode(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock also writes a NUL
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t body = text.find_last_not_of('=') + 1;  // npos + 1 = 0 for text of padding only
    // EVP_DecodeBlock forgives blanks and stray padding, we do not.
    if (text.size() % 4 != 0 || text.size() - body > 2 ||
        text.substr(0, body).find_first_not_of(alphabet) != std::string_view::npos) {
        return std::nullopt;
    }
    std::string out(text.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) {
        return std::nullopt;
    }
    out.resize(static_cast<std::size_t>(size) - (text.size() - body));
    return out;
}

}  // namespace imgforge
