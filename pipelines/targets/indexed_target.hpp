// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipelines/targets/folder_writer.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::targets {

/// A place with the files of a target's directory that is reached over a network: what to call it, how to
/// open it, and how its index is sealed.
struct IndexedPlace {
    std::string name;
    std::function<std::unique_ptr<FolderWriter>()> open;
    IndexSeal seal{};
};

std::unique_ptr<Target> make_indexed_target(IndexedPlace place, const TargetServices& services);

}  // namespace imgforge::targets
