// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/image/iso_reader.hpp"

namespace imgforge::install {

/// A package that was asked for and is not on the medium.
struct MissingPackage {
    std::string name;
    std::string suggestion{};  ///< a package of the medium whose name is near; empty when there is none
};

/// Which of `names` no package index of a Debian medium (dists/SUITE/COMPONENT/binary-ARCH) lists or
/// provides. Empty as well for media without such an index: they cannot be asked. Throws Failure::integrity
/// for an index that cannot be read.
std::vector<MissingPackage> missing_packages(const image::IsoReader& medium, const std::string& suite,
                                             const std::string& arch, const std::vector<std::string>& names);

}  // namespace imgforge::install
