// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/input_disk.hpp"

namespace imgforge::stages {

image::ChainPolicy input_policy(const engine::StageTask& task) {
    const Places& places = task.host->places;
    image::ChainPolicy policy{.roots = {places.stages(), places.images()}};
    for (const std::filesystem::path& file : task.input.facts.stated_images) {
        policy.files.push_back(file);
    }
    return policy;
}

}  // namespace imgforge::stages
