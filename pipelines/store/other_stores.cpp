// SPDX-License-Identifier: GPL-3.0-or-later
// What there is, in this store and in those that are only read. The latter's index.json files say what there
// is: a database in WAL mode cannot be read without writing beside it.
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/log.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/other_stores.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/store.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

std::vector<Generation> generations_in(const fs::path& home, const fs::path& name) {
    try {
        const auto index = read_index(home / "images" / name);
        if (index) {
            return index->generations;
        }
    } catch (const Error& error) {
        log::warn(
            fmt::format("image {} of {} is left out: {}", name.string(), home.string(), error.describe()));
    }
    return {};
}

}  // namespace

void require_readable(const Generation& generation) {
    if (::access(generation.disk().c_str(), R_OK) != 0) {
        throw Error(
            Failure::host,
            fmt::format("{} of another store cannot be read: {}", generation.label(),
                        generation.disk().string()),
            "members of the group kvm may read disks of a store of root; else its owner shares it with a "
            "group "
            "that you are in (chgrp GROUP DIRECTORY; chmod 2770 DIRECTORY) before the images are made");
    }
}

void Store::look_in(std::vector<fs::path> homes) {
    std::error_code code;
    std::erase_if(homes, [&](const fs::path& home) { return fs::equivalent(home, places_.home, code); });
    others_ = std::move(homes);
}

std::vector<Generation> Store::elsewhere(std::string_view image) const {
    if (others_.empty() || !is_image_name(image) || !generations(image).empty()) {
        return {};
    }
    for (const fs::path& home : others_) {
        std::vector<Generation> found = generations_in(home, image);
        if (!found.empty()) {
            return found;
        }
    }
    return {};
}

std::map<std::string, std::vector<Generation>> Store::images_elsewhere() const {
    std::map<std::string, std::vector<Generation>> all;
    const std::vector<std::string> own = images();
    for (const fs::path& home : others_) {
        std::error_code code;
        for (auto entry = fs::directory_iterator(home / "images", code);
             !code && entry != fs::directory_iterator(); entry.increment(code)) {
            const std::string name = entry->path().filename();
            if (!is_image_name(name) || all.contains(name) ||
                std::find(own.begin(), own.end(), name) != own.end()) {
                continue;
            }
            if (auto found = generations_in(home, name); !found.empty()) {
                all[name] = std::move(found);
            }
        }
    }
    return all;
}

std::optional<Generation> Store::parent_of(const Generation& generation) const {
    if (!generation.parent) {
        return std::nullopt;
    }
    const fs::path folder = generation.folder.parent_path();
    if (folder == places_.images() / generation.image) {
        return find(generation.image, *generation.parent);
    }
    for (const Generation& one : generations_in(folder.parent_path().parent_path(), generation.image)) {
        if (one.generation == *generation.parent) {
            require_readable(one);
            return one;
        }
    }
    return std::nullopt;
}

std::vector<std::string> Store::images() const {
    return Rows(database_, places_.images()).images_with_generations();
}

std::vector<Generation> Store::generations(std::string_view image) const {
    return Rows(database_, places_.images()).generations(image);
}

std::optional<Generation> Store::find(std::string_view image, int generation) const {
    if (auto own = Rows(database_, places_.images()).generation(image, generation)) {
        return own;
    }
    for (const Generation& other : elsewhere(image)) {
        if (other.generation == generation) {
            return other;
        }
    }
    return std::nullopt;
}

std::optional<Generation> Store::current(std::string_view image) const {
    if (auto own = Rows(database_, places_.images()).current(image)) {
        return own;
    }
    for (const Generation& other : elsewhere(image)) {
        if (other.state == GenerationState::current) {
            return other;
        }
    }
    return std::nullopt;
}

Generation Store::resolve(std::string_view text) const {
    const ImageSpec spec = parse_image_spec(text);
    if (const auto found = spec.generation ? find(spec.name, *spec.generation) : current(spec.name)) {
        return *found;
    }
    std::vector<std::string> names = images();
    for (const auto& [name, unused] : images_elsewhere()) {
        names.push_back(name);
    }
    if (std::find(names.begin(), names.end(), spec.name) == names.end()) {
        const bool folder = fs::exists(index_path(places_.images() / spec.name));
        throw Error(
            Failure::domain,
            fmt::format("no golden image named '{}'{}", spec.name, did_you_mean(spec.name, names)),
            folder ? "its directory exists but the database does not know it: run `imgforge images verify "
                     "--repair`"
                   : fmt::format("`imgforge images list` lists the images; `imgforge images import {0}` "
                                 "fetches an official image, `imgforge build {0}` installs one",
                                 spec.name));
    }
    if (spec.generation) {
        throw Error(Failure::domain, fmt::format("{} has no generation {}", spec.name, *spec.generation),
                    fmt::format("`imgforge images show {}` lists them", spec.name));
    }
    throw Error(Failure::usage, fmt::format("{} has no current generation", spec.name),
                fmt::format("its candidates did not pass or were never promoted; `imgforge images promote "
                            "{}@GEN` makes one current",
                            spec.name));
}

}  // namespace imgforge::store
