// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/pool_marks.hpp"

#include <algorithm>
#include <charconv>
#include <regex>
#include <set>

#include <fmt/format.h>

#include "builder/virt/storage_pool.hpp"

namespace imgforge::targets {
namespace {

constexpr std::string_view volume_start = "imgforge-";
constexpr std::string_view volume_end = ".qcow2";

/// A number from 1; nothing for what is too large.
std::optional<int> positive_number(const std::string& text) {
    int number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    return code == std::errc() && end == text.data() + text.size() && number > 0 ? std::optional(number)
                                                                                 : std::nullopt;
}

}  // namespace

bool is_disk_volume(const std::string& name) {
    return name.starts_with(volume_start) && name.ends_with(volume_end);
}

std::string mark_name(const PoolGeneration& generation) {
    const std::string key = generation.volume.substr(
        volume_start.size(), generation.volume.size() - volume_start.size() - volume_end.size());
    return fmt::format("{}{}@{}.{}", volume_start, generation.image, generation.generation, key);
}

std::string mark_name(const PoolPointer& pointer) {
    return fmt::format("{}{}@current.{}.{}", volume_start, pointer.image, pointer.serial, pointer.generation);
}

std::optional<PoolGeneration> parse_pool_generation(const std::string& name) {
    static const std::regex form(R"(imgforge-([a-z0-9][a-z0-9._-]*)@([0-9]+)\.([0-9a-f]+))");
    std::smatch match;
    if (!std::regex_match(name, match, form)) {
        return std::nullopt;
    }
    const auto number = positive_number(match[2]);
    return number ? std::optional(PoolGeneration{
                        match[1], *number, fmt::format("{}{}{}", volume_start, match[3].str(), volume_end)})
                  : std::nullopt;
}

std::optional<PoolPointer> parse_pool_pointer(const std::string& name) {
    static const std::regex form(R"(imgforge-([a-z0-9][a-z0-9._-]*)@current\.([0-9]+)\.([0-9]+))");
    std::smatch match;
    if (!std::regex_match(name, match, form)) {
        return std::nullopt;
    }
    const auto serial = positive_number(match[2]);
    const auto number = positive_number(match[3]);
    return serial && number ? std::optional(PoolPointer{match[1], *serial, *number}) : std::nullopt;
}

const PoolGeneration* PoolMarks::find(const std::string& image, int generation) const {
    const auto found = std::find_if(generations.begin(), generations.end(), [&](const PoolGeneration& one) {
        return one.image == image && one.generation == generation;
    });
    return found == generations.end() ? nullptr : &*found;
}

const PoolPointer* PoolMarks::current(const std::string& image) const {
    const auto found = std::find_if(pointers.rbegin(), pointers.rend(),
                                    [&](const PoolPointer& one) { return one.image == image; });
    return found == pointers.rend() ? nullptr : &*found;
}

PoolMarks read_marks(const std::vector<std::string>& volumes) {
    const std::set<std::string> names(volumes.begin(), volumes.end());
    PoolMarks marks;
    for (const std::string& name : names) {
        if (auto pointer = parse_pool_pointer(name)) {
            marks.pointers.push_back(std::move(*pointer));
        } else if (auto one = parse_pool_generation(name);
                   one && names.contains(one->volume) && names.contains(virt::verified_mark(one->volume))) {
            marks.generations.push_back(std::move(*one));
        }
    }
    std::sort(marks.generations.begin(), marks.generations.end());
    std::sort(marks.pointers.begin(), marks.pointers.end());
    return marks;
}

}  // namespace imgforge::targets
