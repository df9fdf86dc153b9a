// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/own_addresses.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <fmt/format.h>

namespace imgforge::fetch {

namespace {

/// Sixteen bytes for either family, IPv4 in its mapped form (RFC 4291 section 2.5.5.2).
using Address = std::array<unsigned char, 16>;
constexpr std::array<unsigned char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<Address> address_of(const sockaddr& address) {
    Address out{};
    if (address.sa_family == AF_INET) {
        sockaddr_in four{};
        std::memcpy(&four, &address, sizeof four);
        std::copy(mapped.begin(), mapped.end(), out.begin());
        std::memcpy(out.data() + mapped.size(), &four.sin_addr, 4);
        return out;
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, &address, sizeof six);
        std::memcpy(out.data(), &six.sin6_addr, out.size());
        return out;
    }
    return std::nullopt;
}

bool is_four(const Address& address) {
    return std::equal(mapped.begin(), mapped.end(), address.begin());
}

bool special(const Address& address) {
    if (is_four(address)) {
        const unsigned char first = address[12];
        return first == 127 || first == 0 || (first == 169 && address[13] == 254);
    }
    const bool nothing_before_last =
        std::all_of(address.begin(), address.end() - 1, [](unsigned char byte) { return byte == 0; });
    return (nothing_before_last && address[15] <= 1) || (address[0] == 0xfe && (address[1] & 0xc0U) == 0x80);
}

}  // namespace

std::string address_text(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.sa_family == AF_INET) {
        sockaddr_in four{};
        std::memcpy(&four, &address, sizeof four);
        ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
        return fmt::format("{}:{}", text.data(), ntohs(four.sin_port));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, &address, sizeof six);
        ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
        return fmt::format("[{}]:{}", text.data(), ntohs(six.sin6_port));
    }
    return {};
}

bool is_own_address(const sockaddr& address) {
    const auto wanted = address_of(address);
    if (!wanted) {
        return false;
    }
    if (special(*wanted)) {
        return true;
    }
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return true;  // not known: treated as ours
    }
    bool own = false;
    for (const ifaddrs* one = list; one != nullptr && !own; one = one->ifa_next) {
        own = one->ifa_addr != nullptr && address_of(*one->ifa_addr) == wanted;
    }
    ::freeifaddrs(list);
    return own;
}

}  // namespace imgforge::fetch
