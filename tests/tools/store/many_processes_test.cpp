// SPDX-License-Identifier: GPL-3.0-or-later
// 16 processes spawn, publish and collect at once. IMGFORGE_STRESS_SECONDS sets how long (60 for a full run).
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/overlay.hpp"
#include "pipelines/store/gc.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

constexpr int processes_count = 16;

/// One of the processes: spawns machines (reference, then overlay), publishes, collects, rolls back.
class Worker {
public:
    Worker(const Places& places, const fs::path& disks, int number)
        : places_(places), disks_(disks), number_(number), random_(static_cast<unsigned>(number)) {}

    /// Number of finished operations; throws when a promise was broken.
    int work(std::chrono::steady_clock::time_point end) {
        StateDb database(places_.state_db());
        Store store(places_, database, clock_);
        int done = 0;
        while (std::chrono::steady_clock::now() < end) {
            const auto choice = random_() % 10;
            if (choice < 6) {
                spawn(store, done);
            } else if (choice < 8) {
                publish_one(store);
            } else if (choice < 9) {
                collect_garbage(store, "debian13", GcPolicy{.keep = 1, .failed_age = std::chrono::hours(0)});
            } else {
                try {
                    store.rollback("debian13");
                } catch (const Error&) {
                    // no earlier generation: others collected it
                }
            }
            ++done;
        }
        return done;
    }

private:
    void spawn(Store& store, int count) {
        const std::string name = fmt::format("web-{}-{}", number_, count);
        const Holder holder{Holder::Kind::instance, name};
        Generation base;
        try {
            base = store.acquire("debian13", holder);
        } catch (const Error& error) {
            if (error.kind() == Failure::domain || error.kind() == Failure::usage) {
                return;  // collected between the look and the reference: nothing was made
            }
            throw;
        }
        const fs::path folder = places_.instances() / name;
        make_directories(folder);
        image::create_overlay({.overlay = folder / "disk.qcow2", .backing = base.disk()});
        for (int look = 0; look < 3; ++look) {
            // The whole chain must be there as long as the machine is.
            image::read_backing_chain(folder / "disk.qcow2", image::DiskFormat::qcow2);
            interrupt::sleep(std::chrono::milliseconds(random_() % 10));
        }
        remove_tree(folder);
        store.remove_references(holder);
    }

    void publish_one(Store& store) {
        Candidate candidate;
        candidate.image = "debian13";
        candidate.disk = disks_ / fmt::format("{}.qcow2", random_() % 4);
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {
            {.name = "curl", .version = std::to_string(random_()), .architecture = "amd64"}};
        const PublishResult result = publish(store, runner_, candidate, monitor_);
        try {
            store.promote("debian13", result.generation.generation);
        } catch (const Error& error) {
            if (error.kind() != Failure::domain) {
                throw;  // domain: another process collected the candidate already
            }
        }
    }

    Places places_;
    fs::path disks_;
    int number_;
    std::mt19937 random_;
    SystemClock clock_;
    SystemProcessRunner runner_;
    NullMonitor monitor_;
};

TEST(ManyProcesses, no_deadlock_and_no_base_deleted_under_a_machine) {
    if (!find_program("qemu-img")) {
        IMGFORGE_SKIP("tools", "qemu-img is not installed");
    }
    const char* const wanted = std::getenv("IMGFORGE_STRESS_SECONDS");
    const std::chrono::seconds length(wanted == nullptr ? 12 : std::atoi(wanted));
    const TempDir work("imgforge-stress");
    const Places places{work / "home"};
    places.create();
    SystemProcessRunner runner;
    NullMonitor monitor;
    SystemClock clock;
    for (int i = 0; i < 4; ++i) {
        test::make_disk(
            runner, work / fmt::format("{}.qcow2", i),
            {.data_mib = 1, .virtual_mib = 2, .change_seed = 1, .changes = static_cast<std::size_t>(i)});
    }
    {
        StateDb database(places.state_db());
        Store store(places, database, clock);
        Candidate first{.image = "debian13", .disk = work / "0.qcow2"};
        publish(store, runner, first, monitor);
        store.promote("debian13", 1);
    }
    std::vector<pid_t> children;
    const auto end = std::chrono::steady_clock::now() + length;
    for (int i = 0; i < processes_count; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            int code = 0;
            try {
                code = Worker(places, work.path(), i).work(end) > 0 ? 0 : 2;
            } catch (const Error& error) {
                fmt::print(stderr, "worker {}: {}\n", i, error.describe());
                code = 1;
            } catch (const std::exception& error) {
                fmt::print(stderr, "worker {}: {}\n", i, error.what());
                code = 1;
            }
            ::_exit(code);
        }
        children.push_back(child);
    }
    // Far more than one operation takes: a worker that is still there then hangs.
    const auto deadline = end + std::chrono::seconds(60);
    for (const pid_t child : children) {
        int status = 0;
        pid_t ended = 0;
        while ((ended = ::waitpid(child, &status, WNOHANG)) == 0 &&
               std::chrono::steady_clock::now() < deadline) {
            ::usleep(20000);
        }
        if (ended == 0) {
            ADD_FAILURE() << "process " << child << " hangs";
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
        } else {
            EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
        }
    }
    StateDb database(places.state_db());
    Store store(places, database, clock);
    for (const Finding& finding : verify(store, {}, monitor)) {
        ADD_FAILURE() << finding.image << "@" << finding.generation << " " << finding.what << ": "
                      << finding.problem;
    }
    EXPECT_TRUE(store.current("debian13").has_value());
    fmt::print("{} processes for {} s, newest generation {}\n", processes_count, length.count(),
               store.generations("debian13").back().generation);
}

}  // namespace
}  // namespace imgforge::store
