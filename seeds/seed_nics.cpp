// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_nics.hpp"

#include <charconv>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "seeds/net_words.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& word, const std::string& hint) {
    throw Error(Failure::usage, fmt::format("--nic {}: invalid part '{}'", text, word), hint);
}

int mtu_of(const std::string& text, const std::string& value) {
    int mtu = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), mtu);
    if (read.ec != std::errc() || read.ptr != value.data() + value.size() || mtu < 68 || mtu > 65535) {
        refuse(text, "mtu=" + value, "a number from 68 to 65535");
    }
    return mtu;
}

void take(SeedNic& nic, const std::string& text, const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? std::string() : word.substr(equals + 1);
    if (key == "ip" && is_cidr(value)) {
        nic.addresses.push_back(value);
        nic.dhcp4 = nic.dhcp4 && is_ipv6(value.substr(0, value.find('/')));
    } else if (key == "gw" && is_ip(value)) {
        (is_ipv6(value) ? nic.gateway6 : nic.gateway4) = value;
    } else if (key == "dns" && is_ip(value)) {
        nic.nameservers.push_back(value);
    } else if (key == "search" && is_host_name(value)) {
        nic.search.push_back(value);
    } else if (key == "name" && !value.empty() && value.size() <= 15 && is_one_line(value)) {
        nic.name = value;
    } else if (key == "mtu") {
        nic.mtu = mtu_of(text, value);
    } else if (word == "dhcp4" || word == "dhcp6") {
        (word == "dhcp4" ? nic.dhcp4 : nic.dhcp6) = true;
    } else {
        refuse(text, word,
               "MAC, then name=lan0, ip=192.0.2.5/24, gw=192.0.2.1, dns=192.0.2.53, search=example.org, "
               "mtu=9000, dhcp4, dhcp6");
    }
}

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        if (const std::string_view word = trimmed(text.substr(0, end)); !word.empty()) {
            words.emplace_back(word);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

SeedNic parse_nic(const std::string& text, std::size_t index) {
    const std::vector<std::string> words = split_list(text);
    if (words.empty() || !is_mac(words[0])) {
        refuse(text, words.empty() ? text : words[0], "begin with the MAC address: 52:54:00:12:34:56,…");
    }
    SeedNic nic{.mac = lower_case(words[0]), .name = fmt::format("eth{}", index)};
    for (std::size_t i = 1; i < words.size(); ++i) {
        take(nic, text, words[i]);
    }
    return nic;
}

}  // namespace imgforge::seeds
