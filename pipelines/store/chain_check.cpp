// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/chain_check.hpp"

#include <optional>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/image/qcow2_header.hpp"

namespace imgforge::store {
namespace {

/// What the disk's header says, for a file that has one.
std::optional<image::Qcow2Header> header_of(const Generation& generation) {
    try {
        return image::read_qcow2_header(generation.disk());
    } catch (const Error&) {
        return std::nullopt;  // opened as qcow2, it is refused; verify says what is wrong with it
    }
}

void require_published_names(const Generation& generation) {
    const auto header = header_of(generation);
    if (!header) {
        return;
    }
    const std::string wanted =
        generation.parent ? fmt::format("../{}/disk.qcow2", *generation.parent) : std::string();
    const std::string named = header->has_data_file() ? header->data_file.value_or("a data file")
                                                      : header->backing_file.value_or("");
    if (named != wanted) {
        throw Error(
            Failure::integrity,
            fmt::format("{} was changed: {} names '{}', published was '{}'", generation.label(),
                        generation.disk().string(), named, wanted),
            fmt::format("nothing was read from there; `imgforge images verify {}` says what else changed",
                        generation.image));
    }
}

}  // namespace

void require_own_chain(const Store& store, const Generation& generation) {
    for (std::optional<Generation> one = generation; one; one = store.parent_of(*one)) {
        if (one->parent && *one->parent >= one->generation) {
            throw Error(
                Failure::integrity,
                fmt::format("{} is said to stand on the later generation {}", one->label(), *one->parent),
                "the index of its store was changed");
        }
        require_published_names(*one);
    }
}

}  // namespace imgforge::store
