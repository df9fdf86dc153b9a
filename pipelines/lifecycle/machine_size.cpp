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

/// What the settings say of a size, over the built-in one of that name.
MachineSize combined(const std::string& name, const SizeSetting& own) {
    const auto base = built_in_sizes().find(name);
    MachineSize size = base == built_in_sizes().end() ? MachineSize{} : base->second;
    size.memory = own.memory.value_or(size.memory);
    size.vcpus = own.vcpus.value_or(size.vcpus);
    size.disk = own.disk ? own.disk : size.disk;
    return size;
}

}  // namespace

MachineSize machine_size(const Settings& settings, const std::string& name) {
    std::vector<std::string> known;
    for (const auto& [key, size] : built_in_sizes()) {
        known.push_back(key);
    }
    if (const auto own = settings.sizes.find(name); own != settings.sizes.end()) {
        return combined(name, own->second);
    }
    for (const auto& [key, size] : settings.sizes) {
        known.push_back(key);
    }
    const auto found = built_in_sizes().find(name);
    if (found == built_in_sizes().end()) {
        throw Error(Failure::usage, fmt::format("unknown size '{}'{}", name, did_you_mean(name, known)),
                    fmt::format("known sizes: {}; the settings define others under `sizes:`",
                                fmt::join(known, ", ")));
    }
    return found->second;
}

}  // namespace imgforge::lifecycle
