// SPDX-License-Identifier: GPL-3.0-or-later
// Whole files in addition to the windows: systemd-pull fetches and verifies what a push left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <unistd.h>

#include "builder/base/digest.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/target.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/require.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

class Whole : public testing::Test {
protected:
    Whole() {
        server_.set_mount_point("/", folder_.string());
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = test::serve(server_);
        for (const unsigned seed : {1U, 2U}) {
            const fs::path disk = work_ / ("disk" + std::to_string(seed));
            test::make_disk(processes_, disk, {.seed = seed, .data_mib = 1, .virtual_mib = 4});
            store::Candidate candidate{.image = "debian12", .disk = disk};
            const store::Generation made = home_.store.promote(
                "debian12",
                store::publish(home_.store, processes_, candidate, monitor_).generation.generation);
            target()->push(made);
        }
    }
    ~Whole() override {
        server_.stop();
        thread_.join();
    }
    std::unique_ptr<Target> target() {
        return open_target(
            {.name = "web",
             .setting = {.kind = "folder", .places = {folder_.string()}, .options = {{"files", "true"}}}},
            {.store = home_.store, .processes = processes_, .monitor = monitor_});
    }
    ProcessResult systemd_pull(const std::string& file, const std::string& name) {
        return processes_.run(
            {.program = "/lib/systemd/systemd-pull",
             .args = {"raw", "--verify=checksum", "--image-root=" + (work_ / "machines").string(),
                      "http://127.0.0.1:" + std::to_string(port_) + "/" + file, name},
             .timeout = std::chrono::seconds(60)});
    }

    TempDir work_{"imgforge-whole", test::fast_folder()};
    fs::path folder_ = [this] {
        fs::create_directories(work_ / "machines");
        fs::create_directories(work_ / "web");
        return work_ / "web";
    }();
    test::StoreHome home_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
};

TEST_F(Whole, files_have_their_digests_and_the_name_follows_the_pointer) {
    const std::string sums = read_file(folder_ / "SHA256SUMS");
    for (const char* name : {"debian12-1.qcow2", "debian12-2.qcow2", "debian12.qcow2"}) {
        EXPECT_THAT(sums, HasSubstr(sha256_file(folder_ / name) + "  " + name + "\n"));
    }
    EXPECT_EQ(fs::read_symlink(folder_ / "debian12.qcow2"), "debian12-2.qcow2");
    target()->promote("debian12", 1);
    EXPECT_EQ(fs::read_symlink(folder_ / "debian12.qcow2"), "debian12-1.qcow2");
    EXPECT_THAT(read_file(folder_ / "SHA256SUMS"),
                HasSubstr(sha256_file(folder_ / "debian12-1.qcow2") + "  debian12.qcow2\n"));
    target()->remove("debian12", 2);
    EXPECT_FALSE(fs::exists(folder_ / "debian12-2.qcow2"));
    EXPECT_THAT(read_file(folder_ / "SHA256SUMS"), testing::Not(HasSubstr("debian12-2")));
}

TEST_F(Whole, systemd_pull_fetches_and_verifies_them) {
    if (!fs::exists("/lib/systemd/systemd-pull") || ::geteuid() != 0) {
        IMGFORGE_SKIP("tools", "systemd-pull (systemd-container) is not installed, or this is not root");
    }
    const ProcessResult good = systemd_pull("debian12.qcow2", "golden");
    ASSERT_EQ(good.code, 0) << good.err;
    EXPECT_TRUE(processes_
                    .run({.program = "qemu-img",
                          .args = {"compare", "-f", "qcow2", "-F", "raw",
                                   home_.store.current("debian12")->disk().string(),
                                   (work_ / "machines" / "golden.raw").string()}})
                    .ok());

    std::string bytes = read_file(folder_ / "debian12-1.qcow2");
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_file_atomically(folder_ / "debian12-1.qcow2", bytes);
    EXPECT_NE(systemd_pull("debian12-1.qcow2", "changed").code, 0);
    EXPECT_FALSE(fs::exists(work_ / "machines" / "changed.raw"));
}

}  // namespace
}  // namespace imgforge::targets
