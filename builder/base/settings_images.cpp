// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/settings_table.hpp"
#include "builder/base/user_path.hpp"

namespace imgforge {
namespace {

using Name = const std::string&;
using Value = const Json&;

constexpr std::array<const char*, 7> target_words = {"folder", "s3",     "web",    "oci",
                                                     "rbd",    "glance", "libvirt"};

/// Options that only some kinds have; a pool of a directory is a typing error or a misunderstanding.
constexpr std::array<std::pair<const char*, const char*>, 9> limited_options = {
    {{"files", "folder"},
     {"format", "oci libvirt glance"},
     {"pool", "libvirt"},
     {"conf", "rbd glance"},
     {"user", "rbd"},
     {"visibility", "glance"},
     {"keep", "glance"},
     {"region", "s3"},
     {"credentials", "s3"}}};

std::string kind_in(Value target) {
    const auto* const found = std::find_if(target_words.begin(), target_words.end(),
                                           [&](const char* word) { return target.contains(word); });
    return *found;
}

/// One of the keys that name a place, and only one: the rows below fill in what they say. A later file may
/// add options to a target of an earlier one.
void read_target(Settings& settings, Name name, Value value) {
    const auto named = std::count_if(target_words.begin(), target_words.end(),
                                     [&](const char* word) { return value.contains(word); });
    TargetSetting& target = settings.targets[name];
    if (named > 1 || (named == 0 && target.kind.empty())) {
        throw Error(Failure::recipe,
                    fmt::format("target '{}' names {} places, it needs exactly one", name, named),
                    "one of: folder, s3, web, oci, rbd, glance, libvirt");
    }
    const std::string kind = named == 0 ? target.kind : kind_in(value);
    for (const auto& [option, kinds] : limited_options) {
        if (value.contains(option) &&
            (" " + std::string(kinds) + " ").find(" " + kind + " ") == std::string::npos) {
            throw Error(Failure::recipe,
                        fmt::format("'{}' of target '{}' has no effect on a target of the kind {}", option,
                                    name, kind),
                        fmt::format("remove it; it is an option of: {}", kinds));
        }
    }
}

void set_place(Settings& settings, Name name, const char* kind, Value value) {
    settings.targets[name].kind = kind;
    settings.targets[name].places =
        value.is_string() ? std::vector{value.get<std::string>()} : value.get<std::vector<std::string>>();
}

void set_option(Settings& settings, Name name, const char* option, Value value) {
    settings.targets[name].options[option] = value.is_string() ? value.get<std::string>() : value.dump();
}

void set_file_option(Settings& settings, Name name, const char* option, Value value) {
    settings.targets[name].options[option] = user_path(value.get<std::string>());
}

/// Kept as text; only checked here.
void read_valid(Settings& settings, Name name, Value value) {
    parse_duration(value.get<std::string>());
    set_option(settings, name, "valid", value);
}

/// Zero would end every start of the appliance before it begins.
void read_appliance_timeout(Settings& settings, Name /*name*/, Value value) {
    const std::chrono::seconds timeout =
        parse_duration(value.is_string() ? value.get<std::string>() : value.dump());
    if (timeout <= std::chrono::seconds::zero()) {
        throw Error(Failure::recipe, "a timeout of 0 is invalid", "write it as 5m or 300s");
    }
    settings.appliance_timeout = timeout;
}

void read_image_path(Settings& settings, Name /*name*/, Value value) {
    settings.image_path.clear();
    for (const std::string& text :
         value.is_string() ? std::vector{value.get<std::string>()} : value.get<std::vector<std::string>>()) {
        const std::string folder = user_path(text);
        if (!std::filesystem::path(folder).is_absolute()) {
            throw Error(Failure::recipe, fmt::format("'{}' is not an absolute path", folder),
                        "name the other store's home, such as /var/lib/imgforge");
        }
        settings.image_path.emplace_back(folder);
    }
}

std::vector<SettingRow> place_rows() {
    return {
        {"targets", R"json({"description": "places for `images push`, `pull` and `follow`, by name"})json"},
        {"targets.*",
         R"json({"description": "one target: a key that names the place, and options of its kind",
             "type": "object", "minProperties": 1,
             "x-message": "a target needs its place: one of folder, s3, web, oci, rbd, glance and libvirt",
             "examples": [{"folder": "/srv/imgforge"}]})json",
         read_target},
        {"targets.*.folder",
         R"json({"description": "directory, which a web server can serve", "type": "string", "minLength": 1,
             "examples": ["/srv/imgforge"]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "folder", user_path(v.get<std::string>())); }},
        {"targets.*.s3",
         R"json({"description": "URL of a bucket of an S3 service, or of a directory in it", "type": "string",
             "pattern": "^https?://[^/]+/.+", "x-message": "must be a URL such as https://HOST/BUCKET[/DIRECTORY]",
             "examples": ["https://s3.example.org/images"]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "s3", v); }},
        {"targets.*.web",
         R"json({"description": "URL of a directory that another host pushes to; for pull and follow",
             "type": "string", "pattern": "^https?://", "x-message": "must be an http or https URL",
             "examples": ["https://images.example.org/golden"]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "web", v); }},
        {"targets.*.oci",
         R"json({"description": "repository of a container registry; {image} is the image's name",
             "type": "string", "minLength": 1, "examples": ["registry.example.org/golden/{image}"]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "oci", v); }},
        {"targets.*.rbd",
         R"json({"description": "Ceph pool", "type": "string", "minLength": 1, "examples": ["images"]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "rbd", v); }},
        {"targets.*.glance",
         R"json({"description": "a cloud in clouds.yaml whose image service is used", "type": "string",
             "minLength": 1, "examples": ["production"]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "glance", v); }},
        {"targets.*.libvirt",
         R"json({"description": "libvirt URI, or a list of them", "type": ["string", "array"],
             "minLength": 1, "minItems": 1, "items": {"type": "string", "minLength": 1},
             "examples": [["qemu+ssh://lab1/system"]]})json",
         [](Settings& s, Name n, Value v) { set_place(s, n, "libvirt", v); }},
    };
}

std::vector<SettingRow> option_rows() {
    return {
        {"targets.*.key",
         R"json({"description":
             "Ed25519 key (PEM) for the index: the private key signs, the public key verifies",
             "type": "string", "minLength": 1, "examples": ["/etc/imgforge/index.key"]})json",
         [](Settings& s, Name n, Value v) { set_file_option(s, n, "key", v); }},
        {"targets.*.valid",
         R"json({"description": "how long an index is valid (directory, s3); default: 30d", "type": "string",
             "examples": ["7d"]})json",
         read_valid},
        {"targets.*.follow",
         R"json({"description": "whether `images follow` without arguments includes it",
             "type": "boolean", "examples": [true]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "follow", v); }},
        {"targets.*.files",
         R"json({"description":
             "also whole qcow2 files with SHA256SUMS, for curl and systemd-pull (directory)",
             "type": "boolean", "examples": [true]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "files", v); }},
        {"targets.*.format",
         R"json({"description":
             "form of the image: containerdisk or windows (oci), qcow2 (libvirt), qcow2 or raw (glance)",
             "enum": ["containerdisk", "windows", "qcow2", "raw"], "type": "string",
                 "examples": ["containerdisk"]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "format", v); }},
        {"targets.*.pool",
         R"json({"description": "libvirt storage pool; default: imgforge, else default", "type": "string",
             "minLength": 1,
             "examples": ["golden"]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "pool", v); }},
        {"targets.*.conf",
         R"json({"description": "ceph.conf (rbd) or clouds.yaml (glance)", "type": "string", "minLength": 1,
             "examples": ["/etc/ceph/ceph.conf"]})json",
         [](Settings& s, Name n, Value v) { set_file_option(s, n, "conf", v); }},
        {"targets.*.user",
         R"json({"description": "Ceph user without `client.`", "type": "string", "minLength": 1,
             "examples": ["imgforge"]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "user", v); }},
        {"targets.*.visibility",
         R"json({"description": "who sees the image (glance)", "type": "string",
             "enum": ["private", "shared", "community", "public"], "examples": ["private"]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "visibility", v); }},
        {"targets.*.keep",
         R"json({"description":
             "hidden generations that stay when another one is promoted (glance); default: all",
             "type": "integer", "minimum": 1, "maximum": 1000, "examples": [3]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "keep", v); }},
        {"targets.*.region",
         R"json({"description": "region that S3 requests are signed for; default: us-east-1",
             "type": "string", "minLength": 1, "examples": ["eu-central-1"]})json",
         [](Settings& s, Name n, Value v) { set_option(s, n, "region", v); }},
        {"targets.*.credentials",
         R"json({"description":
             "file with aws_access_key_id and aws_secret_access_key; else environment, ~/.aws/credentials",
             "type": "string", "minLength": 1, "examples": ["/etc/imgforge/s3.credentials"]})json",
         [](Settings& s, Name n, Value v) { set_file_option(s, n, "credentials", v); }},
    };
}

std::vector<SettingRow> trust_rows() {
    return {
        {"signing", R"json({"description": "the key that signs attestations and indexes"})json"},
        {"signing.key",
         R"json({"description": "private Ed25519 key (PEM, `imgforge keygen`); default: the store's own",
             "type": "string", "minLength": 1, "examples": ["/etc/imgforge/signing.key"]})json",
         [](Settings& s, Name, Value v) { s.signing_key = user_path(v.get<std::string>()); }},
        {"images", R"json({"description": "where golden images come from"})json"},
        {"images.path",
         R"json({"description": "homes of other stores, to list and spawn from; only read",
             "type": ["string", "array"], "minItems": 1, "items": {"type": "string", "minLength": 1},
             "examples": [["/var/lib/imgforge"]]})json",
         read_image_path},
        {"appliance", R"json({"description": "the libguestfs appliance that works inside disks"})json"},
        {"appliance.timeout",
         R"json({"description":
             "how long one start may take; default: 2m30s, longer on slow and busy hosts",
             "type": ["string", "integer"], "examples": ["10m"]})json",
         read_appliance_timeout},
    };
}

}  // namespace

std::vector<SettingRow> image_setting_rows() {
    std::vector<SettingRow> all = place_rows();
    for (const std::vector<SettingRow>& more : {option_rows(), trust_rows()}) {
        all.insert(all.end(), more.begin(), more.end());
    }
    return all;
}

}  // namespace imgforge
