// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/guest_yaml.hpp"
#include "builder/base/random.hpp"

#include "seeds/cloud_yaml.hpp"
#include "seeds/network.hpp"
#include "seeds/seed_checks.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

/// The Rocky release of the format; cloud-init takes the newest dated directory it knows and "latest" only
/// without one (sources/helpers/openstack.py _find_working_version), other readers take "latest".
constexpr const char* dated_version = "2018-08-27";

std::string user_data(const SeedSpec& spec) {
    const Json ours = cloud_config(spec);
    if (!spec.user_data) {
        return cloud_config_text(ours);
    }
    if (spec.verbatim) {
        if (!ours.empty() || !spec.more_user_data.empty()) {
            throw Error(Failure::recipe,
                        fmt::format("user-data is to be taken verbatim, so `{}` has no place",
                                    ours.empty() ? "a second part" : ours.begin().key()),
                        "leave the option out, or let it be merged");
        }
        return *spec.user_data;
    }
    if (ours.empty() && spec.more_user_data.empty()) {
        return gunzipped(*spec.user_data, spec.user_data_name);
    }
    std::vector<SeedPart> parts{
        {.bytes = gunzipped(*spec.user_data, spec.user_data_name), .name = "user-data"}};
    for (const SeedPart& part : spec.more_user_data) {
        parts.push_back({.bytes = gunzipped(part.bytes, part.name), .name = part.name, .type = part.type});
    }
    return merged_user_data(parts, ours);
}

/// The network as a tree, from the user's own file when there is one.
Json network_tree(const SeedSpec& spec) {
    if (!spec.network_config) {
        return unwrapped_network(spec.network);
    }
    Diagnostics faults;
    const auto yaml = parse_guest_yaml(*spec.network_config, spec.network_config_name, faults);
    faults.throw_if_errors();
    return yaml ? unwrapped_network(yaml->document.root) : Json(nullptr);
}

/// The name of the machine as meta-data says it: with its domain when there is one.
std::string machine_name(const SeedSpec& spec) {
    return spec.verbatim && !spec.fqdn.empty() ? spec.fqdn
           : spec.hostname.empty()             ? spec.fqdn
                                               : spec.hostname;
}

/// The user's own meta-data with what it does not say; the file itself when nothing is added.
std::string meta_data(const SeedSpec& spec, const std::string& instance_id) {
    Json meta = Json::object();
    if (spec.meta_data) {
        Diagnostics faults;
        const auto yaml = parse_guest_yaml(*spec.meta_data, spec.meta_data_name, faults);
        faults.throw_if_errors();
        meta = yaml && yaml->document.root.is_object() ? yaml->document.root : meta;
    }
    const Json own = meta;
    if (!meta.contains("instance-id") || !spec.instance_id.empty()) {
        meta["instance-id"] = instance_id;
    }
    if (const std::string name = machine_name(spec); !name.empty()) {
        meta["local-hostname"] = name;
    }
    if (!spec.dsmode.empty()) {
        meta["dsmode"] = spec.dsmode;
    }
    return spec.meta_data && meta == own ? *spec.meta_data : yaml_text(meta);
}

SeedFiles nocloud_files(const SeedSpec& spec, const std::string& instance_id) {
    SeedFiles files{{"meta-data", meta_data(spec, instance_id)}, {"user-data", user_data(spec)}};
    if (spec.vendor_data) {
        files["vendor-data"] = *spec.vendor_data;
    }
    if (spec.network_config) {
        files["network-config"] = *spec.network_config;
    } else if (const Json network = unwrapped_network(spec.network); !network.is_null()) {
        files["network-config"] = yaml_text(network);
    }
    return files;
}

SeedFiles configdrive_files(const SeedSpec& spec, const std::string& instance_id, Diagnostics& warnings) {
    const std::string name = machine_name(spec);
    Json meta{{"uuid", instance_id}, {"name", name.empty() ? instance_id : name}};
    if (!name.empty()) {
        meta["hostname"] = name;
    }
    for (std::size_t i = 0; i < spec.ssh_keys.size(); ++i) {
        meta["public_keys"][fmt::format("key-{}", i)] = spec.ssh_keys[i];
    }
    if (!spec.dsmode.empty()) {
        meta["dsmode"] = spec.dsmode;
    }
    Json network = network_tree(spec);
    if (!network.is_null()) {
        network = openstack_network(network, spec.network_config_name, warnings);
    }
    SeedFiles files;
    for (const std::string folder : {"latest", dated_version}) {
        const std::string base = "openstack/" + folder + "/";
        files[base + "meta_data.json"] = pretty(meta);
        files[base + "user_data"] = user_data(spec);
        // OpenStack's vendor data is a dictionary; cloud-init takes its own part of it.
        files[base + "vendor_data.json"] =
            pretty(spec.vendor_data ? Json{{"cloud-init", *spec.vendor_data}} : Json::object());
        if (!network.is_null()) {
            files[base + "network_data.json"] = pretty(network);
        }
    }
    return files;
}

}  // namespace

Datasource parse_datasource(std::string_view word) {
    if (word == "nocloud") {
        return Datasource::nocloud;
    }
    if (word == "configdrive") {
        return Datasource::configdrive;
    }
    throw Error(Failure::usage, fmt::format("unknown datasource '{}'", word), "use nocloud or configdrive");
}

std::string_view to_string(Datasource datasource) {
    return datasource == Datasource::nocloud ? "nocloud" : "configdrive";
}

std::string_view volume_label(Datasource datasource) {
    return datasource == Datasource::nocloud ? "cidata" : "config-2";
}

std::string fresh_instance_id() {
    return "i-" + random_uuid();
}

SeedFiles seed_files(const SeedSpec& spec, Diagnostics& warnings) {
    const Diagnostics found = check_seed(spec);
    found.throw_if_errors();
    if (spec.meta_data && spec.datasource == Datasource::configdrive) {
        throw Error(Failure::recipe, "meta-data is a file of NoCloud, a ConfigDrive has meta_data.json",
                    "leave it out, or use --datasource nocloud");
    }
    warnings.append(found);
    const std::string instance_id = spec.instance_id.empty() ? fresh_instance_id() : spec.instance_id;
    return spec.datasource == Datasource::nocloud ? nocloud_files(spec, instance_id)
                                                  : configdrive_files(spec, instance_id, warnings);
}

SeedFiles seed_files(const SeedSpec& spec) {
    Diagnostics warnings;
    return seed_files(spec, warnings);
}

}  // namespace imgforge::seeds
