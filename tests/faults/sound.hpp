// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "builder/base/clock.hpp"
#include "builder/base/places.hpp"
#include "builder/image/backing_chain.hpp"
#include "pipelines/store/verify.hpp"

namespace imgforge::test {

inline void expect_no_leftovers(const std::filesystem::path& image_folder) {
    std::error_code code;
    for (auto entry = std::filesystem::directory_iterator(image_folder, code);
         !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
        const std::string name = entry->path().filename();
        EXPECT_TRUE(name == "index.json" || name.rfind("quarantine-", 0) == 0 ||
                    name.find_first_not_of("0123456789") == std::string::npos)
            << "left over: " << entry->path();
    }
}

/// What must hold as soon as the next command has opened the store, whatever happened before: `images verify`
/// clean, nothing left over, nothing more to fix, every machine's chain whole.
inline void expect_sound(const Places& places) {
    SystemClock clock;
    NullMonitor monitor;
    StateDb database(places.state_db());
    store::Store store(places, database, clock);
    for (const store::Finding& finding :
         store::verify(store, {.images = {}, .digests = true, .threads = 1}, monitor)) {
        ADD_FAILURE() << finding.image << "@" << finding.generation << " " << finding.what << " "
                      << finding.path << " " << finding.problem;
    }
    for (const std::string& image : store.images()) {
        expect_no_leftovers(places.images() / image);
    }
    EXPECT_TRUE(store.recover().empty());
    std::error_code code;
    for (auto machine = std::filesystem::directory_iterator(places.instances(), code);
         !code && machine != std::filesystem::directory_iterator(); machine.increment(code)) {
        if (machine->path().filename().string().starts_with(".")) {
            continue;  // the lock of the directory
        }
        EXPECT_NO_THROW(image::read_backing_chain(machine->path() / "disk.qcow2", image::DiskFormat::qcow2))
            << machine->path();
    }
}

}  // namespace imgforge::test
