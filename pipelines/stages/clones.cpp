// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/clones.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"

namespace imgforge::stages {

int published_generation(const engine::StageTask& task) {
    if (!task.input.facts.published) {
        throw Error(
            Failure::recipe,
            fmt::format("{} needs a published generation, and no publish stage comes before it", task.type),
            fmt::format("add `- publish: {{}}` before `- {}`", task.type));
    }
    return task.input.facts.published->generation;
}

lifecycle::SpawnOptions clone_options(const engine::StageTask& task, int generation, const char* kind,
                                      std::size_t count) {
    lifecycle::SpawnOptions options;
    options.image = fmt::format("{}@{}", task.recipe->name, generation);
    options.count = task.options.value("count", count);
    options.name = fmt::format("{}-{}-{}-{{n}}", kind, task.recipe->name, random_hex(3));
    options.size = task.options.value("size", std::string("small"));
    options.firmware = task.options.contains("firmware")
                           ? parse_firmware(task.options["firmware"].get<std::string>())
                           : task.recipe->machine.firmware;
    if (task.options.contains("network")) {
        for (const Json& text : task.options["network"]) {
            options.networks.push_back(lifecycle::parse_network(text.get<std::string>()));
        }
    }
    return options;
}

}  // namespace imgforge::stages
