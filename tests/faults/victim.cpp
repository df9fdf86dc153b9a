// SPDX-License-Identifier: GPL-3.0-or-later
// The program under test: one operation on a real store, then the end.
//   imgforge_fault_victim HOME DISKS VERSION publish|promote|rollback|gc|delete|refresh|repair
// Prints "done …" for what it promises, exits 0, or 1 with the error.
#include <cstdlib>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/store/gc.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/stand_in_stages.hpp"

namespace {

using namespace imgforge;

struct Victim {
    Places places;
    std::filesystem::path disks;
    int version;
    SystemClock clock{};
    SystemProcessRunner processes{};
    NullMonitor monitor{};

    static void done(const std::string& what) {
        fmt::print("done {}\n", what);
        std::fflush(stdout);
    }

    void publish(store::Store& store) {
        store::Candidate candidate;
        candidate.image = "debian13";
        candidate.disk = disks / fmt::format("{}.qcow2", version % 4);
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {
            {.name = "curl", .version = std::to_string(version), .architecture = "amd64"}};
        const store::PublishResult result = store::publish(store, processes, candidate, monitor);
        done(fmt::format("publish {}", result.generation.generation));
        store.promote("debian13", result.generation.generation);
        done(fmt::format("promote {}", result.generation.generation));
    }

    void refresh() {
        test::world.curl = fmt::format("8.0-{}", version);
        test::world.release = fmt::format("release {}", version);
        const auto host = test::stand_in_host(places, processes, clock, monitor);
        const stages::RefreshResult result =
            test::refresh_stand_ins(test::stand_in_refresh({"nightly"}), host).at(0);
        if (result.outcome == stages::RefreshOutcome::failed) {
            throw Error(Failure::tool, result.error);
        }
        done(fmt::format("refresh {} {}", to_string(result.outcome), result.after));
    }

    void on_store(const std::string& operation) {
        StateDb database(places.state_db());
        store::Store store(places, database, clock);
        if (operation == "publish") {
            publish(store);
        } else if (operation == "promote") {
            done(fmt::format("promote {}", store.promote("debian13", 3).generation));
        } else if (operation == "rollback") {
            done(fmt::format("rollback {}", store.rollback("debian13").generation));
        } else if (operation == "gc") {
            store::collect_garbage(store, "debian13",
                                   store::GcPolicy{.keep = 1, .failed_age = std::chrono::hours(0)});
            done("gc");
        } else if (operation == "delete") {
            store.remove("debian13", 2);
            done("delete 2");
        } else if (operation == "repair") {
            store::repair(store, monitor);
            done("repair");
        } else {
            throw Error(Failure::usage, "no operation " + operation);
        }
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        return 2;
    }
    try {
        Victim victim{.places = Places{argv[1]}, .disks = argv[2], .version = std::atoi(argv[3])};
        const std::string operation = argv[4];
        if (operation == "refresh") {
            victim.refresh();
        } else {
            victim.on_store(operation);
        }
        return 0;
    } catch (const Error& error) {
        fmt::print(stderr, "error: {}\n", error.describe());
    } catch (const std::exception& error) {
        fmt::print(stderr, "other: {}\n", error.what());
    }
    return 1;
}
