// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/rbd_generations.hpp"
#include "pipelines/targets/rbd_push.hpp"

namespace imgforge::targets {
namespace {

/// A Ceph pool; connected by the first call.
class RbdTarget final : public Target {
public:
    RbdTarget(ceph::PoolName name, const TargetServices& services)
        : name_(std::move(name)), services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        const RbdPush result =
            push_to_rbd(services_.store, services_.processes, services_.monitor, generation, pool());
        const std::string place = ceph::to_string(name_);
        return {
            .record = {{"target", place},
                       {"digest", result.digest},
                       {"objects", result.objects},
                       {"sent", result.sent},
                       {"bytes", result.bytes}},
            .text = fmt::format("{} is in {}: {} of {} objects were new ({})\n", generation.label(), place,
                                result.sent, result.objects, ByteSize::bytes(result.bytes).text())};
    }

    std::vector<TargetGeneration> generations() override {
        std::vector<TargetGeneration> all;
        for (const std::string& image : rbd_images(pool())) {
            const std::optional<int> current = rbd_current(pool(), image);
            for (const RbdGeneration& one : rbd_generations(pool(), image)) {
                all.push_back({.image = image,
                               .generation = one.generation,
                               .state = one.current                             ? "current"
                                        : !current || one.generation > *current ? "candidate"
                                                                                : "retired",
                               .current = one.current,
                               .used_by = one.used_by});
            }
        }
        return all;
    }

    bool can_promote(const std::string& image, int generation) override {
        const std::vector<RbdGeneration> all = rbd_generations(pool(), image);
        return std::any_of(all.begin(), all.end(),
                           [&](const RbdGeneration& one) { return one.generation == generation; });
    }

    void promote(const std::string& image, int generation) override {
        promote_in_rbd(pool(), image, generation);
    }

    void remove(const std::string& image, int generation) override {
        if (can_promote(image, generation)) {
            remove_from_rbd(pool(), image, generation);
        }
    }

private:
    ceph::Pool& pool() {
        if (!pool_) {
            pool_.emplace(name_);
        }
        return *pool_;
    }

    ceph::PoolName name_;
    TargetServices services_;
    std::optional<ceph::Pool> pool_{};
};

}  // namespace

ceph::PoolName rbd_pool(const TargetSetting& setting) {
    const std::string place = setting.place();
    ceph::PoolName name = ceph::parse_pool_name(place.starts_with("rbd:") ? place : "rbd:" + place);
    if (const std::string conf = setting.option("conf"); !conf.empty()) {
        name.conf = conf;
    }
    if (const std::string user = setting.option("user"); !user.empty()) {
        name.user = user;
    }
    return name;
}

std::unique_ptr<Target> open_rbd_target(const TargetSetting& setting, const TargetServices& services) {
    return std::make_unique<RbdTarget>(rbd_pool(setting), services);
}

}  // namespace imgforge::targets
