// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/input_disk.hpp"

namespace imgforge::stages {

image::ChainPolicy input_policy(const engine::StageTask& task) {
    const Places& places = task.services->places;
    image::ChainPolicy policy{.roots = {places.stages(), places.images()}};
    for (const Json& file : task.input.facts.value(stated_images_fact, Json::array())) {
        policy.files.emplace_back(file.get<std::string>());
    }
    return policy;
}

}  // namespace imgforge::stages
