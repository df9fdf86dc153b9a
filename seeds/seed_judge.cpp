// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "seeds/meta_data_checks.hpp"
#include "seeds/network_checks.hpp"
#include "seeds/seed_reader.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"
#include "seeds/user_data_checks.hpp"

namespace imgforge::seeds {
namespace {

void add(FoundSeed& seed, const std::string& file, std::string message, std::string suggestion = {}) {
    seed.problems.add({.file = file, .message = std::move(message), .suggestion = std::move(suggestion)});
}

void judge_user_data(FoundSeed& seed, const std::string& path, const Guest& guest) {
    const auto found = seed.files.find(path);
    if (found != seed.files.end() && user_data_kind(found->second) != UserDataKind::empty) {
        seed.problems.append(check_user_data(found->second, path, guest));
    }
}

void judge_nocloud(FoundSeed& seed, const Guest& guest) {
    for (const char* const name : {"meta-data", "user-data"}) {
        if (!seed.files.contains(name)) {
            add(seed, name, "missing, so cloud-init does not recognise a NoCloud seed");
        }
    }
    if (const auto meta = seed.files.find("meta-data"); meta != seed.files.end()) {
        seed.problems.append(check_meta_data(meta->second, "meta-data"));
    }
    judge_user_data(seed, "user-data", guest);
    judge_user_data(seed, "vendor-data", guest);
    const auto network = seed.files.find("network-config");
    if (network != seed.files.end()) {
        seed.problems.append(check_network_text(network->second, "network-config", guest));
    }
    if (!seed.label.empty() && lower_case(seed.label) != "cidata") {
        add(seed, "", fmt::format("the volume is labelled '{}', cloud-init looks for cidata", seed.label),
            "cidata");
    }
}

/// vendor_data.json is a dictionary whose `cloud-init` cloud-init takes, or a text, or a list of texts.
void judge_vendor_data(FoundSeed& seed, const std::string& path, const Json& value, const Guest& guest) {
    const Json& own = value.is_object() && value.contains("cloud-init") ? value["cloud-init"] : value;
    if (own.is_string() && user_data_kind(own.get_ref<const std::string&>()) != UserDataKind::empty) {
        seed.problems.append(check_user_data(own.get<std::string>(), path, guest));
    }
}

void judge_configdrive(FoundSeed& seed, const Guest& guest) {
    const std::string base = "openstack/latest/";
    const auto meta = seed.files.find(base + "meta_data.json");
    if (meta == seed.files.end()) {
        add(seed, base + "meta_data.json", "missing, so cloud-init does not recognise a ConfigDrive");
    } else {
        const Json value = Json::parse(meta->second, nullptr, false);
        if (!value.is_object() || !value.contains("uuid")) {
            add(seed, meta->first, "not JSON with a `uuid`");
        }
    }
    for (const char* const name : {"network_data.json", "vendor_data.json"}) {
        const auto found = seed.files.find(base + name);
        if (found == seed.files.end()) {
            continue;
        }
        const Json value = Json::parse(found->second, nullptr, false);
        if (value.is_discarded()) {
            add(seed, found->first, "not JSON");
        } else if (std::string_view(name) == "vendor_data.json") {
            judge_vendor_data(seed, found->first, value, guest);
        }
    }
    judge_user_data(seed, base + "user_data", guest);
    if (!seed.label.empty() && lower_case(seed.label) != "config-2") {
        add(seed, "", fmt::format("the volume is labelled '{}', cloud-init looks for config-2", seed.label),
            "config-2");
    }
}

}  // namespace

FoundSeed judge_seed(SeedFiles files, std::string label, const Guest& guest) {
    FoundSeed seed{.datasource = "unknown", .label = std::move(label), .files = std::move(files)};
    const bool has_openstack = std::any_of(seed.files.begin(), seed.files.end(), [](const auto& file) {
        return file.first.rfind("openstack/", 0) == 0;
    });
    if (has_openstack) {
        seed.datasource = "configdrive";
        judge_configdrive(seed, guest);
    } else if (seed.files.contains("user-data") || seed.files.contains("meta-data") ||
               lower_case(seed.label) == "cidata") {
        seed.datasource = "nocloud";
        judge_nocloud(seed, guest);
    } else {
        add(seed, "", "neither user-data and meta-data nor openstack/latest is on it: this is not a seed");
    }
    seed.problems.sort();
    return seed;
}

}  // namespace imgforge::seeds
