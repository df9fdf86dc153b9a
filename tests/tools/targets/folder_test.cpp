// SPDX-License-Identifier: GPL-3.0-or-later
// Two stores and a directory between them, by path and over HTTP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include "builder/base/error.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/pull.hpp"
#include "pipelines/targets/push.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

struct Host : test::StoreHome {
    SystemProcessRunner processes;
    RecordingMonitor monitor;

    store::Generation publish(const fs::path& disk, const std::string& version) {
        store::Candidate candidate{.image = "debian12", .disk = disk};
        candidate.recipe = {
            {"name", "debian12"}, {"os", "debian12"}, {"file", "/etc/imgforge/debian12.recipe"}};
        candidate.contents.package_format = "deb";
        candidate.contents.packages = {{.name = "curl", .version = version, .architecture = "amd64"}};
        return store.promote("debian12",
                             store::publish(store, processes, candidate, monitor).generation.generation);
    }
    PushResult push(const store::Generation& generation, const FolderTarget& target) {
        return push_to_folder(store, processes, monitor, generation, target);
    }
    PullResult pull(const PullSource& source, std::optional<int> generation = std::nullopt) {
        const auto reader = open_folder(source.location);
        const PullServices services{.store = store, .processes = processes, .monitor = monitor};
        const AcceptedIndex accepted = accept_index(source, *reader, services);
        return pull_generation(source, *reader, accepted, "debian12", generation, services);
    }
};

class Folder : public testing::Test {
protected:
    void SetUp() override {
        for (const char* name : {"key", "other"}) {
            run_checked(source_.processes,
                        {.program = "openssl",
                         .args = {"genpkey", "-algorithm", "ed25519", "-out", file(name).string()}});
        }
        target_ = {.folder = file("folder"), .key = file("key")};
        make(0);
    }
    fs::path file(const std::string& name) const { return work_ / name; }
    /// A disk of 4 MiB of data; `changes` of its 64 KiB blocks differ from the first one's.
    fs::path make(std::size_t changes) {
        const fs::path path = file("disk" + std::to_string(changes) + ".qcow2");
        test::make_disk(source_.processes, path,
                        {.seed = 1, .data_mib = 4, .virtual_mib = 8, .change_seed = 3, .changes = changes});
        return path;
    }
    store::Generation pushed(std::size_t changes) {
        const store::Generation generation = source_.publish(make(changes), std::to_string(changes));
        source_.push(generation, target_);
        return generation;
    }
    PullSource source() const { return {.location = target_.folder.string(), .key = file("key")}; }
    bool same(const fs::path& a, const fs::path& b) {
        return source_.processes
            .run({.program = "qemu-img",
                  .args = {"compare", "-f", "qcow2", "-F", "qcow2", a.string(), b.string()}})
            .ok();
    }
    std::string refusal(const PullSource& from) {
        const std::size_t before = receiver_.store.generations("debian12").size();
        try {
            receiver_.pull(from);
        } catch (const Error& error) {
            EXPECT_EQ(receiver_.store.generations("debian12").size(), before);
            return error.describe();
        }
        return "pulled";
    }
    static std::size_t unfinished(const Places& places) {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(places.images() / "debian12")) {
            count += entry.path().filename().string().starts_with(".new-") ? 1U : 0U;
        }
        return count;
    }
    fs::path any_window() const {
        for (const auto& entry : fs::recursive_directory_iterator(target_.folder / "windows")) {
            if (entry.is_regular_file()) {
                return entry.path();
            }
        }
        return {};
    }

    TempDir work_{"targets-test", test::fast_folder()};
    Host source_;
    Host receiver_;
    FolderTarget target_;
};

TEST_F(Folder, a_generation_arrives_whole_with_its_records) {
    const store::Generation sent = pushed(0);
    const PullResult result = receiver_.pull(source());
    EXPECT_TRUE(result.published);
    EXPECT_TRUE(same(sent.disk(), result.generation.disk()));
    EXPECT_EQ(result.fetched, result.windows);
    const Json manifest = result.generation.manifest();
    EXPECT_EQ(manifest["recipe"]["os"], "debian12");
    EXPECT_FALSE(manifest["recipe"].contains("file")) << "a recipe of another host";
    EXPECT_EQ(manifest["origin"]["verified"], "signature");
    EXPECT_THAT(read_file(result.generation.folder / "packages.json"), HasSubstr("curl"));
    EXPECT_EQ(receiver_.store.current("debian12")->generation, 1);
    EXPECT_FALSE(receiver_.pull(source()).published) << "the second time there is nothing to do";
    EXPECT_TRUE(!fs::exists(receiver_.places.cache() / "windows") ||
                fs::is_empty(receiver_.places.cache() / "windows"));
}

TEST_F(Folder, of_the_next_generation_only_changed_windows_travel) {
    pushed(0);
    receiver_.pull(source());
    const store::Generation next = source_.publish(make(1), "next");
    const PushResult push = source_.push(next, target_);
    EXPECT_EQ(push.sent, 1U) << "one block of 64 KiB changed one window";
    const PullResult pull = receiver_.pull(source());
    EXPECT_EQ(pull.fetched, 1U);
    EXPECT_TRUE(same(next.disk(), pull.generation.disk()));
}

TEST_F(Folder, promoting_moves_a_pointer_and_copies_nothing) {
    pushed(0);
    pushed(2);
    receiver_.pull(source(), 1);
    receiver_.pull(source());
    EXPECT_EQ(receiver_.store.current("debian12")->generation, 2);
    EXPECT_TRUE(promote_in_folder(target_, "debian12", 1, receiver_.clock.wall_seconds()));
    const PullResult back = receiver_.pull(source());
    EXPECT_FALSE(back.published);
    EXPECT_EQ(receiver_.store.current("debian12")->generation, 1);
    EXPECT_FALSE(promote_in_folder(target_, "debian12", 9, receiver_.clock.wall_seconds()));
}

TEST_F(Folder, an_index_of_another_key_unsigned_old_or_expired_is_refused) {
    pushed(0);
    const std::string first = read_file(target_.folder / "index.json");
    PullSource wrong = source();
    wrong.key = file("other");
    EXPECT_THAT(refusal(wrong), HasSubstr("not signed by"));
    write_file_atomically(target_.folder / "index.json", to_text(read_own_index(target_)));
    EXPECT_THAT(refusal(source()), HasSubstr("not signed"));
    write_file_atomically(target_.folder / "index.json", first);
    receiver_.pull(source());
    pushed(1);
    receiver_.pull(source());
    write_file_atomically(target_.folder / "index.json", first);
    EXPECT_THAT(refusal(source()), HasSubstr("was seen before"));
    FolderTarget expired = target_;
    expired.valid = std::chrono::seconds(-10);
    for (int serial = 0; serial < 3; ++serial) {  // beyond the one that was seen
        update_index(*open_local_writer(expired.folder, "test"), {.key = expired.key, .valid = expired.valid},
                     receiver_.clock.wall_seconds(), [](FolderIndex&) { return true; });
    }
    EXPECT_THAT(refusal(source()), HasSubstr("expired"));
}

TEST_F(Folder, a_changed_byte_in_manifest_or_window_is_refused) {
    pushed(0);
    const fs::path window = any_window();
    const std::string good = read_file(window);
    std::string bad = good;
    bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
    write_file_atomically(window, bad);
    EXPECT_THAT(refusal(source()), HasSubstr(window.stem().string()));
    fs::remove(window);
    EXPECT_THAT(refusal(source()), HasSubstr("is missing"));
    write_file_atomically(window, good);
    for (const auto& entry : fs::directory_iterator(target_.folder / "manifests")) {
        write_file_atomically(entry.path(), read_file(entry.path()) + " ");
    }
    EXPECT_THAT(refusal(source()), HasSubstr("another digest than its name"));
}

TEST_F(Folder, over_http_an_unchanged_index_costs_one_request) {
    pushed(0);
    httplib::Server server;
    server.set_mount_point("/", target_.folder.string());
    std::atomic<int> requests = 0;
    server.set_pre_routing_handler([&](const httplib::Request& request, httplib::Response& response) {
        ++requests;
        if (request.path == "/index.json") {
            response.set_header("ETag", "\"one\"");
            if (request.get_header_value("If-None-Match") == "\"one\"") {
                response.status = 304;
                return httplib::Server::HandlerResponse::Handled;
            }
        }
        return httplib::Server::HandlerResponse::Unhandled;
    });
    const int port = server.bind_to_any_port("127.0.0.1");
    std::thread thread = test::serve(server);
    const PullSource web{.location = "http://127.0.0.1:" + std::to_string(port), .key = file("key")};
    const PullServices services{
        .store = receiver_.store, .processes = receiver_.processes, .monitor = receiver_.monitor};
    const auto reader = open_folder(web.location);
    const AcceptedIndex accepted = accept_index(web, *reader, services, true);
    EXPECT_TRUE(pull_generation(web, *reader, accepted, "debian12", std::nullopt, services).published);
    mark_up_to_date(web, accepted, services);
    requests = 0;
    EXPECT_TRUE(accept_index(web, *reader, services, true).unchanged);
    EXPECT_EQ(requests, 1);
    server.stop();
    thread.join();
}

/// Whatever moment a pull is killed at: the store is as before or has the whole generation, and the next pull
/// succeeds with what is there.
TEST_F(Folder, a_killed_pull_leaves_nothing_half_and_resumes) {
    const store::Generation sent = pushed(0);
    std::mt19937 random(7);
    for (int round = 0; round < 6; ++round) {
        const TempDir home("targets-kill", test::fast_folder());
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            try {
                const Places places{home.path()};
                SystemClock clock;
                SystemProcessRunner processes;
                NullMonitor monitor;
                StateDb database(places.state_db());
                store::Store store(places, database, clock);
                const PullServices services{.store = store, .processes = processes, .monitor = monitor};
                const auto reader = open_folder(source().location);
                const AcceptedIndex accepted = accept_index(source(), *reader, services);
                pull_generation(source(), *reader, accepted, "debian12", std::nullopt, services);
            } catch (...) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        ::usleep(static_cast<useconds_t>(random() % 400000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        const Places places{home.path()};
        StateDb database(places.state_db());
        store::Store store(places, database, receiver_.clock);
        store.recover();
        for (const store::Generation& generation : store.generations("debian12")) {
            EXPECT_TRUE(same(sent.disk(), generation.disk()));
        }
        const PullServices services{
            .store = store, .processes = receiver_.processes, .monitor = receiver_.monitor};
        const auto reader = open_folder(source().location);
        const AcceptedIndex accepted = accept_index(source(), *reader, services);
        const PullResult result =
            pull_generation(source(), *reader, accepted, "debian12", std::nullopt, services);
        EXPECT_TRUE(same(sent.disk(), result.generation.disk()));
        EXPECT_EQ(store.generations("debian12").size(), 1U) << "round " << round;
        // A child of the killed process holds its lock for a moment longer.
        wait_until(
            receiver_.clock, "the next command to remove what was unfinished", std::chrono::seconds(20),
            [&] {
                store.recover();
                return unfinished(places) == 0;
            },
            [&] { return std::to_string(unfinished(places)) + " entries"; });
    }
}

}  // namespace
}  // namespace imgforge::targets
