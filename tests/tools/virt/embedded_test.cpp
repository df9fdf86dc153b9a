// SPDX-License-Identifier: GPL-3.0-or-later
// The embedded driver for real, with a machine of no disk that only sits in its firmware.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/virt/connection.hpp"
#include "builder/virt/domain_xml.hpp"
#include "tests/support/require.hpp"

namespace imgforge::virt {
namespace {

class Embedded : public ::testing::Test {
protected:
    void SetUp() override {
        if (!find_program("qemu-system-x86_64")) {
            IMGFORGE_SKIP("tools", "qemu-system-x86_64 is not installed");
        }
    }

    static DomainSpec firmware_only(const std::string& name) {
        DomainSpec spec{.name = name, .memory = ByteSize::mib(64)};
        spec.serials.push_back({.kind = CharacterSpec::Kind::null});
        spec.channels.push_back(
            {.name = "org.qemu.guest_agent.0", .host = {.kind = CharacterSpec::Kind::unix_socket}});
        return spec;
    }

    TempDir folder_;
    std::filesystem::path capabilities_ = folder_ / "capabilities";
};

/// Ends a machine that is meant to outlive its connection, also when an assertion fails in between.
class DestroyAtEnd {
public:
    DestroyAtEnd(std::string uri, std::string name) : uri_(std::move(uri)), name_(std::move(name)) {}
    ~DestroyAtEnd() {
        try {
            if (const auto domain = Connection::open(uri_).find(name_)) {
                domain->destroy();
            }
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }
    DestroyAtEnd(const DestroyAtEnd&) = delete;
    DestroyAtEnd& operator=(const DestroyAtEnd&) = delete;

private:
    std::string uri_;
    std::string name_;
};

// One test for the whole life: QEMU's capabilities are probed once (4 s) and shared by both roots.
TEST_F(Embedded, keeps_machines_of_two_long_roots_apart_and_finds_them_again) {
    const auto long_name = std::string(60, 'r');
    const std::string first_uri = embedded_uri(folder_ / long_name / "first");
    const std::string second_uri = embedded_uri(folder_ / long_name / "second");
    const DestroyAtEnd cleanup(first_uri, "one");
    {
        const Connection first = Connection::open(first_uri, capabilities_);
        const Connection second = Connection::open(second_uri, capabilities_);
        first.create(domain_xml(firmware_only("one")), false);
        EXPECT_FALSE(std::filesystem::is_empty(capabilities_));
        second.create(domain_xml(firmware_only("two")), true);
        EXPECT_TRUE(first.find("one"));
        EXPECT_FALSE(first.find("two"));
    }

    const Connection first = Connection::open(first_uri, capabilities_);
    const auto one = first.find("one");
    ASSERT_TRUE(one) << "a machine without auto_destroy outlives its connection";
    EXPECT_EQ(one->status()->state, DomainState::running);
    EXPECT_GT(one->cpu_time().count(), 0);
    one->screenshot(folder_ / "screen.png");
    EXPECT_THAT(read_file(folder_ / "screen.png"), ::testing::StartsWith("\x89PNG"));
    one->destroy();
    EXPECT_FALSE(one->status());
    const Connection second = Connection::open(second_uri, capabilities_);
    EXPECT_FALSE(second.find("two")) << "auto_destroy ends the machine with its connection";
}

// swtpm runs as the user of the root: its own default, tss, could not reach a private directory.
TEST_F(Embedded, gives_a_machine_in_a_private_folder_a_tpm_that_ends_with_it) {
    if (!find_program("swtpm_setup")) {
        IMGFORGE_SKIP("tools", "swtpm-tools is not installed");
    }
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all);
    const Connection connection = Connection::open(embedded_uri(folder_ / "root"), capabilities_);
    DomainSpec spec = firmware_only("one");
    spec.tpm = true;

    const Domain domain = connection.create(domain_xml(spec), true);

    const std::filesystem::path state =
        folder_ / "root" / "lib" / "swtpm" / domain.uuid() / "tpm2" / "tpm2-00.permall";
    EXPECT_TRUE(std::filesystem::exists(state));
    SystemProcessRunner processes;
    const std::string swtpm = "^[^ ]*swtpm socket .*" + domain.uuid();
    EXPECT_TRUE(processes.run({.program = "pgrep", .args = {"-f", swtpm}}).ok());
    domain.destroy();
    EXPECT_FALSE(processes.run({.program = "pgrep", .args = {"-f", swtpm}}).ok())
        << "swtpm outlives its machine";
}

TEST_F(Embedded, waits_for_a_root_in_use_and_says_so_when_it_stays_in_use) {
    const std::string uri = embedded_uri(folder_ / "root");
    auto holder = std::make_unique<Connection>(Connection::open(uri));
    EXPECT_THROW(Connection::open(uri, {}, std::chrono::milliseconds(300)), Error);

    std::jthread release([&holder] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        holder.reset();
    });
    EXPECT_TRUE(Connection::open(uri, {}, std::chrono::seconds(20)).alive());
}

}  // namespace
}  // namespace imgforge::virt
