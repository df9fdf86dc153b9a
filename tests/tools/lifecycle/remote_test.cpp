// SPDX-License-Identifier: GPL-3.0-or-later
// Machines on another host: a second libvirt daemon on a socket of its own, with files, network and processes
// of its own.
#include "pipelines/lifecycle/remote.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/digest.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "tests/support/other_host.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace fs = std::filesystem;

namespace imgforge::lifecycle {
namespace {

using test::OtherHost;
using testing::Each;
using testing::HasSubstr;

class Remote : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program :
             {"qemu-system-x86_64", "qemu-img", "libvirtd", "virsh", "unshare", "ip"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        if (!OtherHost::possible()) {
            GTEST_SKIP() << "no right to make namespaces here";
        }
        home_.emplace();
        host_.emplace(home_->folder / "lab1");
        home_->settings.hosts = {{"dead", {.connection = "qemu+unix:///system?socket=/nonexistent"}},
                                 {"lab1", {.connection = host_->uri(), .pool = "images"}}};
        host_->wait(home_->clock);
    }

    std::vector<MachineView> spawn_there(const std::string& name, const std::string& host,
                                         std::size_t count = 1) {
        auto lifecycle = home_->open();
        return spawn(lifecycle, {.image = "tiny",
                                 .name = name,
                                 .count = count,
                                 .memory = ByteSize::mib(64),
                                 .data_disks = {ByteSize::mib(4)},
                                 .networks = {parse_network("user")},
                                 .host = host,
                                 .wait = Wait::none});
    }

    std::vector<std::string> states() {
        auto lifecycle = home_->open();
        std::vector<std::string> found;
        for (const auto& view : look(lifecycle, lifecycle.reservations().all(), {.remote = true})) {
            found.push_back(view.state);
        }
        return found;
    }

    std::vector<fs::path> in_pool(const std::string& prefix) const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(host_->pool())) {
            if (entry.path().filename().string().rfind(prefix, 0) == 0) {
                found.push_back(entry.path());
            }
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    std::optional<test::MachineHome> home_;
    std::optional<OtherHost> host_;
};

TEST_F(Remote, machines_live_on_the_other_host_and_the_image_goes_there_once) {
    try {
        spawn_there("far-1", "lab1");
        FAIL() << "no pool yet";
    } catch (const Error& error) {
        EXPECT_THAT(error.describe(),
                    AllOf(HasSubstr("no storage pool 'images'"), HasSubstr("pool-define-as images")));
    }
    host_->make_pool("images");

    const auto spawned = spawn_there("far-{n}", "any", 2);  // the only one of two hosts that answers
    ASSERT_EQ(spawned.size(), 2U);
    EXPECT_EQ(spawned[0].record.host, "lab1");
    EXPECT_THAT(states(), testing::ElementsAre("running", "running"));
    const auto golden = in_pool("imgforge-");
    ASSERT_EQ(golden.size(), 2U) << "the image and its mark";
    EXPECT_EQ(sha256_file(golden[0]), sha256_file(home_->places.images() / "tiny" / "1" / "disk.qcow2"));
    const auto uploaded = fs::last_write_time(golden[0]);
    EXPECT_EQ(in_pool("far-1.").size(), 3U) << "root, data disk and seed";

    spawn_there("far-3", "lab1");
    EXPECT_EQ(fs::last_write_time(in_pool("imgforge-").at(0)), uploaded);
    auto lifecycle = home_->open();
    EXPECT_EQ(stop_machine(lifecycle, "far-1", std::chrono::seconds(0)), Stopped::unplugged);
    EXPECT_EQ(start_machine(lifecycle, "far-1").state, "running");

    for (const char* const name : {"far-1", "far-2", "far-3"}) {
        destroy_machine(lifecycle, name);
    }
    EXPECT_THAT(states(), Each("destroyed"));
    EXPECT_THAT(clean_up(lifecycle).problems, testing::IsEmpty());
    EXPECT_EQ(host_->virsh({"list", "--all", "--name"}).find("far-"), std::string::npos);
    EXPECT_EQ(in_pool("").size(), 2U);
}

TEST_F(Remote, upload_that_was_cut_off_is_made_again) {
    host_->make_pool("images");
    spawn_there("far-1", "lab1");
    const auto golden = in_pool("imgforge-");
    fs::remove(golden.at(1));  // the mark that is made last
    fs::resize_file(golden.at(0), 1000);
    auto lifecycle = home_->open();
    destroy_machine(lifecycle, "far-1");

    spawn_there("far-2", "lab1");
    EXPECT_EQ(sha256_file(golden[0]), sha256_file(home_->places.images() / "tiny" / "1" / "disk.qcow2"));
    EXPECT_TRUE(fs::exists(golden[1]));
    destroy_machine(lifecycle, "far-2");
}

}  // namespace
}  // namespace imgforge::lifecycle
