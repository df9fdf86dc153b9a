// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/rbd_generations.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"

namespace imgforge::targets {
namespace {

constexpr const char* current_key = "current";

std::string rbd_label(const ceph::Pool& pool, const std::string& image, int generation) {
    return fmt::format("{}@{} in {}", image, generation, ceph::to_string(pool.name()));
}

Json rbd_json(const std::string& text, const std::string& source) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: it is not a JSON object", source),
                    "push the generation again under a new number");
    }
    return json;
}

}  // namespace

std::string snapshot_name(int generation) {
    return fmt::format("g{}", generation);
}

std::optional<int> generation_of_snapshot(const std::string& snapshot) {
    int number = 0;
    const char* const end = snapshot.data() + snapshot.size();
    const bool ours = snapshot.size() > 1 && snapshot.front() == 'g' && snapshot[1] != '0';
    if (!ours) {
        return std::nullopt;
    }
    const auto [rest, error] = std::from_chars(snapshot.data() + 1, end, number);
    return error == std::errc() && rest == end && number > 0 ? std::optional(number) : std::nullopt;
}

std::string rbd_metadata_key(int generation) {
    return fmt::format("imgforge.g{}", generation);
}

std::string rbd_pointer_object(const std::string& image) {
    return "imgforge." + image;
}

std::string rbd_manifest_object(const std::string& image, int generation) {
    return fmt::format("imgforge.{}@g{}", image, generation);
}

std::string to_text(const RbdObjects& objects, std::uint64_t size) {
    Json list = Json::array();
    for (const auto& [number, sha256] : objects) {
        list.push_back({number, sha256});
    }
    return Json{{"format", 1}, {"object_size", rbd_object_size}, {"size", size}, {"objects", std::move(list)}}
        .dump();
}

RbdObjects parse_rbd_objects(const std::string& text, const std::string& source) {
    const Json json = rbd_json(text, source);
    RbdObjects objects;
    try {
        if (json.at("format").get<int>() != 1 ||
            json.at("object_size").get<std::uint64_t>() != rbd_object_size) {
            throw Error(Failure::integrity, fmt::format("{} was written by another imgforge", source),
                        "use the version that pushed it");
        }
        for (const Json& item : json.at("objects")) {
            objects.emplace(item.at(0).get<std::uint64_t>(), item.at(1).get<std::string>());
        }
    } catch (const Json::exception& fault) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", source, fault.what()));
    }
    return objects;
}

std::string to_text(const RbdGeneration& generation) {
    return Json{{"generation", generation.generation}, {"digest", generation.digest},
                {"sha256", generation.sha256},         {"size", generation.size},
                {"created", generation.created},       {"os", generation.os}}
        .dump();
}

RbdGeneration parse_rbd_generation(const std::string& text, const std::string& source) {
    const Json json = rbd_json(text, source);
    try {
        return {.generation = json.at("generation").get<int>(),
                .digest = json.at("digest").get<std::string>(),
                .sha256 = json.at("sha256").get<std::string>(),
                .size = json.at("size").get<std::uint64_t>(),
                .created = json.at("created").get<std::int64_t>(),
                .os = json.value("os", "")};
    } catch (const Json::exception& fault) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", source, fault.what()));
    }
}

bool is_golden_image(const ceph::Pool& pool, const std::string& image) {
    return pool.attribute(rbd_pointer_object(image), "image") == image && pool.has_image(image);
}

std::vector<std::string> rbd_images(const ceph::Pool& pool) {
    std::vector<std::string> names;
    for (const std::string& image : pool.images()) {
        if (pool.attribute(rbd_pointer_object(image), "image") == image) {
            names.push_back(image);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<int> rbd_current(const ceph::Pool& pool, const std::string& image) {
    const auto text = pool.attribute(rbd_pointer_object(image), current_key);
    return text ? generation_of_snapshot(*text) : std::nullopt;
}

std::vector<RbdGeneration> rbd_generations(const ceph::Pool& pool, const std::string& image) {
    std::vector<RbdGeneration> list;
    if (!is_golden_image(pool, image)) {
        return list;
    }
    const std::optional<int> current = rbd_current(pool, image);
    const ceph::PoolImage opened = pool.open_read_only(image);
    for (const ceph::Snapshot& snapshot : opened.snapshots()) {
        const auto number = generation_of_snapshot(snapshot.name);
        const auto text = number ? opened.metadata(rbd_metadata_key(*number)) : std::nullopt;
        // The last step of a push protects the snapshot: what is not protected is not complete.
        if (!text || !opened.is_protected(snapshot.name)) {
            continue;
        }
        RbdGeneration generation = parse_rbd_generation(
            *text, fmt::format("{}/{}, metadata {}", pool.name().pool, image, rbd_metadata_key(*number)));
        generation.current = current == number;
        generation.used_by = opened.children(snapshot.name);
        list.push_back(std::move(generation));
    }
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.generation < b.generation; });
    return list;
}

bool promote_in_rbd(ceph::Pool& pool, const std::string& image, int generation) {
    const std::vector<RbdGeneration> list = rbd_generations(pool, image);
    if (std::none_of(list.begin(), list.end(),
                     [&](const RbdGeneration& item) { return item.generation == generation; })) {
        return false;
    }
    const std::string object = rbd_pointer_object(image);
    const auto before = pool.attribute(object, current_key);
    const std::string wanted = snapshot_name(generation);
    if (before == wanted || pool.swap_attribute(object, current_key, before, wanted)) {
        return true;
    }
    throw Error(Failure::domain,
                fmt::format("{} was not made current: another host moved the pointer from {} to {} meanwhile",
                            rbd_label(pool, image, generation), before.value_or("nothing"),
                            pool.attribute(object, current_key).value_or("nothing")),
                "look at `imgforge images targets` and promote again if it is still wanted");
}

void remove_from_rbd(ceph::Pool& pool, const std::string& image, int generation) {
    const std::vector<RbdGeneration> list = rbd_generations(pool, image);
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const RbdGeneration& item) { return item.generation == generation; });
    if (found == list.end()) {
        throw Error(Failure::usage, fmt::format("{} does not exist", rbd_label(pool, image, generation)),
                    "imgforge images targets lists what is there");
    }
    if (found->current && list.size() > 1) {
        throw Error(Failure::domain,
                    fmt::format("{} is the current generation", rbd_label(pool, image, generation)),
                    "promote another one first");
    }
    if (!found->used_by.empty()) {
        throw Error(Failure::domain,
                    fmt::format("{} has clones: {}", rbd_label(pool, image, generation),
                                fmt::join(found->used_by, ", ")),
                    "destroy those machines, or flatten them: imgforge consolidate NAME, rbd flatten");
    }
    {
        ceph::PoolImage opened = pool.open(image);
        opened.lock_exclusively();
        // Ceph itself refuses when a clone was made since: EBUSY.
        opened.unprotect(snapshot_name(generation));
        opened.remove_snapshot(snapshot_name(generation));
        opened.remove_metadata(rbd_metadata_key(generation));
    }
    pool.remove_object(rbd_manifest_object(image, generation));
    if (list.size() == 1) {
        pool.remove_image(image);
        pool.remove_object(rbd_pointer_object(image));
    }
}

std::vector<int> collect_in_rbd(ceph::Pool& pool, const std::string& image, std::size_t keep) {
    std::vector<RbdGeneration> list = rbd_generations(pool, image);
    const std::size_t beyond = list.size() > keep ? list.size() - keep : 0;
    std::vector<int> removed;
    for (std::size_t i = 0; i < beyond; ++i) {
        if (!list[i].current && list[i].used_by.empty()) {
            remove_from_rbd(pool, image, list[i].generation);
            removed.push_back(list[i].generation);
        }
    }
    return removed;
}

}  // namespace imgforge::targets
