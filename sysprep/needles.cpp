// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/needles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <regex>
#include <set>
#include <sstream>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::sysprep {

using guest::FileType;
using guest::GuestFs;
using guest::Inspection;

namespace {

constexpr std::size_t shortest = 6;
constexpr std::uint64_t file_limit = 1U << 20U;

std::string read_if_file(GuestFs& fs, std::string_view path) {
    const auto target = fs.resolve(path);
    const auto stat = target ? fs.lstat(*target) : std::nullopt;
    return stat && stat->type == FileType::regular && stat->size <= file_limit ? fs.read(*target, file_limit)
                                                                               : std::string();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::string trimmed(const std::string& text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    return start == std::string::npos ? "" : text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char byte) { return static_cast<char>(std::toupper(byte)); });
    return text;
}

std::string bytes_of_hex(const std::string& hex) {
    std::string bytes;
    for (std::size_t index = 0; index + 1 < hex.size(); index += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(index, 2), nullptr, 16));
    }
    return bytes;
}

/// A 128-bit id as text, in capitals, with dashes, and as the raw bytes of a UUID (also mixed-endian, as GPT
/// and DMI store it).
void add_id(Needles& needles, const std::string& kind, const std::string& text, const std::string& source) {
    static const std::regex id("[0-9a-f]{32}");
    std::string plain = trimmed(text);
    std::erase(plain, '-');
    if (!std::regex_match(plain, id)) {
        return;
    }
    const std::string dashed = fmt::format("{}-{}-{}-{}-{}", plain.substr(0, 8), plain.substr(8, 4),
                                           plain.substr(12, 4), plain.substr(16, 4), plain.substr(20));
    const std::string raw = bytes_of_hex(plain);
    std::string mixed = raw;
    std::reverse(mixed.begin(), mixed.begin() + 4);
    std::reverse(mixed.begin() + 4, mixed.begin() + 6);
    std::reverse(mixed.begin() + 6, mixed.begin() + 8);
    for (const auto& [label, value] : {std::pair(" (text)", plain), std::pair(" (capitals)", upper(plain)),
                                       std::pair(" (with dashes)", dashed), std::pair(" (raw bytes)", raw),
                                       std::pair(" (raw bytes, mixed endian)", mixed)}) {
        needles.add(kind, "old " + kind + label, value, source);
    }
}

void collect_ids(GuestFs& fs, Needles& needles) {
    for (const char* path : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
        add_id(needles, "machine-id", read_if_file(fs, path), path);
    }
    for (const guest::DirEntry& entry : fs.list("/var/log/journal")) {
        add_id(needles, "machine-id", entry.name, "/var/log/journal");
    }
    for (const std::string& path :
         fs.glob_all({"/var/lib/cloud/data/instance-id", "/var/lib/cloud/data/previous-instance-id",
                      "/etc/instance_id"})) {
        needles.add("instance-id", "old instance-id", trimmed(read_if_file(fs, path)), path);
    }
    for (const std::string& line : lines_of(read_if_file(fs, "/etc/iscsi/initiatorname.iscsi"))) {
        if (line.starts_with("InitiatorName=")) {
            needles.add("iqn", "old iSCSI initiator name", trimmed(line.substr(14)),
                        "/etc/iscsi/initiatorname.iscsi");
        }
    }
    for (const char* path : {"/etc/nvme/hostnqn", "/etc/nvme/hostid"}) {
        needles.add("nvme", "old NVMe host identity", trimmed(read_if_file(fs, path)), path);
    }
    for (const std::string& path : fs.glob_all(
             {"/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret",
              "/var/lib/NetworkManager/secret_key", "/var/lib/dhcpcd/secret", "/var/lib/dhcpcd/duid",
              "/boot/efi/loader/random-seed", "/boot/loader/random-seed", "/efi/loader/random-seed"})) {
        const std::string content = trimmed(read_if_file(fs, path));
        // 32 bytes prove a seed; a DUID is text.
        needles.add("seed", "content of " + guest::base_name(path), content.substr(0, 48), path);
    }
}

void collect_keys(GuestFs& fs, Needles& needles) {
    std::vector<std::string> patterns{"/etc/ssh/ssh_host_*", "/etc/ssl/private/*.key",
                                      "/etc/pki/tls/private/*.key", "/root/.ssh/*", "/home/*/.ssh/*"};
    for (const std::string& path : fs.glob_all(patterns)) {
        const std::string text = read_if_file(fs, path);
        const bool is_private = text.find("PRIVATE KEY-----") != std::string::npos;
        const bool host = path.starts_with("/etc/ssh/");
        int number = 0;
        for (const std::string& line : lines_of(text)) {
            ++number;
            if (is_private && !line.starts_with("-----") && line.size() >= 32) {
                // The first line of an OpenSSH key is the same header for every key of its type.
                if (number > 2) {
                    needles.add(host ? "host-key" : "private-key",
                                fmt::format("{} line {}", guest::base_name(path), number), trimmed(line),
                                path);
                }
            } else if (!is_private) {
                std::istringstream words(line);
                for (std::string word; words >> word;) {
                    if (word.starts_with("AAAA") && word.size() > 60) {
                        needles.add(host ? "host-key" : "public-key",
                                    fmt::format("{} line {}", guest::base_name(path), number), word, path);
                    }
                }
            }
        }
    }
}

/// Names that appear in every image anyway prove nothing.
bool is_common_name(const std::string& name) {
    static const std::set<std::string> common{
        "localhost", "debian",    "ubuntu",  "fedora",  "centos",  "server",    "machine", "system",
        "master",    "template",  "golden",  "builder", "default", "archlinux", "alpine",  "opensuse",
        "rocky",     "almalinux", "generic", "virtual", "linux",   "unassigned"};
    return common.contains(name);
}

void collect_names(GuestFs& fs, const Inspection& os, Needles& needles) {
    const std::string bare = os.hostname.substr(0, os.hostname.find('.'));
    if (!is_common_name(bare)) {
        needles.add("hostname", "old hostname", bare, "/etc/hostname");
        needles.add("hostname", "old full hostname", os.hostname, "/etc/hostname");
    }
    static const std::regex mac("([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}");
    static const std::regex address(
        R"((fixed-address|new_ip_address=|ADDRESS=|IPADDR=|address)[ \t=:]*([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+))");
    for (const std::string& path :
         fs.glob_all({"/etc/netplan/*", "/etc/network/interfaces", "/etc/network/interfaces.d/*",
                      "/etc/systemd/network/*", "/etc/NetworkManager/system-connections/*",
                      "/etc/sysconfig/network-scripts/ifcfg-*", "/etc/sysconfig/network/ifcfg-*",
                      "/etc/udev/rules.d/70-persistent-net.rules", "/var/lib/dhcp/*", "/var/lib/dhclient/*",
                      "/var/lib/NetworkManager/*.lease", "/var/lib/dhcpcd/*",
                      "/var/lib/cloud/instance/network-config*", "/run/systemd/netif/leases/*"})) {
        const std::string text = read_if_file(fs, path);
        for (std::sregex_iterator found(text.begin(), text.end(), mac), end; found != end; ++found) {
            std::string plain = found->str();
            std::erase_if(plain, [](char byte) { return byte == ':' || byte == '-'; });
            const std::string value = found->str();
            if (plain == "000000000000" || upper(plain) == "FFFFFFFFFFFF") {
                continue;
            }
            needles.add("mac", "MAC address", value, path);
            needles.add("mac", "MAC address without colons", plain, path);
        }
        for (std::sregex_iterator found(text.begin(), text.end(), address), end; found != end; ++found) {
            needles.add("ip", "IP address", (*found)[2].str(), path);
        }
    }
}

void collect_hashes(GuestFs& fs, Needles& needles) {
    for (const char* path : {"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/var/backups/shadow.bak"}) {
        for (const std::string& line : lines_of(read_if_file(fs, path))) {
            const std::size_t first = line.find(':');
            const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
            const std::string hash =
                second == std::string::npos ? "" : line.substr(first + 1, second - first - 1);
            const std::size_t dollar = hash.find('$');
            if (dollar != std::string::npos) {
                needles.add("password-hash", "password hash of " + line.substr(0, first), hash.substr(dollar),
                            path);
            }
        }
    }
}

}  // namespace

void Needles::add(std::string kind, std::string label, std::string value, std::string source) {
    const bool known =
        std::any_of(items.begin(), items.end(), [&](const Needle& needle) { return needle.value == value; });
    if (value.size() >= shortest && !known) {
        items.push_back({std::move(kind), std::move(label), std::move(value), std::move(source)});
    }
}

Json Needles::to_json() const {
    Json list = Json::array();
    for (const Needle& needle : items) {
        list.push_back({{"kind", needle.kind},
                        {"label", needle.label},
                        {"value", base64_encode(needle.value)},
                        {"source", needle.source}});
    }
    return {{"needles", list}};
}

Needles Needles::from_json(const Json& json) {
    Needles needles;
    for (const Json& item : json.at("needles")) {
        const auto value = base64_decode(item.at("value").get<std::string>());
        if (!value) {
            throw Error(Failure::integrity, fmt::format("the value of '{}' is not base64 text",
                                                        item.at("label").get<std::string>()));
        }
        needles.items.push_back({item.at("kind"), item.at("label"), *value, item.at("source")});
    }
    return needles;
}

void Needles::save(const std::filesystem::path& file) const {
    write_file_atomically(file, pretty(to_json()), 0600);
}

Needles Needles::load(const std::filesystem::path& file) {
    return from_json(parse_json(read_file(file), file.string()));
}

Needles collect_needles(guest::GuestFs& fs, const guest::Inspection& os) {
    Needles needles;
    collect_ids(fs, needles);
    collect_keys(fs, needles);
    collect_names(fs, os, needles);
    collect_hashes(fs, needles);
    return needles;
}

}  // namespace imgforge::sysprep
