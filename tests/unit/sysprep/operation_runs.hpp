// SPDX-License-Identifier: GPL-3.0-or-later
// One operation on a guest in memory, for the tests of what operations do.
#pragma once

#include <string>

#include "builder/base/error.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::sysprep::test {

inline guest::Inspection debian() {
    guest::Inspection os;
    os.family = "debian";
    os.distro = "debian";
    os.init = "systemd";
    os.hostname = "goldenbuild";
    return os;
}

inline Operation named(const std::string& name) {
    for (const Operation& operation : all_operations()) {
        if (operation.name == name) {
            return operation;
        }
    }
    throw Error(Failure::usage, "no operation " + name);
}

inline OperationReport run(const std::string& name, guest::MemoryGuestFs& fs,
                           const SysprepOptions& options = {}, const guest::Inspection& os = debian()) {
    return perform(named(name), fs, os, options);
}

}  // namespace imgforge::sysprep::test
