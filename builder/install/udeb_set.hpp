// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>
#include <vector>

#include "builder/install/control_file.hpp"

namespace imgforge::install {

/// Kernel ABIs the installer archive has modules for, newest first: "6.12.94+deb13-amd64".
std::vector<std::string> kernel_abis(const PackageIndex& udebs);

/// Full names of kernel module udebs: {"isofs-modules"} -> {"isofs-modules-6.12.94+deb13-amd64-di"}.
std::vector<std::string> module_udebs(const std::vector<std::string>& modules, const std::string& abi);

/// The roots and everything they depend on that is not in `present` (names and virtual names), each once,
/// roots first. Alternatives: what is already there wins, else the first that exists; of several providers of
/// a virtual package the one of this ABI, else the first by name. `missing` gets dependencies nobody
/// provides.
std::vector<std::string> udeb_closure(const PackageIndex& udebs, const std::vector<std::string>& roots,
                                      const std::set<std::string>& present, const std::string& abi,
                                      std::vector<std::string>& missing);

}  // namespace imgforge::install
