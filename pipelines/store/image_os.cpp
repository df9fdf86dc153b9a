// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/image_os.hpp"

namespace imgforge::store {

std::string image_os(const Generation& generation) {
    const Json json = generation.manifest();
    const bool made_here = json.contains("recipe") && json["recipe"].is_object();
    return made_here ? json["recipe"].value("os", "") : std::string();
}

}  // namespace imgforge::store
