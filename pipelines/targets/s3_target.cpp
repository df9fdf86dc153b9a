// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/indexed_target.hpp"
#include "pipelines/targets/kinds.hpp"
#include "pipelines/targets/push.hpp"
#include "pipelines/targets/s3.hpp"

namespace imgforge::targets {

std::unique_ptr<Target> open_s3_target(const TargetSetting& setting, const TargetServices& services) {
    const S3Place place = s3_place(setting);
    return make_indexed_target({.name = place.url,
                                .open = [place] { return open_s3_writer(place); },
                                .seal = index_seal(setting, services)},
                               services);
}

}  // namespace imgforge::targets
