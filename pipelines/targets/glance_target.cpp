// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "pipelines/targets/glance_push.hpp"
#include "pipelines/targets/kinds.hpp"

namespace imgforge::targets {
namespace {

/// OpenStack's image service of one cloud.
class GlanceTarget final : public Target {
public:
    GlanceTarget(std::string cloud, CloudAccess access, GlanceOptions options, const TargetServices& services)
        : cloud_(std::move(cloud)),
          service_(std::move(access)),
          options_(std::move(options)),
          services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        const GlancePush result = push_to_glance(services_.store, services_.processes, services_.monitor,
                                                 generation, service_, options_);
        return {.record = {{"target", "glance:" + cloud_},
                           {"id", result.id},
                           {"sha512", result.sha512},
                           {"sent", !result.existed},
                           {"bytes", result.bytes}},
                .text = fmt::format("{} is {} in {} ({})\n", generation.label(), result.id, cloud_,
                                    result.existed ? "it was there" : ByteSize::bytes(result.bytes).text())};
    }

    std::vector<TargetGeneration> generations() override {
        std::vector<ServiceImage> images = active();
        std::sort(images.begin(), images.end(), [](const ServiceImage& a, const ServiceImage& b) {
            return std::tie(a.name, a.generation) < std::tie(b.name, b.generation);
        });
        std::vector<TargetGeneration> all;
        for (const ServiceImage& one : images) {
            const bool newer = std::none_of(images.begin(), images.end(), [&](const ServiceImage& other) {
                return other.name == one.name && !other.hidden && other.generation > one.generation;
            });
            all.push_back({.image = one.name,
                           .generation = one.generation,
                           .state = !one.hidden ? "current"
                                    : newer     ? "candidate"
                                                : "retired",
                           .current = !one.hidden});
        }
        return all;
    }

    bool can_promote(const std::string& image, int generation) override {
        const std::vector<ServiceImage> images = active();
        return std::any_of(images.begin(), images.end(), [&](const ServiceImage& one) {
            return one.name == image && one.generation == generation;
        });
    }

    void promote(const std::string& image, int generation) override {
        promote_in_glance(service_, services_.monitor, image, generation, options_.keep);
    }

    void remove(const std::string& image, int generation) override {
        remove_from_glance(service_, image, generation);
    }

private:
    /// What a killed push left is not a generation.
    std::vector<ServiceImage> active() {
        std::vector<ServiceImage> images = service_.images({});
        std::erase_if(images, [](const ServiceImage& one) { return one.status != "active"; });
        return images;
    }

    std::string cloud_;
    ImageService service_;
    GlanceOptions options_;
    TargetServices services_;
};

}  // namespace

std::unique_ptr<Target> open_glance_target(const TargetSetting& setting, const TargetServices& services) {
    GlanceOptions options;
    if (const std::string format = setting.option("format"); !format.empty()) {
        if (format != "qcow2" && format != "raw") {
            throw Error(Failure::usage, fmt::format("an image service takes no '{}'", format),
                        "format: qcow2, or raw for clouds whose images are in Ceph");
        }
        options.format = format;
    }
    if (const std::string visibility = setting.option("visibility"); !visibility.empty()) {
        options.visibility = visibility;
    }
    if (const std::string keep = setting.option("keep"); !keep.empty()) {
        options.keep = static_cast<std::size_t>(std::stoul(keep));  // a number from 1: the settings' schema
    }
    return std::make_unique<GlanceTarget>(
        setting.place(), read_cloud(setting.place(), setting.option("conf")), options, services);
}

}  // namespace imgforge::targets
