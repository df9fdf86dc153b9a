// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/targets/indexed_target.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/push.hpp"
#include "pipelines/targets/push_registry.hpp"
#include "pipelines/targets/pushed.hpp"
#include "pipelines/targets/registry_folder.hpp"

namespace imgforge::targets {
namespace {

/// A tag that is a generation's number; 0 for others (`latest`).
int tag_number(const std::string& tag) {
    int number = 0;
    const auto [end, code] = std::from_chars(tag.data(), tag.data() + tag.size(), number);
    return code == std::errc() && end == tag.data() + tag.size() && number > 0 ? number : 0;
}

/// A repository of a registry, or with {image} one repository per image.
class DiskRegistry final : public Target {
public:
    DiskRegistry(std::string place, const TargetServices& services)
        : place_(std::move(place)), services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        const fetch::RegistryName name = repository(generation.image);
        const RegistryPush result =
            push_to_registry(services_.store, services_.processes, services_.monitor, generation, name);
        const std::string target = fmt::format("oci://{}/{}", name.host, name.repository);
        return {.record = {{"target", target},
                           {"digest", result.digest},
                           {"sent", result.layer_sent},
                           {"bytes", result.bytes}},
                .text = fmt::format("{} is {}:{} ({}{})\n", generation.label(), target, generation.generation,
                                    result.digest, result.layer_sent ? "" : ", the registry had its layer")};
    }

    /// A registry does not say which repositories are ours: those of images that were pushed to it.
    std::vector<TargetGeneration> generations() override {
        std::vector<TargetGeneration> all;
        for (const std::string& image : images()) {
            fetch::Registry registry(repository(image));
            const auto latest = registry.manifest("latest");
            std::vector<TargetGeneration> here;
            for (const std::string& tag : registry.tags()) {
                if (const int number = tag_number(tag); number != 0) {
                    const auto found = registry.manifest(tag);
                    here.push_back({.image = image,
                                    .generation = number,
                                    .state = {},
                                    .current = latest && found && latest->digest == found->digest});
                }
            }
            std::sort(here.begin(), here.end(), [](const TargetGeneration& a, const TargetGeneration& b) {
                return a.generation < b.generation;
            });
            name_states(here);
            all.insert(all.end(), here.begin(), here.end());
        }
        return all;
    }

    bool can_promote(const std::string& image, int generation) override {
        return fetch::Registry(repository(image)).manifest(std::to_string(generation)).has_value();
    }

    void promote(const std::string& image, int generation) override {
        promote_in_registry(repository(image), generation);
    }

    void remove(const std::string& image, int generation) override {
        fetch::Registry registry(repository(image));
        const auto found = registry.manifest(std::to_string(generation));
        const auto latest = registry.manifest("latest");
        if (found && latest && latest->digest == found->digest) {
            throw Error(Failure::domain,
                        fmt::format("{}@{} is what oci://{} has as latest", image, generation, place_),
                        "promote another generation first");
        }
        if (found) {
            registry.remove_manifest(found->digest);
        }
    }

private:
    fetch::RegistryName repository(const std::string& image) const {
        return registry_repository(place_, image);
    }

    std::vector<std::string> images() const {
        const bool one_each = place_.find(image_word) != std::string::npos;
        std::vector<std::string> names;
        const std::vector<std::string> stored = services_.store.images();
        for (const std::string& name : stored) {
            const bool pushed = std::any_of(pushed_to_.begin(), pushed_to_.end(),
                                            [&](const std::string& other) { return other == name; });
            if (one_each || pushed) {
                names.push_back(name);
            }
        }
        if (names.empty() && !one_each) {
            const std::string repository = fetch::parse_registry_name(place_).repository;
            names.push_back(repository.substr(repository.rfind('/') + 1));
        }
        return names;
    }

    /// Newer than the current one: not promoted yet.
    static void name_states(std::vector<TargetGeneration>& here) {
        const auto current =
            std::find_if(here.begin(), here.end(), [](const TargetGeneration& one) { return one.current; });
        for (TargetGeneration& one : here) {
            one.state = one.current                                                     ? "current"
                        : current == here.end() || one.generation > current->generation ? "candidate"
                                                                                        : "retired";
        }
    }

    std::string place_;
    TargetServices services_;
    std::vector<std::string> pushed_to_ = PushedTargets(services_.store.database()).images_at(place_);
};

}  // namespace

std::unique_ptr<Target> open_registry_target(const TargetSetting& setting, const TargetServices& services) {
    const std::string format = setting.option("format");
    std::string place = setting.place();
    if (place.starts_with("oci://")) {
        place.erase(0, 6);
    }
    if (format == "windows") {
        if (place.find(image_word) != std::string::npos) {
            throw Error(Failure::usage, fmt::format("'{}' names a repository for each image", place),
                        "with `format: windows` one repository holds all images: leave {image} out");
        }
        fetch::parse_registry_name(place);
        return make_indexed_target({.name = "oci://" + place,
                                    .open = [place] { return open_registry_writer(place); },
                                    .seal = index_seal(setting, services)},
                                   services);
    }
    if (!format.empty() && format != "containerdisk") {
        throw Error(Failure::usage, fmt::format("a registry takes no '{}'", format),
                    "format: containerdisk or windows, or leave it out");
    }
    return std::make_unique<DiskRegistry>(std::move(place), services);
}

}  // namespace imgforge::targets
