// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/user_data.hpp"

#include <algorithm>
#include <array>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::size_t largest_unpacked = 16U << 20U;

struct Prefix {
    std::string_view text;
    UserDataKind kind;
    std::string_view type;
};

// cloud-init handlers/__init__.py INCLUSION_TYPES_MAP; the longer of two that begin alike comes first, as
// there.
constexpr std::array prefixes{
    Prefix{"## template: jinja", UserDataKind::jinja, "text/jinja2"},
    Prefix{"#cloud-config-archive", UserDataKind::archive, "text/cloud-config-archive"},
    Prefix{"#cloud-config-jsonp", UserDataKind::jsonp, "text/cloud-config-jsonp"},
    Prefix{"#cloud-config", UserDataKind::cloud_config, "text/cloud-config"},
    Prefix{"#cloud-boothook", UserDataKind::boothook, "text/cloud-boothook"},
    Prefix{"#include-once", UserDataKind::include, "text/x-include-once-url"},
    Prefix{"#include", UserDataKind::include, "text/x-include-url"},
    Prefix{"#part-handler", UserDataKind::part_handler, "text/part-handler"},
    Prefix{"#!", UserDataKind::script, "text/x-shellscript"},
};

/// cloud-init looks for the word anywhere in the first 4096 bytes (user_data.py convert_string).
bool has_mime_header(std::string_view bytes) {
    std::string head(bytes.substr(0, 4096));
    for (char& c : head) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    return head.find("mime-version:") != std::string::npos;
}

const Prefix* prefix_of(std::string_view bytes) {
    for (const Prefix& prefix : prefixes) {
        if (bytes.substr(0, prefix.text.size()) == prefix.text) {
            return &prefix;
        }
    }
    return nullptr;
}

Json user_entry(const SeedUser& user) {
    Json entry{{"name", user.name}, {"shell", user.shell}};
    if (!user.gecos.empty()) {
        entry["gecos"] = user.gecos;
    }
    if (!user.groups.empty()) {
        entry["groups"] = joined(user.groups, ",");
    }
    if (user.sudo) {
        entry["sudo"] = "ALL=(ALL) NOPASSWD:ALL";
    }
    if (!user.ssh_keys.empty()) {
        entry["ssh_authorized_keys"] = user.ssh_keys;
    }
    entry["lock_passwd"] = user.password_hash.empty();
    if (!user.password_hash.empty()) {
        entry["passwd"] = user.password_hash;
    }
    return entry;
}

Json file_entry(const SeedFile& file) {
    Json entry{{"path", file.path}, {"permissions", file.permissions}, {"owner", file.owner}};
    if (is_utf8(file.content)) {
        entry["content"] = file.content;
    } else {
        entry["encoding"] = "b64";
        entry["content"] = base64_encode(file.content);
    }
    if (file.after_packages) {
        entry["defer"] = true;
    }
    return entry;
}

void add_identity(const SeedSpec& spec, Json& out) {
    if (!spec.hostname.empty()) {
        out["hostname"] = spec.hostname;
        // The image may have been told to keep its name (an installer's 99-installer.cfg, PEERS T1).
        out["preserve_hostname"] = false;
        out["manage_etc_hosts"] = "localhost";
    }
    if (!spec.fqdn.empty()) {
        out["fqdn"] = spec.fqdn;
    }
    if (!spec.locale.empty()) {
        out["locale"] = spec.locale;
    }
    if (!spec.timezone.empty()) {
        out["timezone"] = spec.timezone;
    }
    if (!spec.keyboard.empty()) {
        out["keyboard"] = {{"layout", spec.keyboard}};
        if (!spec.keyboard_variant.empty()) {
            out["keyboard"]["variant"] = spec.keyboard_variant;
        }
    }
}

void add_logins(const SeedSpec& spec, Json& out) {
    if (!spec.users.empty() || !spec.default_user) {
        out["users"] = Json::array();
        if (spec.default_user) {
            out["users"].push_back("default");
        }
        for (const SeedUser& user : spec.users) {
            out["users"].push_back(user_entry(user));
        }
    }
    if (!spec.ssh_keys.empty()) {
        out["ssh_authorized_keys"] = spec.ssh_keys;
    }
    if (spec.ssh_password_login) {
        out["ssh_pwauth"] = *spec.ssh_password_login;
    }
    for (const HostKey& key : spec.host_keys) {
        out["ssh_keys"][key.type + "_private"] = key.private_key;
        out["ssh_keys"][key.type + "_public"] = key.public_key;
    }
}

void add_repositories(const SeedSpec& spec, Json& out) {
    for (const SeedRepository& repository : spec.repositories) {
        switch (repository.kind) {
            case SeedRepository::Kind::apt: {
                Json& entry = out["apt"]["sources"][repository.name + ".list"];
                entry["source"] = repository.source;
                if (!repository.key.empty()) {
                    entry["key"] = repository.key;
                }
                break;
            }
            case SeedRepository::Kind::yum: {
                Json& entry = out["yum_repos"][repository.name];
                entry = {{"name", repository.name},
                         {"baseurl", repository.source},
                         {"enabled", true},
                         {"gpgcheck", !repository.key.empty()}};
                if (!repository.key.empty()) {
                    entry["gpgkey"] = repository.key;
                }
                break;
            }
            case SeedRepository::Kind::zypper:
                out["zypper"]["repos"].push_back({{"id", repository.name},
                                                  {"name", repository.name},
                                                  {"baseurl", repository.source},
                                                  {"enabled", 1},
                                                  {"autorefresh", 1},
                                                  {"gpgcheck", repository.key.empty() ? 0 : 1}});
                break;
        }
    }
}

void add_disks(const SeedSpec& spec, Json& out) {
    for (const SeedDisk& disk : spec.disks) {
        const std::string label =
            disk.label.empty() ? disk.mountpoint.substr(disk.mountpoint.rfind('/') + 1) : disk.label;
        out["disk_setup"][disk.device] = {{"table_type", "gpt"}, {"layout", true}, {"overwrite", false}};
        out["fs_setup"].push_back({{"device", disk.device},
                                   {"partition", "auto"},
                                   {"filesystem", disk.filesystem},
                                   {"label", label},
                                   {"overwrite", false}});
        // nofail: a machine whose data disk was taken away must still boot.
        out["mounts"].push_back(
            Json::array({"LABEL=" + label, disk.mountpoint, disk.filesystem, "defaults,nofail", "0", "2"}));
    }
    for (const auto& fields : spec.mounts) {
        out["mounts"].push_back(fields);
    }
}

void add_work(const SeedSpec& spec, Json& out) {
    if (!spec.packages.empty()) {
        out["package_update"] = true;
        out["packages"] = spec.packages;
    }
    for (const SeedFile& file : spec.files) {
        out["write_files"].push_back(file_entry(file));
    }
    if (!spec.commands.empty()) {
        out["runcmd"] = spec.commands;
    }
    if (!spec.phone_home.empty()) {
        out["phone_home"] = {{"url", spec.phone_home},
                             {"post", Json::array({"instance_id", "hostname", "fqdn", "pub_key_ed25519"})},
                             {"tries", 3}};
    }
    if (!spec.ready_marker.empty()) {
        // The last thing cloud-init prints, on the console and in its log, with the time of the first boot.
        out["final_message"] = "IMGFORGE-READY " + spec.ready_marker + " after $UPTIME seconds";
    }
}

/// The same for the same texts, and in neither of them.
std::string unused_boundary(std::string_view users, std::string_view ours) {
    for (unsigned number = 0;; ++number) {
        const std::string boundary = fmt::format("==imgforge-{:04}==", number);
        if (users.find(boundary) == std::string_view::npos && ours.find(boundary) == std::string_view::npos) {
            return boundary;
        }
    }
}

}  // namespace

UserDataKind user_data_kind(std::string_view bytes) {
    if (trimmed(bytes).empty()) {
        return UserDataKind::empty;
    }
    const Prefix* const prefix = prefix_of(bytes);
    if (prefix != nullptr && prefix->kind == UserDataKind::jinja) {
        return UserDataKind::jinja;
    }
    if (has_mime_header(bytes)) {
        return UserDataKind::mime;
    }
    return prefix != nullptr ? prefix->kind : UserDataKind::unknown;
}

std::string_view mime_type(UserDataKind kind) {
    if (kind == UserDataKind::mime) {
        return "multipart/mixed";
    }
    for (const Prefix& prefix : prefixes) {
        if (prefix.kind == kind) {
            return prefix.type;
        }
    }
    return {};
}

std::string gunzipped(const std::string& bytes, std::string_view name) {
    if (bytes.substr(0, 2) != "\x1f\x8b") {
        return bytes;
    }
    const auto damaged = [&] {
        return Error(Failure::recipe, fmt::format("{} is damaged gzip data", name), "compress it again");
    };
    const Handle<struct archive, archive_read_free> reader(archive_read_new());
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_format_raw(reader.get());
    struct archive_entry* entry = nullptr;
    if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK ||
        archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
        throw damaged();
    }
    std::string out;
    std::array<char, 16384> buffer{};
    for (la_ssize_t got = 1; got > 0;) {
        got = archive_read_data(reader.get(), buffer.data(), buffer.size());
        if (got < 0) {
            throw damaged();
        }
        out.append(buffer.data(), static_cast<std::size_t>(got));
        if (out.size() > largest_unpacked) {
            throw Error(Failure::recipe, fmt::format("{} is larger than 16 MiB unpacked", name),
                        "user-data is for configuration, not for data");
        }
    }
    return out;
}

Json cloud_config(const SeedSpec& spec) {
    Json out = Json::object();
    add_identity(spec, out);
    add_logins(spec, out);
    add_repositories(spec, out);
    add_disks(spec, out);
    add_work(spec, out);
    for (const auto& [key, value] : spec.extra.items()) {
        out[key] = value;
    }
    return out;
}

/// Body of a MIME part with its transfer encoding's header. Bytes beyond ASCII travel as base64: of an 8bit
/// body in UTF-8 Python's e-mail package gives cloud-init surrogates, and all of the part is dropped ("Failed
/// loading yaml blob"; seen with cloud-init 25.1.4).
std::string encoded_part(const std::string& name, const std::string& more_headers, const std::string& body) {
    const bool ascii =
        std::none_of(body.begin(), body.end(), [](char c) { return static_cast<unsigned char>(c) > 0x7F; });
    std::string text = ascii ? body : std::string();
    if (!ascii) {
        const std::string coded = base64_encode(body);
        constexpr std::size_t line = 76;  // RFC 2045, 6.8
        for (std::size_t at = 0; at < coded.size(); at += line) {
            text += coded.substr(at, line) + "\n";
        }
    }
    return fmt::format(
        "Content-Transfer-Encoding: {}\nContent-Disposition: attachment; filename=\"{}\"\n{}\n{}",
        ascii ? "7bit" : "base64", name, more_headers, text);
}

std::string merged_user_data(const std::string& users, const Json& ours) {
    const UserDataKind kind = user_data_kind(users);
    const std::string boundary = unused_boundary(users, cloud_config_text(ours));
    std::string out = fmt::format(
        "Content-Type: multipart/mixed; boundary=\"{}\"\nMIME-Version: 1.0\n\n--{}\n", boundary, boundary);
    if (kind == UserDataKind::mime) {
        out += users;  // its own headers make it a nested multipart, which cloud-init walks into
    } else {
        out += fmt::format("Content-Type: {}; charset=\"utf-8\"\nMIME-Version: 1.0\n", mime_type(kind));
        out += encoded_part("user-data", "", users);
    }
    out += fmt::format("\n--{}\nContent-Type: text/cloud-config; charset=\"utf-8\"\nMIME-Version: 1.0\n",
                       boundary);
    // cloud-init mergers/m_dict.py: "no_replace" lets what stands win, "recurse_list" hands lists to the list
    // merger.
    out += encoded_part("imgforge", "Merge-Type: list(append)+dict(no_replace,recurse_list)+str()\n",
                        cloud_config_text(ours));
    return out + fmt::format("\n--{}--\n", boundary);
}

}  // namespace imgforge::seeds
