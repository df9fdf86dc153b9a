// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/store/verify.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/require.hpp"
#include "tests/support/small_file_system.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

Candidate small_candidate(const fs::path& disk, int version) {
    Candidate candidate;
    candidate.image = "debian13";
    candidate.disk = disk;
    candidate.contents.package_format = "deb";
    candidate.contents.packages = {
        {.name = "curl", .version = std::to_string(version), .architecture = "amd64"}};
    return candidate;
}

/// A store on a file system of 24 MiB.
class FullDisk : public testing::Test {
protected:
    void SetUp() override {
        if (!small.mounted()) {
            IMGFORGE_SKIP("tools", "a tmpfs cannot be mounted here (needs root)");
        }
    }

    static fs::path made(const fs::path& directory) {
        make_directories(directory);
        return directory;
    }

    const TempDir work{"imgforge-full"};
    const Places places{made(work / "store")};
    const test::SmallFileSystem small{work / "store", 24};
    SystemProcessRunner processes;
    NullMonitor monitor;
    SystemClock clock;
};

TEST_F(FullDisk, publication_fails_clearly_at_every_write_and_leaves_the_store_as_it_was) {
    test::make_disk(processes, work / "one.qcow2", {.data_mib = 1, .virtual_mib = 2});
    test::make_disk(processes, work / "two.qcow2", {.seed = 2, .data_mib = 1, .virtual_mib = 2});
    StateDb database(places.state_db());
    Store store(places, database, clock);
    publish(store, processes, small_candidate(work / "one.qcow2", 1), monitor);
    store.promote("debian13", 1);
    const std::string before = read_file(places.images() / "debian13/index.json");

    int failures = 0;
    bool published = false;
    // From nothing free to enough, in steps of 20 KiB: every write of a publication meets the end of the disk
    // once.
    for (std::uint64_t room = 0; !published && room < (12U << 20U); room += 24576) {
        small.leave_free(room);
        try {
            published = publish(store, processes, small_candidate(work / "two.qcow2", 2), monitor).published;
        } catch (const Error& error) {
            ++failures;
            const std::string text = error.describe();
            EXPECT_TRUE(text.find("No space left") != std::string::npos ||
                        text.find("full") != std::string::npos)
                << room << ": " << text;
            EXPECT_EQ(error.kind(), Failure::host) << room << ": " << text;
        }
        small.empty();
        store.recover();
        if (!published) {
            EXPECT_EQ(read_file(places.images() / "debian13/index.json"), before) << room;
            EXPECT_EQ(store.generations("debian13").size(), 1U) << room;
        }
        EXPECT_TRUE(verify(store, {}, monitor).empty()) << room;
        for (const fs::directory_entry& entry : fs::directory_iterator(places.images() / "debian13")) {
            EXPECT_NE(entry.path().filename().string().rfind(".new-", 0), 0U)
                << room << " left " << entry.path();
        }
    }

    EXPECT_TRUE(published);
    EXPECT_GT(failures, 30);
    EXPECT_EQ(store.generations("debian13").size(), 2U);
}

TEST_F(FullDisk, with_no_byte_free_the_store_is_read_rolled_back_and_emptied) {
    {
        StateDb database(places.state_db());
        Store store(places, database, clock);
        for (const int version : {1, 2, 3}) {
            const fs::path disk = work / fmt::format("{}.qcow2", version);
            test::make_disk(processes, disk,
                            {.seed = static_cast<unsigned>(version), .data_mib = 1, .virtual_mib = 2});
            publish(store, processes, small_candidate(disk, version), monitor);
            store.promote("debian13", version);
        }
    }
    small.leave_free(0);
    ASSERT_EQ(free_space(work / "store"), 0U);

    // Each in a session of its own, as commands are.
    const auto command = [&](const std::function<void(Store&)>& body) {
        StateDb database(places.state_db());
        Store store(places, database, clock);
        body(store);
    };
    command([](Store& store) { EXPECT_EQ(store.generations("debian13").size(), 3U); });
    command([](Store& store) { EXPECT_EQ(store.rollback("debian13").generation, 2); });
    command([](Store& store) { store.remove("debian13", 3); });
    command([](Store& store) {
        EXPECT_EQ(store.remove_all("debian13", {1}), (std::map<int, std::string>{}));
        EXPECT_EQ(store.generations("debian13").size(), 1U);
    });
    EXPECT_GT(free_space(work / "store"), 1U << 20U);
    command([&](Store& store) { EXPECT_THAT(verify(store, {}, monitor), testing::IsEmpty()); });
}

}  // namespace
}  // namespace imgforge::store
