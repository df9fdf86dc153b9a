// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/user_data.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/image/archive_library.hpp"
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

/// Python's str.strip() at the front.
std::string_view stripped_front(std::string_view bytes) {
    return bytes.substr(std::min(bytes.find_first_not_of(" \t\r\n\v\f"), bytes.size()));
}

/// cloud-init looks for the word anywhere in the first 4096 bytes (user_data.py convert_string).
bool has_mime_header(std::string_view bytes) {
    return lower_case(bytes.substr(0, 4096)).find("mime-version:") != std::string::npos;
}

const Prefix* prefix_of(std::string_view bytes) {
    constexpr std::size_t longest = 64;
    const std::string head = lower_case(stripped_front(bytes).substr(0, longest));
    const auto* const found = std::find_if(prefixes.begin(), prefixes.end(), [&](const Prefix& prefix) {
        return head.starts_with(prefix.text);
    });
    return found == prefixes.end() ? nullptr : &*found;
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
    if (!user.ssh_import_ids.empty()) {
        entry["ssh_import_id"] = user.ssh_import_ids;
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
    const bool in_meta_data = spec.verbatim && spec.user_data;  // the only place that is left
    if (!spec.hostname.empty() && !in_meta_data) {
        out["hostname"] = spec.hostname;
        // The image may be configured to keep its name (an installer's 99-installer.cfg, PEERS T1).
        out["preserve_hostname"] = false;
        out["manage_etc_hosts"] = "localhost";
    }
    if (!spec.fqdn.empty() && !in_meta_data) {
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
    if (!spec.ssh_import_ids.empty()) {
        out["ssh_import_id"] = spec.ssh_import_ids;
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

}  // namespace

UserDataKind kind_by_prefix(std::string_view bytes) {
    if (trimmed(bytes).empty()) {
        return UserDataKind::empty;
    }
    const Prefix* const prefix = prefix_of(bytes);
    return prefix != nullptr ? prefix->kind : UserDataKind::unknown;
}

UserDataKind user_data_kind(std::string_view bytes) {
    const UserDataKind kind = kind_by_prefix(bytes);
    const bool message = kind != UserDataKind::empty && kind != UserDataKind::jinja && has_mime_header(bytes);
    return message ? UserDataKind::mime : kind;
}

UserDataKind kind_of_type(std::string_view type) {
    if (type.starts_with("text/x-shellscript")) {
        return UserDataKind::script;  // with -per-boot, -per-instance, -per-once
    }
    const auto* const found = std::find_if(prefixes.begin(), prefixes.end(),
                                           [&](const Prefix& prefix) { return prefix.type == type; });
    return found == prefixes.end() ? UserDataKind::unknown : found->kind;
}

std::string_view header_of(UserDataKind kind) {
    const auto* const found = std::find_if(prefixes.begin(), prefixes.end(),
                                           [&](const Prefix& prefix) { return prefix.kind == kind; });
    return found == prefixes.end() ? std::string_view() : found->text;
}

bool begins_exactly(std::string_view bytes) {
    const Prefix* const prefix = prefix_of(bytes);
    return prefix != nullptr && bytes.starts_with(prefix->text);
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
    const Handle<struct archive, &archive_read_free> reader(archive_read_new());
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

}  // namespace imgforge::seeds
