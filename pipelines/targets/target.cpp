// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/target.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/slashes.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

const TargetKind* find_kind(std::string_view word) {
    const auto& kinds = target_kinds();
    const auto found =
        std::find_if(kinds.begin(), kinds.end(), [&](const TargetKind& kind) { return kind.word == word; });
    return found == kinds.end() ? nullptr : &*found;
}

/// A path or the path of a file:// URL; absolute, without a slash at the end.
std::string plain_path(const std::string& text) {
    const fs::path path = text.starts_with("file://") ? text.substr(7) : text;
    return without_end_slashes(fs::absolute(path).lexically_normal().string(), 1);
}

NamedTarget placed(std::string_view kind, std::string place) {
    place = without_end_slashes(std::move(place), 1);
    return {.name = kind == "oci" ? "oci://" + place : place,
            .setting = {.kind = std::string(kind), .places = {place}}};
}

/// Nobody means a new directory of the current one by a word that looks like a target's name.
void require_path(const Settings& settings, const std::string& text) {
    std::error_code code;
    if (text.find('/') != std::string::npos || fs::exists(text, code)) {
        return;
    }
    std::vector<std::string> names;
    for (const auto& [name, unused] : settings.targets) {
        names.push_back(name);
    }
    throw Error(Failure::usage, fmt::format("unknown target '{}'{}", text, did_you_mean(text, names)),
                names.empty() ? fmt::format("define it under `targets:` in the settings, or write ./{} for a "
                                            "directory",
                                            text)
                              : fmt::format("targets in the settings: {}; write ./{} for a directory",
                                            fmt::join(names, ", "), text));
}

}  // namespace

const std::vector<TargetKind>& target_kinds() {
    static const std::vector<TargetKind> kinds = {
        {.word = "folder",
         .summary = "a directory that a web server can show",
         .pulls = true,
         .open = open_folder_target},
        {.word = "web", .summary = "the URL of such a directory", .pushes = false, .pulls = true},
        {.word = "s3",
         .summary = "a bucket of an S3 service, with the same files",
         .pulls = true,
         .open = open_s3_target},
        {.word = "oci",
         .summary = "a repository of a container registry, as containerDisk (KubeVirt) or in windows",
         .pulls = true,
         .open = open_registry_target},
        {.word = "rbd", .summary = "a Ceph pool: snapshots to clone machines from", .open = open_rbd_target},
        {.word = "glance",
         .summary = "OpenStack's image service, by a cloud's name",
         .open = open_glance_target},
        {.word = "libvirt",
         .summary = "a storage pool of libvirt hosts: volumes that machines stand on",
         .open = open_libvirt_target},
    };
    return kinds;
}

const TargetKind& NamedTarget::kind() const {
    if (const TargetKind* found = find_kind(setting.kind)) {
        return *found;
    }
    throw Error(Failure::usage,
                fmt::format("target '{}': this program does not know the kind '{}'", name, setting.kind));
}

bool NamedTarget::pulls() const {
    return kind().pulls && (setting.kind != "oci" || setting.option("format") == "windows");
}

NamedTarget find_target(const Settings& settings, const std::string& text) {
    if (const auto found = settings.targets.find(text); found != settings.targets.end()) {
        NamedTarget target{.name = text, .setting = found->second};
        if (target.setting.kind == "folder") {
            target.setting.places = {plain_path(target.setting.place())};
        }
        return target;
    }
    if (text.starts_with("http://") || text.starts_with("https://")) {
        return placed("web", text);
    }
    if (text.starts_with("oci://")) {
        return placed("oci", text.substr(6));
    }
    const std::size_t colon = text.find(':');
    if (colon != std::string::npos && !text.starts_with("file:")) {
        if (const TargetKind* kind = find_kind(text.substr(0, colon))) {
            NamedTarget target = placed(kind->word, text.substr(colon + 1));
            target.name = text;
            return target;
        }
    }
    if (text.find("://") != std::string::npos && !text.starts_with("file://")) {
        throw Error(Failure::usage, fmt::format("'{}' is an unknown kind of URL", text),
                    "a target is a directory, http(s)://…, oci://HOST/REPOSITORY or a name of the settings");
    }
    require_path(settings, text);
    return placed("folder", plain_path(text));
}

std::unique_ptr<Target> open_target(const NamedTarget& target, const TargetServices& services) {
    const TargetKind& kind = target.kind();
    if (kind.open == nullptr) {
        throw Error(Failure::usage, fmt::format("'{}' cannot be pushed to", target.name),
                    "push to the directory that the web server shows");
    }
    return kind.open(target.setting, services);
}

}  // namespace imgforge::targets
