// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/base64.hpp"

#include <openssl/evp.h>

#include "builder/base/error.hpp"

namespace imgforge {

std::string base64_encode(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const auto* from = static_cast<const unsigned char*>(static_cast<const void*>(bytes.data()));
    auto* to = static_cast<unsigned char*>(static_cast<void*>(text.data()));
    const int written = EVP_EncodeBlock(to, from, static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(written));
    return text;
}

std::string base64_decode(std::string_view text) {
    std::string bytes(text.size() / 4 * 3 + 3, '\0');
    const auto* from = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
    auto* to = static_cast<unsigned char*>(static_cast<void*>(bytes.data()));
    const int written = EVP_DecodeBlock(to, from, static_cast<int>(text.size()));
    if (written < 0 || text.size() % 4 != 0) {
        throw Error(Failure::integrity, "invalid base64 text");
    }
    // EVP_DecodeBlock counts the padding as zero bytes.
    std::size_t size = static_cast<std::size_t>(written);
    for (std::size_t index = text.size(); index > 0 && text[index - 1] == '=' && size > 0; --index) {
        --size;
    }
    bytes.resize(size);
    return bytes;
}

}  // namespace imgforge
