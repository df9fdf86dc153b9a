// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/network_spec.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::lifecycle {
namespace {

using Kind = NetworkSpec::Kind;

[[noreturn]] void refuse(std::string_view text, const std::string& why, std::string hint = {}) {
    if (hint.empty()) {
        hint = "nat, user, isolated, bridge=NAME or network=NAME, then ,vlan=N ,mac=… ,ip=… ,model=…";
    }
    throw Error(Failure::usage, fmt::format("network '{}': {}", text, why), std::move(hint));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return parts;
        }
        text.remove_prefix(at + 1);
    }
}

// libvirt names may hold more, but these go into XML attributes and file names, and no one needs more.
bool is_plain_word(std::string_view word) {
    return !word.empty() && word.size() <= 64 && std::all_of(word.begin(), word.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
}

unsigned vlan_tag(std::string_view text, std::string_view value) {
    unsigned tag = 0;
    const auto result = std::from_chars(value.data(), value.data() + value.size(), tag);
    if (result.ec != std::errc() || result.ptr != value.data() + value.size() || tag < 1 || tag > 4094) {
        refuse(text, fmt::format("invalid VLAN tag '{}'", value), "a VLAN tag is a number from 1 to 4094");
    }
    return tag;
}

void read_place(std::string_view text, std::string_view part, NetworkSpec& spec) {
    const std::size_t equals = part.find('=');
    const std::string word(part.substr(0, equals));
    const std::string value(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    const bool named = word == "bridge" || word == "network";
    if (named && !is_plain_word(value)) {
        refuse(text, value.empty() ? fmt::format("{} needs a name", word)
                                   : fmt::format("invalid {1} name '{0}'", value, word));
    }
    if (word == "bridge" && value.size() >= IFNAMSIZ) {
        refuse(text, fmt::format("'{}' is longer than an interface name can be (15)", value));
    }
    if (!named && equals != std::string_view::npos) {
        refuse(text, fmt::format("{} takes no name", word));
    }
    if (word == "nat") {
        spec.kind = Kind::nat;
    } else if (word == "user") {
        spec.kind = Kind::user;
    } else if (word == "isolated") {
        spec.kind = Kind::isolated;
    } else if (named) {
        spec.kind = word == "bridge" ? Kind::bridge : Kind::network;
        spec.name = value;
    } else {
        refuse(text, fmt::format("unknown kind '{}'{}", word,
                                 did_you_mean(word, {"nat", "user", "isolated", "bridge", "network"})));
    }
}

void read_option(std::string_view text, std::string_view part, NetworkSpec& spec) {
    const std::size_t equals = part.find('=');
    const std::string key(part.substr(0, equals));
    const std::string value(equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1));
    if (key == "vlan") {
        spec.vlan = vlan_tag(text, value);
    } else if (key == "mac") {
        spec.mac = normal_mac(value);
    } else if (key == "ip") {
        if (!is_ipv4(value)) {
            refuse(text, fmt::format("invalid IPv4 address '{}'", value));
        }
        spec.ip = value;
    } else if (key == "model") {
        static const std::vector<std::string> models = {"virtio", "e1000", "e1000e", "rtl8139"};
        if (std::find(models.begin(), models.end(), value) == models.end()) {
            refuse(text, fmt::format("unknown NIC model '{}'{}", value, did_you_mean(value, models)),
                   "virtio, e1000e, e1000 or rtl8139");
        }
        spec.model = value;
    } else {
        refuse(text,
               fmt::format("unknown option '{}'{}", key, did_you_mean(key, {"vlan", "mac", "ip", "model"})));
    }
}

}  // namespace

std::string NetworkSpec::text() const {
    std::string out;
    switch (kind) {
        case Kind::nat: out = "nat"; break;
        case Kind::bridge: out = "bridge=" + name; break;
        case Kind::isolated: out = "isolated"; break;
        case Kind::network: out = "network=" + name; break;
        case Kind::user: out = "user"; break;
    }
    if (vlan) {
        out += fmt::format(",vlan={}", *vlan);
    }
    if (model != "virtio") {
        out += ",model=" + model;
    }
    return out;
}

NetworkSpec parse_network(std::string_view text) {
    NetworkSpec spec;
    const auto parts = split(text, ',');
    read_place(text, parts.front(), spec);
    for (std::size_t i = 1; i < parts.size(); ++i) {
        read_option(text, parts[i], spec);
    }
    if (spec.vlan && spec.kind != Kind::bridge && spec.kind != Kind::network) {
        refuse(text, "a VLAN needs a bridge or a named network");
    }
    if (spec.ip && (spec.kind == Kind::user || spec.kind == Kind::bridge)) {
        refuse(text, "only libvirt's own DHCP can reserve an address; this network is not served by it",
               "use nat, isolated or network=NAME, or give the address in a --network-config file");
    }
    return spec;
}

std::string libvirt_network(const NetworkSpec& spec) {
    switch (spec.kind) {
        case Kind::nat: return "default";
        case Kind::isolated: return "imgforge-isolated";
        case Kind::network: return spec.name;
        case Kind::bridge:
        case Kind::user: break;
    }
    return {};
}

std::string normal_mac(std::string_view text) {
    constexpr std::size_t mac_length = 17;
    const auto fail = [&](const char* why) {
        throw Error(Failure::usage, fmt::format("invalid MAC address '{}' for a machine: {}", text, why),
                    "six hex pairs, such as 52:54:00:12:34:56");
    };
    if (text.size() != mac_length) {
        fail("it has not six pairs");
    }
    std::string mac;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool separator = i % 3 == 2;
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (separator ? (c != ':' && c != '-') : !hex) {
            fail("a character is out of place");
        }
        mac += separator ? ':' : (c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    }
    // The lowest bit of the first byte marks a group address (IEEE 802); libvirt refuses those as well.
    const char low = mac[1];
    const int nibble = low <= '9' ? low - '0' : low - 'a' + 10;
    if ((nibble & 1) != 0) {
        fail("it is a multicast address");
    }
    if (mac == "00:00:00:00:00:00") {
        fail("it is all zeros");
    }
    return mac;
}

bool is_ipv4(std::string_view text) {
    in_addr address{};
    return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

}  // namespace imgforge::lifecycle
