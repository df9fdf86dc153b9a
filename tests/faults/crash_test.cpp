// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 at random moments of publish, promote, gc, delete and refresh. IMGFORGE_SEED replays a run,
// IMGFORGE_KILLS changes their number (500 in the long tier). disk_test.cpp kills at each single write
// instead.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/stages/refresh_state.hpp"
#include "pipelines/store/gc.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/faults/fault_run.hpp"
#include "tests/faults/sound.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/stand_in_stages.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

constexpr const char* image = "debian13";
constexpr const char* nightly = "nightly";
constexpr int disks = 6;

/// The process that will be killed: works on the store until then and tells over a pipe what it has finished.
class Victim {
public:
    Victim(const Places& places, const fs::path& disks_folder, std::uint32_t seed, int pipe)
        : disks_(disks_folder), random_(seed), pipe_(pipe), places_(places) {}

    [[noreturn]] void run() {
        try {
            StateDb database(places_.state_db());
            Store store(places_, database, clock_);
            for (;;) {
                step(store);
            }
        } catch (const std::exception& error) {
            say(std::string("error ") + error.what());
        }
        ::_exit(3);
    }

private:
    void say(const std::string& line) const {
        const std::string text = line + "\n";
        static_cast<void>(::write(pipe_, text.data(), text.size()));
    }

    void step(Store& store) {
        const std::uint32_t choice = static_cast<std::uint32_t>(random_()) % 10;
        const std::vector<Generation> all = store.generations(image);
        if (random_() % 4 == 0) {
            refresh_one();
        } else if (choice < 5 || all.size() < 3) {
            publish_one(store);
        } else if (choice < 7) {
            say("gc");
            collect_garbage(store, image, GcPolicy{.keep = 2, .failed_age = std::chrono::hours(0)});
        } else if (choice < 9) {
            const Generation& pick = all[static_cast<std::size_t>(random_()) % all.size()];
            say(fmt::format("promoting {}", pick.generation));
            store.promote(image, pick.generation);
            say(fmt::format("promoted {}", pick.generation));
        } else {
            const Generation& pick = all[static_cast<std::size_t>(random_()) % all.size()];
            say("gc");
            try {
                store.remove(image, pick.generation);
            } catch (const Error&) {
                // current, or a parent: refusing is right
            }
        }
    }

    void publish_one(Store& store) {
        const auto version = static_cast<std::uint32_t>(random_());
        Candidate candidate;
        candidate.image = image;
        candidate.disk = disks_ / fmt::format("{}.qcow2", version % disks);
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {
            {.name = "curl", .version = std::to_string(version), .architecture = "amd64"}};
        const PublishResult result = publish(store, processes_, candidate, monitor_);
        say(fmt::format("published {}", result.generation.generation));
        say(fmt::format("promoting {}", result.generation.generation));
        store.promote(image, result.generation.generation);
        say(fmt::format("promoted {}", result.generation.generation));
    }

    void refresh_one() {
        test::world.curl = fmt::format("8.0-{}", random_());
        test::world.release = test::world.curl;
        const auto host = test::stand_in_host(places_, processes_, clock_, monitor_);
        say("refreshing");
        const stages::RefreshResult result =
            test::refresh_stand_ins(test::stand_in_refresh({nightly}), host).at(0);
        say(result.outcome == stages::RefreshOutcome::failed ? "error " + result.error
                                                             : fmt::format("refreshed {}", result.after));
    }

    fs::path disks_;
    std::mt19937 random_;
    int pipe_;
    Places places_;
    SystemClock clock_;
    SystemProcessRunner processes_;
    NullMonitor monitor_;
};

std::string read_all(int fd) {
    std::string text;
    char buffer[4096];
    for (ssize_t got = ::read(fd, buffer, sizeof buffer); got > 0; got = ::read(fd, buffer, sizeof buffer)) {
        text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
}

/// What the victim said, as far as it must hold afterwards.
struct Promise {
    int published = 0;  ///< must exist, unless something was deleted afterwards
    int promoted = 0;   ///< must be current, unless the next promotion had begun
    int promoting = 0;
    bool deleting = false;
    bool refreshing = false;  ///< it was killed in a refresh
    int refreshed = 0;        ///< must be in service, unless the next refresh had begun
    std::string error;

    explicit Promise(const std::string& said) {
        std::istringstream lines(said);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string verb;
            int number = 0;
            words >> verb >> number;
            if (verb == "published") {
                published = number;
                deleting = false;
            } else if (verb == "promoting") {
                promoting = number;
            } else if (verb == "promoted") {
                promoted = number;
                promoting = 0;
            } else if (verb == "gc") {
                deleting = true;
            } else if (verb == "refreshing") {
                refreshing = true;
            } else if (verb == "refreshed") {
                refreshed = number;
                refreshing = false;
            } else if (verb == "error") {
                error = line;
            }
        }
    }
};

class Crash : public testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-img")) {
            IMGFORGE_SKIP("tools", "qemu-img is not installed");
        }
        for (int i = 0; i < disks; ++i) {
            test::make_disk(
                processes_, work_ / fmt::format("{}.qcow2", i),
                {.data_mib = 1, .virtual_mib = 2, .change_seed = 1, .changes = static_cast<std::size_t>(i)});
        }
        places_.create();
        test::build_stand_in(test::write_stand_in_recipe(work_.path(), nightly), host());
    }

    Host host() { return test::stand_in_host(places_, processes_, clock_, monitor_); }

    /// Microseconds from fork to the first promise on this machine, as loaded as it is.
    long measure_publication() {
        const auto promised = [&](int delay_ms) {
            return kill_one(1, delay_ms * 1000).find("promoted") != std::string::npos;
        };
        int delay = 40;
        while (!promised(delay) && delay < 10000) {
            delay = delay * 5 / 4;
        }
        return delay * 1000L;
    }

    std::string kill_one(std::uint32_t seed, int delay_us) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) {
            throw system_error("make", "a pipe", errno);
        }
        const pid_t child = ::fork();
        if (child == 0) {
            Victim(places_, work_.path(), seed, ends[1]).run();
        }
        ::close(ends[1]);
        ::usleep(static_cast<useconds_t>(delay_us));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        const std::string said = read_all(ends[0]);
        ::close(ends[0]);
        return said;
    }

    /// Everything that must hold after the next command has opened the store.
    void check(const Promise& promise) {
        EXPECT_EQ(promise.error, "");
        test::expect_sound(places_);
        StateDb database(places_.state_db());
        const Store store(places_, database, clock_);
        expect_nightly(store, database, promise);
        if (promise.published != 0 && !promise.deleting) {
            EXPECT_TRUE(store.find(image, promise.published).has_value()) << "lost " << promise.published;
        }
        if (promise.promoted != 0) {
            const auto now = store.current(image);
            EXPECT_TRUE(now && (now->generation == promise.promoted || now->generation == promise.promoting))
                << "current is " << (now ? now->generation : 0) << ", promoted was " << promise.promoted;
        }
    }

    static void expect_nightly(const Store& store, StateDb& database, const Promise& promise) {
        const auto now = store.current(nightly);
        ASSERT_TRUE(now.has_value()) << "the refreshed image has no generation in service any more";
        if (promise.refreshed != 0) {
            EXPECT_TRUE(now->generation == promise.refreshed ||
                        (promise.refreshing && now->generation > promise.refreshed))
                << "current is " << now->generation << ", refreshed was " << promise.refreshed;
        }
        // Killed before it noted its start, or after it noted its end: then nothing was lost; in between it
        // must say so.
        const auto row = stages::RefreshState(database).load(nightly);
        EXPECT_TRUE(!row || row->outcome == stages::RefreshOutcome::running ||
                    row->outcome == stages::RefreshOutcome::published ||
                    row->outcome == stages::RefreshOutcome::unchanged)
            << to_string(row->outcome);
        EXPECT_TRUE(!row || row->outcome != stages::RefreshOutcome::unchanged)
            << "every refresh here has something new";
    }

    SystemProcessRunner processes_;
    NullMonitor monitor_;
    SystemClock clock_;
    TempDir work_{"imgforge-crash", test::fast_folder()};
    TempDir home_{"imgforge-crash-home", test::fast_folder()};
    Places places_{home_.path()};
};

TEST_F(Crash, kill_9_at_any_moment_leaves_a_clean_store) {
    const std::uint32_t seed = test::seed_of_this_run();
    const long kills = test::number_from_environment("IMGFORGE_KILLS", 120);
    long one_publication = measure_publication();
    std::mt19937 random(seed);
    int acknowledged = 0;
    int in_refresh = 0;
    for (long i = 0; i < kills && !HasFailure(); ++i) {
        // Most victims die in their first publication; a few live longer and reach gc.
        const auto longest =
            static_cast<unsigned>(random() % 5 == 0 ? 4 * one_publication : one_publication * 5 / 4);
        const int delay = static_cast<int>(random() % longest);
        const auto victim = static_cast<std::uint32_t>(random());
        const std::string said = kill_one(victim, delay);
        const bool got_there = said.find("promoted") != std::string::npos;
        acknowledged += got_there ? 1 : 0;
        // The host has become slower than it was when it was measured: other tests, or a lower priority.
        if (!got_there && delay > one_publication) {
            one_publication += one_publication / 5;
        }
        const Promise promise(said);
        in_refresh += promise.refreshing ? 1 : 0;
        check(promise);
        if (HasFailure()) {
            fmt::print("kill {}: victim {} after {} us, said:\n{}\n", i, victim, delay, said);
        }
    }
    // A test in which no victim ever got anything done would prove nothing.
    EXPECT_GT(acknowledged, kills / 20);
    EXPECT_GT(in_refresh, kills / 20);
    // What killed refreshes left in the cache is cleared by the next one, which does what they did not.
    test::world.curl = "8.0-last";
    test::world.release = "last";
    const stages::RefreshResult last =
        test::refresh_stand_ins(test::stand_in_refresh({nightly}), host()).at(0);
    EXPECT_EQ(last.outcome, stages::RefreshOutcome::published) << last.error;
    for (const fs::directory_entry& entry : fs::directory_iterator(places_.stages())) {
        EXPECT_NE(entry.path().filename().string().rfind(".scratch", 0), 0U) << "left over: " << entry.path();
    }
    test::expect_sound(places_);
    fmt::print("{} kills, {} of them in a refresh; {} victims had finished at least one publication\n", kills,
               in_refresh, acknowledged);
}

}  // namespace
}  // namespace imgforge::store
