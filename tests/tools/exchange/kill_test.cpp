// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 at random moments of an import. IMGFORGE_SEED replays a run, IMGFORGE_KILLS changes their number.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <random>

#include "tests/tools/exchange/exchange_home.hpp"

namespace fs = std::filesystem;

namespace imgforge::exchange {
namespace {

int setting(const char* name, int fallback) {
    const char* const value = std::getenv(name);
    return value != nullptr ? std::atoi(value) : fallback;
}

/// In a process of its own: imports until it is killed or done.
[[noreturn]] void import_until_killed(const Places& places, const fs::path& file) {
    try {
        SystemClock clock;
        SystemProcessRunner processes;
        NullMonitor monitor;
        StateDb database(places.state_db());
        store::Store store(places, database, clock);
        const ImageSource source =
            resolve_source({.source = file.string(), .name = "disk"}, catalog::Catalog{});
        import_image(source, {.store = store, .processes = processes, .monitor = monitor});
    } catch (...) {
        ::_exit(1);
    }
    ::_exit(0);
}

class KilledImport : public testing::Test, protected test::ExchangeHome {
protected:
    /// After whatever happened to the process before: as it was, or one more generation that is whole.
    void expect_sound(const fs::path& source) {
        // A child of the killed process holds its lock for a moment longer.
        wait_until(
            clock, "the next command to remove what was unfinished", std::chrono::seconds(20),
            [&] {
                store.recover();
                return leftovers("disk").empty();
            },
            [&] { return leftovers("disk").front(); });
        for (const store::Generation& generation : store.generations("disk")) {
            EXPECT_TRUE(same_disk(source, generation.disk()));
            EXPECT_EQ(sha256_file(generation.disk()), generation.sha256);
            EXPECT_EQ(sha256_hex(read_file(generation.manifest_path())), generation.manifest_sha256);
        }
    }
};

TEST_F(KilledImport, leaves_nothing_half) {
    const fs::path source = disk("source.qcow2");
    convert(source, "raw", "source.raw");
    run("xz", {"-0", "-k", file("source.raw").string()});
    std::mt19937 random(static_cast<std::uint32_t>(setting("IMGFORGE_SEED", 11)));
    for (int kill = 0; kill < setting("IMGFORGE_KILLS", 12); ++kill) {
        const std::string name = random() % 2 == 0 ? "source.raw.xz" : "source.qcow2";
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            import_until_killed(places, file(name));
        }
        ::usleep(static_cast<useconds_t>(random() % 250000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        expect_sound(source);
        EXPECT_LE(store.generations("disk").size(), 1U) << "the same content makes no second generation";
    }
    import(file("source.raw.xz"));
    expect_sound(source);
    EXPECT_EQ(store.generations("disk").size(), 1U);
}

}  // namespace
}  // namespace imgforge::exchange
