// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_reader.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/iso_reader.hpp"
#include "seeds/seed_checks.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"
#include "seeds/vfat_reader.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::uintmax_t largest_seed = 64U << 20U;
constexpr std::size_t most_files = 4096;

void add(FoundSeed& seed, const std::string& file, std::string message, std::string suggestion = {}) {
    seed.problems.add({.file = file, .message = std::move(message), .suggestion = std::move(suggestion)});
}

Error too_large(const std::filesystem::path& path) {
    return Error(Failure::recipe,
                 fmt::format("{} is no seed: it holds more than 64 MiB or 4096 files", path.string()));
}

SeedFiles folder_files(const std::filesystem::path& folder) {
    SeedFiles files;
    std::uintmax_t total = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (!entry.is_regular_file() || entry.is_symlink()) {
            continue;
        }
        total += entry.file_size();
        if (total > largest_seed || files.size() >= most_files) {
            throw too_large(folder);
        }
        files[std::filesystem::relative(entry.path(), folder).string()] = read_file(entry.path());
    }
    return files;
}

SeedFiles iso_files(const image::IsoReader& iso) {
    SeedFiles files;
    std::uintmax_t total = 0;
    for (const image::IsoEntry& entry : iso.walk("", most_files)) {
        if (entry.kind != image::IsoEntry::Kind::file) {
            continue;
        }
        total += entry.size;
        if (total > largest_seed) {
            throw too_large(iso.file());
        }
        files[entry.path] = iso.read(entry.path, largest_seed);
    }
    return files;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

void judge_user_data(FoundSeed& seed, const std::string& path) {
    const auto found = seed.files.find(path);
    if (found == seed.files.end()) {
        return;
    }
    try {
        seed.problems.append(check_user_data(found->second, path));
    } catch (const Error& error) {
        add(seed, path, error.message());
    }
}

void judge_nocloud(FoundSeed& seed) {
    for (const char* const name : {"meta-data", "user-data"}) {
        if (!seed.files.contains(name)) {
            add(seed, name, "missing, so cloud-init does not take this medium for a NoCloud seed");
        }
    }
    const auto meta = seed.files.find("meta-data");
    if (meta != seed.files.end() && meta->second.find("instance-id") == std::string::npos) {
        add(seed, "meta-data",
            "there is no instance-id, so a clone does not notice that it is a new machine; add for example "
            "'instance-id: i-0001'");
    }
    judge_user_data(seed, "user-data");
    const auto network = seed.files.find("network-config");
    if (network != seed.files.end()) {
        seed.problems.append(check_network_config(network->second, "network-config"));
    }
    if (!seed.label.empty() && lower(seed.label) != "cidata") {
        add(seed, "", fmt::format("the volume is labelled '{}', cloud-init looks for cidata", seed.label),
            "cidata");
    }
}

void judge_configdrive(FoundSeed& seed) {
    const std::string base = "openstack/latest/";
    const auto meta = seed.files.find(base + "meta_data.json");
    if (meta == seed.files.end()) {
        add(seed, base + "meta_data.json",
            "missing, so cloud-init does not take this medium for a ConfigDrive");
    } else if (!Json::accept(meta->second) || !Json::parse(meta->second).contains("uuid")) {
        add(seed, meta->first, "not JSON with a `uuid`");
    }
    for (const char* const name : {"network_data.json", "vendor_data.json"}) {
        const auto found = seed.files.find(base + name);
        if (found != seed.files.end() && !Json::accept(found->second)) {
            add(seed, found->first, "not JSON");
        }
    }
    judge_user_data(seed, base + "user_data");
    if (!seed.label.empty() && lower(seed.label) != "config-2") {
        add(seed, "", fmt::format("the volume is labelled '{}', cloud-init looks for config-2", seed.label),
            "config-2");
    }
}

}  // namespace

FoundSeed judge_seed(SeedFiles files, std::string label) {
    FoundSeed seed{.datasource = "unknown", .label = std::move(label), .files = std::move(files)};
    const bool has_openstack = std::any_of(seed.files.begin(), seed.files.end(), [](const auto& file) {
        return file.first.rfind("openstack/", 0) == 0;
    });
    if (has_openstack) {
        seed.datasource = "configdrive";
        judge_configdrive(seed);
    } else if (seed.files.contains("user-data") || seed.files.contains("meta-data") ||
               lower(seed.label) == "cidata") {
        seed.datasource = "nocloud";
        judge_nocloud(seed);
    } else {
        add(seed, "", "neither user-data and meta-data nor openstack/latest is on it: this is no seed");
    }
    seed.problems.sort();
    return seed;
}

FoundSeed read_seed(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) {
        return judge_seed(folder_files(path), "");
    }
    if (std::filesystem::file_size(path) <= 2 * largest_seed) {
        const std::string bytes = read_file(path);
        if (is_vfat(bytes)) {
            std::string label;
            SeedFiles files = read_vfat(bytes, label);
            return judge_seed(std::move(files), label);
        }
    }
    try {
        const image::IsoReader iso(path);
        return judge_seed(iso_files(iso), iso.volume().label);
    } catch (const Error& error) {
        if (error.kind() != Failure::integrity) {
            throw;
        }
        // The reader's own remedy speaks of installer media.
        throw Error(
            error.kind(), error.message(),
            "a seed is an ISO 9660 or vfat image or a folder; make it again with imgforge seed create");
    }
}

Json seed_record(const FoundSeed& seed) {
    Json files = Json::array();
    for (const auto& [path, bytes] : seed.files) {
        files.push_back({{"path", path}, {"size", bytes.size()}, {"sha256", sha256_hex(bytes)}});
    }
    return {{"datasource", seed.datasource},
            {"label", seed.label},
            {"files", files},
            {"problems", seed.problems.to_json()}};
}

}  // namespace imgforge::seeds
