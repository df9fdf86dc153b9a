// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/overlay.hpp"
#include "pipelines/store/publish.hpp"
#include "tests/faults/fault_run.hpp"
#include "tests/support/require.hpp"
#include "tests/support/stand_in_stages.hpp"
#include "tests/support/store_fixture.hpp"

namespace imgforge::test {

inline constexpr int next_version = 6;  ///< its disk is that of debian13@3: stored as difference to 4

/// A store with four generations of debian13 (2 on 1, 4 on 3; 4 in service), one of nightly, and a machine on
/// debian13@4; kept as a copy, from which each trial starts.
class FaultScene {
public:
    FaultScene() {
        for (int i = 0; i < 4; ++i) {
            make_disk(processes_, disk(i),
                      {.seed = i < 2 ? 1U : 2U,
                       .data_mib = 1,
                       .virtual_mib = 2,
                       .change_seed = 1,
                       .changes = static_cast<std::size_t>(i)});
        }
        places.create();
        StateDb database(places.state_db());
        store::Store store(places, database, clock_);
        for (int version = 1; version <= 4; ++version) {
            store::Candidate candidate{.image = "debian13", .disk = disk(version - 1)};
            candidate.contents.package_format = "deb";
            candidate.contents.packages = {
                {.name = "curl", .version = std::to_string(version), .architecture = "amd64"}};
            store::publish(store, processes_, candidate, monitor_);
            store.promote("debian13", version);
        }
        store.add_reference("debian13", 4, {store::Holder::Kind::instance, "web-1"});
        make_directories(places.instances() / "web-1");
        image::create_overlay({.overlay = places.instances() / "web-1/disk.qcow2",
                               .backing = store.find("debian13", 4)->disk()});
        build_nightly();
    }

    std::filesystem::path disk(int i) const { return work_ / fmt::format("{}.qcow2", i); }
    std::vector<std::string> victim(const std::string& operation, int version = next_version) const {
        return {FAULT_VICTIM, places.home.string(), work_.path().string(), std::to_string(version),
                operation};
    }
    void keep() const {
        std::filesystem::copy(
            places.home, work_ / "kept",
            std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    }
    void restore() const {
        remove_tree(places.home);
        std::filesystem::copy(
            work_ / "kept", places.home,
            std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    }

private:
    void build_nightly() {
        build_stand_in(write_stand_in_recipe(work_.path(), "nightly"),
                       stand_in_host(places, processes_, clock_, monitor_));
    }

    TempDir work_{"imgforge-faults", fast_folder()};
    SystemProcessRunner processes_;
    SystemClock clock_;
    NullMonitor monitor_;

public:
    Places places{work_ / "home"};
};

/// The generation in service of each image, and which there are.
struct StorePicture {
    int current = 0;
    int nightly = 0;
    std::vector<int> generations;

    explicit StorePicture(const Places& places) {
        SystemClock clock;
        StateDb database(places.state_db());
        const store::Store store(places, database, clock);
        current = store.current("debian13").value_or(store::Generation{}).generation;
        nightly = store.current("nightly").value_or(store::Generation{}).generation;
        for (const store::Generation& generation : store.generations("debian13")) {
            generations.push_back(generation.generation);
        }
    }
    bool has(int generation) const {
        return std::find(generations.begin(), generations.end(), generation) != generations.end();
    }
};

}  // namespace imgforge::test
