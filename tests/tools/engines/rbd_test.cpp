// SPDX-License-Identifier: GPL-3.0-or-later
// Against a real Ceph cluster in memory (tests/support/engines/ceph.sh): that of $IMGFORGE_CEPH, else one of
// its own, started once for all tests of this file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "builder/base/error.hpp"
#include "builder/ceph/pool.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/rbd_generations.hpp"
#include "pipelines/targets/rbd_push.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace imgforge::targets {
namespace {

constexpr int disk_mib = 64;  // 16 objects

class RbdTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        for (const char* const program : {"ceph-mon", "ceph-osd", "ceph", "rbd"}) {
            if (!find_program(program)) {
                return;
            }
        }
        if (const char* const shared = std::getenv("IMGFORGE_CEPH");
            shared != nullptr && fs::exists(fs::path(shared) / "ceph.conf")) {
            cluster_ = fs::canonical(shared);
            return;
        }
        own_ = new TempDir("ceph-test", test::fast_folder());
        cluster_ = own_->path();
        SystemProcessRunner runner;
        const ProcessResult started = runner.run(script("start", std::chrono::minutes(5)));
        if (!started.ok()) {
            ADD_FAILURE() << "Ceph did not start: " << started.err;
        }
    }
    static void TearDownTestSuite() {
        if (own_ != nullptr) {
            SystemProcessRunner runner;
            EXPECT_TRUE(runner.run(script("stop", std::chrono::minutes(1))).ok());
            delete own_;
            own_ = nullptr;
        }
    }
    void SetUp() override {
#ifndef IMGFORGE_WITH_RBD
        IMGFORGE_SKIP("engines", "built without librbd-dev: no program of this build reaches a pool");
#endif
        if (cluster_.empty()) {
            IMGFORGE_SKIP("engines", "no Ceph on this host: apt install ceph-mon ceph-osd ceph-common");
        }
        pool_.emplace(pool_name());
    }
    static ProcessSpec script(const std::string& verb, std::chrono::milliseconds timeout) {
        return {.program = IMGFORGE_SOURCE_DIR "/tests/support/engines/ceph.sh",
                .args = {verb, cluster_.string()},
                .timeout = timeout};
    }
    static ceph::PoolName pool_name() {
        return {.pool = "images", .conf = cluster_ / "ceph.conf"};
    }
    std::string url(const std::string& image) const {
        return "rbd:images/" + image + ":conf=" + (cluster_ / "ceph.conf").string();
    }
    fs::path new_disk() {
        const fs::path disk = work_ / ("disk" + std::to_string(++disks_) + ".qcow2");
        test::make_disk(processes_, disk, {.seed = 7, .data_mib = 24, .virtual_mib = disk_mib});
        return disk;
    }
    void write(const fs::path& disk, const std::string& command) {
        run_checked(processes_,
                    {.program = "qemu-io", .args = {"-f", "qcow2", "-c", command, disk.string()}});
    }
    store::Generation publish(const std::string& image, const fs::path& disk) {
        store::Candidate candidate{.image = image, .disk = disk};
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {
            {.name = "curl", .version = std::to_string(++disks_), .architecture = "amd64"}};
        const auto published = store::publish(home_.store, processes_, candidate, monitor_);
        return home_.store.promote(image, published.generation.generation);
    }
    RbdPush push(const store::Generation& generation) {
        return push_to_rbd(home_.store, processes_, monitor_, generation, *pool_);
    }
    bool same_disk(const store::Generation& generation, const std::string& image) {
        const ProcessResult compared = processes_.run(
            {.program = "qemu-img",
             .args = {"compare", "-f", "qcow2", "-F", "raw", generation.disk().string(), url(image)}});
        return compared.ok();
    }

    static TempDir* own_;      ///< of a cluster that is not shared
    static fs::path cluster_;  ///< empty: none
    TempDir work_{"rbd-test", test::fast_folder()};
    test::StoreHome home_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    std::optional<ceph::Pool> pool_;
    int disks_ = 0;
};

TempDir* RbdTest::own_ = nullptr;
fs::path RbdTest::cluster_;

TEST_F(RbdTest, the_next_generation_sends_changed_objects_only) {
    const fs::path disk = new_disk();
    const store::Generation first = publish("debian12", disk);
    const RbdPush sent = push(first);
    EXPECT_GT(sent.objects, 5U);
    EXPECT_EQ(sent.sent, sent.objects);
    EXPECT_TRUE(sent.current);
    EXPECT_TRUE(same_disk(first, "debian12@g1"));

    const fs::path changed = work_ / "changed.qcow2";
    fs::copy_file(disk, changed);
    write(changed, "write -P 0x31 1M 64k");
    write(changed, "write -P 0x32 41M 4k");
    write(changed, "write -z 8M 4M");
    const store::Generation second = publish("debian12", changed);
    const RbdPush delta = push(second);
    EXPECT_EQ(delta.sent, 3U);
    EXPECT_LT(delta.bytes, 5U << 20U);
    EXPECT_TRUE(same_disk(second, "debian12@g2"));
    EXPECT_TRUE(same_disk(first, "debian12@g1"));
    EXPECT_FALSE(same_disk(first, "debian12@g2"));

    const RbdPush again = push(second);
    EXPECT_TRUE(again.existed);
    EXPECT_EQ(again.sent, 0U);
    const auto list = rbd_generations(*pool_, "debian12");
    ASSERT_THAT(list, SizeIs(2));
    EXPECT_FALSE(list[0].current);
    EXPECT_TRUE(list[1].current);
    EXPECT_EQ(list[1].sha256, second.sha256);
}

TEST_F(RbdTest, a_generation_with_clones_stays) {
    const fs::path disk = new_disk();
    push(publish("cloned", disk));
    write(disk, "write -P 0x41 2M 64k");
    push(publish("cloned", disk));
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < 20; ++i) {
        pool_->clone("cloned", "g1", "machine-" + std::to_string(i));
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    RecordProperty("clone_milliseconds", std::to_string(seconds.count() * 1000 / 20));
    try {
        remove_from_rbd(*pool_, "cloned", 1);
        FAIL() << "it was removed";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::domain);
        EXPECT_THAT(error.message(), HasSubstr("images/machine-7"));
    }
    EXPECT_THAT(collect_in_rbd(*pool_, "cloned", 1), IsEmpty());
    // Ceph's own refusal, for a clone that nobody counted.
    ceph::PoolImage image = pool_->open("cloned");
    EXPECT_THROW(image.unprotect("g1"), Error);
    for (int i = 1; i < 20; ++i) {
        pool_->remove_image("machine-" + std::to_string(i));
    }
    pool_->open("machine-0").flatten([](std::uint64_t, std::uint64_t) {});
    EXPECT_EQ(pool_->open_read_only("machine-0").parent(), std::nullopt);
    EXPECT_THAT(collect_in_rbd(*pool_, "cloned", 1), ElementsAre(1));
    EXPECT_THAT(rbd_generations(*pool_, "cloned"), SizeIs(1));
}

TEST_F(RbdTest, a_killed_push_leaves_no_generation_and_is_finished) {
    const fs::path disk = new_disk();
    const store::Generation first = publish("killed", disk);
    push(first);
    // What a push that was killed after some objects leaves: changed objects in the head and no snapshot.
    write(disk, "write -P 0x51 0 64k");
    write(disk, "write -P 0x52 20M 64k");
    const store::Generation second = publish("killed", disk);
    const fs::path raw = work_ / "second.raw";
    run_checked(processes_, {.program = "qemu-img",
                             .args = {"convert", "-O", "raw", second.disk().string(), raw.string()}});
    std::ifstream file(raw, std::ios::binary);
    std::string whole(std::istreambuf_iterator<char>(file), {});
    {
        ceph::PoolImage image = pool_->open("killed");
        image.write(0, whole.substr(0, rbd_object_size));  // as it shall be
        image.write(20U << 20U, std::string(4096, 'x'));   // half of it
        image.write(60U << 20U, std::string(4096, 'y'));   // of another push
        image.flush();
    }
    EXPECT_THAT(rbd_generations(*pool_, "killed"), SizeIs(1));
    const RbdPush result = push(second);
    EXPECT_EQ(result.found, 1U);
    EXPECT_EQ(result.sent, 2U);
    EXPECT_TRUE(same_disk(second, "killed@g2"));
    EXPECT_TRUE(same_disk(first, "killed@g1"));
}

TEST_F(RbdTest, a_push_is_killed_for_real) {
    const fs::path disk = new_disk();
    const store::Generation generation = publish("murdered", disk);
    // A program of its own: a forked client would share what the clients of this process differ by.
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("IMGFORGE_VICTIM_HOME", home_.folder.path().c_str(), 1);
        ::setenv("IMGFORGE_VICTIM_CONF", pool_name().conf.c_str(), 1);
        ::execl("/proc/self/exe", "tools_engines", "--gtest_filter=RbdVictim.*",
                "--gtest_also_run_disabled_tests", nullptr);
        ::_exit(127);
    }
    SystemClock clock;
    wait_until(
        clock, "the first written object", std::chrono::seconds(60),
        [&] {
            try {
                return pool_->has_image("murdered") &&
                       !pool_->open_read_only("murdered").changes_since("").empty();
            } catch (const Error&) {
                return false;
            }
        },
        [] { return std::string("nothing written"); }, std::chrono::milliseconds(2));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const RbdPush result = push(generation);
    EXPECT_EQ(result.found + result.sent, result.existed ? 0U : result.objects);
    EXPECT_TRUE(same_disk(generation, "murdered@g1"));
}

/// What a_push_is_killed_for_real runs and kills.
TEST(RbdVictim, DISABLED_pushes) {
    const Places places(::getenv("IMGFORGE_VICTIM_HOME"));
    SystemClock clock;
    StateDb database(places.state_db());
    store::Store store(places, database, clock);
    SystemProcessRunner runner;
    NullMonitor quiet;
    ceph::Pool pool({.pool = "images", .conf = ::getenv("IMGFORGE_VICTIM_CONF")});
    push_to_rbd(store, runner, quiet, store.resolve("murdered"), pool);
}

TEST_F(RbdTest, images_of_others_are_never_touched) {
    pool_->create_image("foreign", 1U << 20U);
    const store::Generation generation = publish("foreign", new_disk());
    EXPECT_THROW(push(generation), Error);
    EXPECT_THAT(rbd_images(*pool_), testing::Not(testing::Contains("foreign")));
    EXPECT_EQ(pool_->open_read_only("foreign").size(), 1U << 20U);
}

TEST_F(RbdTest, another_disk_under_the_same_number_is_refused) {
    push(publish("twice", new_disk()));
    test::StoreHome other;
    const fs::path disk = new_disk();
    write(disk, "write -P 0x61 3M 64k");
    store::Candidate candidate{.image = "twice", .disk = disk};
    const auto published = store::publish(other.store, processes_, candidate, monitor_);
    try {
        push_to_rbd(other.store, processes_, monitor_, published.generation, *pool_);
        FAIL() << "it was overwritten";
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("another disk"));
    }
}

TEST_F(RbdTest, the_pointer_moves_by_compare_and_swap) {
    EXPECT_TRUE(pool_->swap_attribute("pointer", "current", std::nullopt, "g1"));
    EXPECT_FALSE(pool_->swap_attribute("pointer", "current", std::nullopt, "g2"));
    EXPECT_FALSE(pool_->swap_attribute("pointer", "current", "g7", "g2"));
    EXPECT_TRUE(pool_->swap_attribute("pointer", "current", "g1", "g2"));
    EXPECT_EQ(pool_->attribute("pointer", "current"), "g2");
}

TEST_F(RbdTest, an_unknown_pool_and_a_dead_cluster_are_named) {
    ceph::PoolName wrong = pool_name();
    wrong.pool = "nowhere";
    try {
        const ceph::Pool pool(wrong);
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("no pool 'nowhere'"));
    }
    wrong.conf = "/nonexistent/ceph.conf";
    try {
        const ceph::Pool pool(wrong);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::host);
        EXPECT_THAT(error.message(), HasSubstr("/nonexistent/ceph.conf"));
    }
}

}  // namespace
}  // namespace imgforge::targets
