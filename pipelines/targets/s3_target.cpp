// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/clock.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/push.hpp"
#include "pipelines/targets/s3.hpp"

namespace imgforge::targets {
namespace {

constexpr unsigned s3_connections = 8;

/// The same files as in a directory, in a bucket.
class S3Target final : public Target {
public:
    S3Target(S3Place place, IndexSeal seal, const TargetServices& services)
        : place_(std::move(place)), seal_(std::move(seal)), services_(services) {}

    TargetPush push(const store::Generation& generation) override {
        const auto writer = open_s3_writer(place_);
        const PushResult result = push_windows(services_, generation, *writer, seal_, s3_connections);
        return pushed_to(place_.url, generation.label(), result, !seal_.key.empty());
    }

    std::vector<TargetGeneration> generations() override {
        return listed(read_index(*open_s3_writer(place_), seal_));
    }

    bool can_promote(const std::string& image, int generation) override {
        return lists(generations(), image, generation);
    }

    void promote(const std::string& image, int generation) override {
        promote_in(*open_s3_writer(place_), seal_, image, generation, now());
    }

    void remove(const std::string& image, int generation) override {
        remove_from(*open_s3_writer(place_), seal_, image, generation, now());
    }

private:
    std::int64_t now() const { return services_.store.clock().wall_seconds(); }

    S3Place place_;
    IndexSeal seal_;
    TargetServices services_;
};

}  // namespace

std::unique_ptr<Target> open_s3_target(const TargetSetting& setting, const TargetServices& services) {
    return std::make_unique<S3Target>(s3_place(setting), index_seal(setting, services), services);
}

}  // namespace imgforge::targets
