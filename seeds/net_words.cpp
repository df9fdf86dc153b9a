// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/net_words.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace imgforge::seeds {

bool is_ipv4(std::string_view text) {
    in_addr address{};
    return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_cidr(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) {
        return false;
    }
    int prefix = -1;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + slash + 1, end, prefix);
    const std::string_view address = text.substr(0, slash);
    const int longest = is_ipv4(address) ? 32 : is_ipv6(address) ? 128 : -1;
    return read.ec == std::errc() && read.ptr == end && prefix >= 0 && prefix <= longest;
}

bool is_mac(std::string_view text) {
    if (text.size() != 17) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool colon = i % 3 == 2;
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        if (colon ? c != ':' : !hex) {
            return false;
        }
    }
    return true;
}

int prefix_of_netmask(std::string_view text) {
    in_addr address{};
    if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
        return -1;
    }
    const std::uint32_t mask = ntohl(address.s_addr);
    const std::uint32_t host = ~mask;
    return (host & (host + 1U)) == 0 ? __builtin_popcount(mask) : -1;
}

}  // namespace imgforge::seeds
