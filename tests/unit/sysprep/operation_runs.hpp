// SPDX-License-Identifier: GPL-3.0-or-later
// One operation on a guest in memory, for the tests of what operations do.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <string>

#include "builder/base/error.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::test {

using Files = std::map<std::string, std::string>;
using guest::FileType;
using guest::Inspection;
using guest::MemoryGuestFs;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

inline guest::Inspection debian(const std::string& hostname = "goldenbuild") {
    guest::Inspection os;
    os.family = "debian";
    os.distro = "debian";
    os.init = "systemd";
    os.hostname = hostname;
    return os;
}

inline sysprep::Operation named(const std::string& name) {
    for (const sysprep::Operation& operation : sysprep::all_operations()) {
        if (operation.name == name) {
            return operation;
        }
    }
    throw Error(Failure::usage, "no operation " + name);
}

inline sysprep::OperationReport run(const std::string& name, guest::MemoryGuestFs& fs,
                                    const sysprep::SysprepOptions& options = {},
                                    const guest::Inspection& os = debian()) {
    return sysprep::perform(named(name), fs, os, options);
}

}  // namespace imgforge::test
