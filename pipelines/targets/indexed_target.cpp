// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/indexed_target.hpp"

#include "builder/base/clock.hpp"
#include "pipelines/targets/push.hpp"

namespace imgforge::targets {
namespace {

constexpr unsigned most_connections = 8;

class IndexedTarget final : public Target {
public:
    IndexedTarget(IndexedPlace place, const TargetServices& services)
        : place_(std::move(place)), services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        const auto writer = place_.open();
        const PushResult result = push_windows(services_, generation, *writer, place_.seal, most_connections);
        return pushed_to(place_.name, generation.label(), result, !place_.seal.key.empty());
    }

    std::vector<TargetGeneration> generations() override {
        return listed(read_index(*place_.open(), place_.seal));
    }

    bool can_promote(const std::string& image, int generation) override {
        return lists(generations(), image, generation);
    }

    void promote(const std::string& image, int generation) override {
        promote_in(*place_.open(), place_.seal, image, generation, now());
    }

    void remove(const std::string& image, int generation) override {
        remove_from(*place_.open(), place_.seal, image, generation, now());
    }

private:
    std::int64_t now() const { return services_.store.clock().wall_seconds(); }

    IndexedPlace place_;
    TargetServices services_;
};

}  // namespace

std::unique_ptr<Target> make_indexed_target(IndexedPlace place, const TargetServices& services) {
    return std::make_unique<IndexedTarget>(std::move(place), services);
}

}  // namespace imgforge::targets
