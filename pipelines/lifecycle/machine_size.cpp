// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_size.hpp"

#include <map>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::lifecycle {
namespace {

const std::map<std::string, MachineSize>& built_in_sizes() {
    static const std::map<std::string, MachineSize> sizes = {
        {"small", {ByteSize::gib(1), 1, {}}},
        {"medium", {ByteSize::gib(2), 2, {}}},
        {"large", {ByteSize::gib(4), 4, {}}},
    };
    return sizes;
}

/// Settings may write 2147483648 or "2G".
ByteSize size_value(const Json& value) {
    if (value.is_number_integer() && value.get<std::int64_t>() > 0) {
        return ByteSize::bytes(value.get<std::uint64_t>());
    }
    if (!value.is_string()) {
        throw Error(Failure::recipe, fmt::format("{} is no size", value.dump()), "write it as 2G or 1536M");
    }
    return ByteSize::parse(value.get<std::string>());
}

MachineSize read_size(const std::string& name, const Json& entry) {
    return in_context([&] { return fmt::format("settings, sizes.{}", name); },
                      [&] {
                          if (!entry.is_object()) {
                              throw Error(Failure::recipe, "a size is a map",
                                          "{memory: 2G, vcpus: 2, disk: 20G}");
                          }
                          const auto base = built_in_sizes().find(name);
                          MachineSize size = base == built_in_sizes().end() ? MachineSize{} : base->second;
                          for (const auto& [key, value] : entry.items()) {
                              if (key == "memory") {
                                  size.memory = size_value(value);
                              } else if (key == "disk") {
                                  size.disk = size_value(value);
                              } else if (key == "vcpus" && value.is_number_integer() &&
                                         value.get<std::int64_t>() >= 1 && value.get<std::int64_t>() <= 512) {
                                  size.vcpus = value.get<unsigned>();
                              } else {
                                  throw Error(Failure::recipe,
                                              fmt::format("'{}: {}' cannot be used{}", key, value.dump(),
                                                          did_you_mean(key, {"memory", "vcpus", "disk"})),
                                              "a size has memory, vcpus and disk");
                              }
                          }
                          return size;
                      });
}

}  // namespace

MachineSize machine_size(const Json& settings, const std::string& name) {
    std::vector<std::string> known;
    for (const auto& [key, size] : built_in_sizes()) {
        known.push_back(key);
    }
    if (const auto sizes = settings.find("sizes"); sizes != settings.end() && sizes->is_object()) {
        if (const auto own = sizes->find(name); own != sizes->end()) {
            return read_size(name, *own);
        }
        for (const auto& [key, value] : sizes->items()) {
            known.push_back(key);
        }
    }
    const auto found = built_in_sizes().find(name);
    if (found == built_in_sizes().end()) {
        throw Error(Failure::usage, fmt::format("unknown size '{}'{}", name, did_you_mean(name, known)),
                    fmt::format("known sizes: {}; own ones stand under `sizes:` in the settings",
                                fmt::join(known, ", ")));
    }
    return found->second;
}

std::string default_size(const Json& settings) {
    const auto defaults = settings.find("defaults");
    if (defaults != settings.end() && defaults->is_object() && defaults->contains("size") &&
        (*defaults)["size"].is_string()) {
        return (*defaults)["size"].get<std::string>();
    }
    return "small";
}

}  // namespace imgforge::lifecycle
