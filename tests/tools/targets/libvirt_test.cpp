// SPDX-License-Identifier: GPL-3.0-or-later
// A storage pool of another libvirt daemon as a target.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/virt/storage_pool.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/store/volume_name.hpp"
#include "pipelines/targets/pointers.hpp"
#include "pipelines/targets/pool_marks.hpp"
#include "tests/support/disk_maker.hpp"
#include "tests/support/other_host.hpp"
#include "tests/support/problem.hpp"
#include "tests/support/require.hpp"
#include "tests/support/small_generation.hpp"
#include "tests/support/store_fixture.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

constexpr const char* relay_text = R"(#!/usr/bin/env python3
import os, select, socket
there = socket.socket(socket.AF_UNIX)
there.connect("{}")
spoils = "{}" == "spoil"
while True:
    ready = select.select([0, there], [], [])[0]
    if 0 in ready:
        some = bytearray(os.read(0, 1 << 20))
        if not some:
            break
        if spoils and len(some) > 20000:
            some[10000] ^= 1
            spoils = False
        there.sendall(some)
    if there in ready:
        some = there.recv(1 << 20)
        if not some:
            break
        while some:
            some = some[os.write(1, some):]
)";

class LibvirtPool : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"qemu-img", "libvirtd", "virsh", "unshare", "ip", "python3"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        if (!test::OtherHost::possible()) {
            GTEST_SKIP() << "no right to make namespaces here";
        }
        host_.emplace(work_ / "lab");
        host_->wait(clock_);
        host_->make_pool("golden");
        settings_.targets["lab"] = {
            .kind = "libvirt", .places = {host_->uri()}, .options = {{"pool", "golden"}}};
        for (const unsigned seed : {1U, 2U}) {
            test::publish_small(home_.store, processes_, monitor_, work_.path(), seed);
        }
    }
    TargetServices services() { return {.store = home_.store, .processes = processes_, .monitor = monitor_}; }
    TargetPush push(int generation) {
        return push_and_record(find_target(settings_, "lab"), services(),
                               *home_.store.find("debian12", generation));
    }
    std::vector<TargetGeneration> listed_there() {
        return open_target(find_target(settings_, "lab"), services())->generations();
    }
    void remove(int generation) {
        open_target(find_target(settings_, "lab"), services())->remove("debian12", generation);
    }
    int current_there() {
        for (const TargetGeneration& one : listed_there()) {
            if (one.current) {
                return one.generation;
            }
        }
        return 0;
    }
    fs::path disk_there(int generation) {
        return host_->pool() / store::volume_name(*home_.store.find("debian12", generation));
    }
    /// A domain on the volume itself; it is not started.
    fs::path write_domain(const fs::path& disk) const {
        const fs::path file = work_ / "domain.xml";
        write_file_atomically(file, fmt::format("<domain type='qemu'><name>old</name><memory>65536</memory>"
                                                "<os><type>hvm</type></os><devices><disk type='file'>"
                                                "<source file='{}'/><target dev='vda' bus='virtio'/></disk>"
                                                "</devices></domain>",
                                                disk.string()));
        return file;
    }
    /// The same daemon by the name of another host, through a relay that changes one byte of a large piece on
    /// its way there when it shall `spoil`.
    std::string relayed_uri(const std::string& word) const {
        const fs::path relay = work_ / ("relay" + word);
        write_file_atomically(relay, fmt::format(relay_text, host_->socket().string(), word));
        fs::permissions(relay, fs::perms::owner_all);
        return "qemu+ext://elsewhere/system?command=" + relay.string();
    }

    TempDir work_{"imgforge-libvirt", test::fast_folder()};
    SystemClock clock_;
    std::optional<test::OtherHost> host_;
    test::StoreHome home_;
    SystemProcessRunner processes_;
    RecordingMonitor monitor_;
    Settings settings_;
};

TEST_F(LibvirtPool, a_generation_lies_there_once_and_its_pointer_moves_without_copying) {
    const TargetPush first = push(1);
    EXPECT_EQ(first.record["volumes"][0]["verified"], "digest");
    EXPECT_EQ(first.record["volumes"][0]["path"], disk_there(1).string());
    EXPECT_EQ(first.record["bytes"], fs::file_size(home_.store.find("debian12", 1)->disk()));
    EXPECT_EQ(current_there(), 0) << "pushed while another one was current here";
    push(2);
    EXPECT_EQ(current_there(), 2);
    for (const int generation : {1, 2}) {
        EXPECT_EQ(sha256_file(disk_there(generation)),
                  sha256_file(home_.store.find("debian12", generation)->disk()));
    }
    const auto written = fs::last_write_time(disk_there(1));
    const TargetPush again = push(1);
    EXPECT_EQ(again.record["volumes"][0]["verified"], "existed");
    EXPECT_EQ(again.record["bytes"], 0);

    const Promotion moved = promote_everywhere(settings_, services(), "debian12", 1, false);
    ASSERT_EQ(moved.moves.size(), 1U);
    EXPECT_EQ(moved.moves[0].outcome, PointerOutcome::moved);
    EXPECT_EQ(current_there(), 1);
    EXPECT_EQ(fs::last_write_time(disk_there(1)), written);
    std::size_t pointers = 0;
    for (const auto& entry : fs::directory_iterator(host_->pool())) {
        pointers += parse_pool_pointer(entry.path().filename().string()) ? 1U : 0U;
    }
    EXPECT_EQ(pointers, 1U) << "the old pointer goes when the new one is there";
}

TEST_F(LibvirtPool, what_is_current_or_stood_on_is_not_let_go) {
    push(1);
    push(2);
    host_->virsh({"vol-create-as", "golden", "web-1.qcow2", "4M", "--format", "qcow2", "--backing-vol",
                  disk_there(1).string(), "--backing-vol-format", "qcow2"});
    const std::vector<TargetGeneration> all = listed_there();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_THAT(all[0].used_by, testing::ElementsAre("web-1.qcow2"));
    EXPECT_THAT(test::problem([&] { remove(1); }), HasSubstr("used by web-1.qcow2"));
    EXPECT_THAT(test::problem([&] { remove(2); }), HasSubstr("is the current generation"));
    EXPECT_TRUE(fs::exists(disk_there(1)));

    host_->virsh({"vol-delete", "--pool", "golden", "web-1.qcow2"});
    host_->virsh({"define", write_domain(disk_there(1)).string()});
    EXPECT_THAT(test::problem([&] { remove(1); }), HasSubstr("used by domain old"));
    host_->virsh({"undefine", "old"});
    remove(1);
    EXPECT_FALSE(fs::exists(disk_there(1)));
    EXPECT_EQ(listed_there().size(), 1U);
    remove(1);  // missing is fine
}

TEST_F(LibvirtPool, an_upload_that_was_cut_off_is_made_again) {
    push(1);
    fs::remove(disk_there(1).string() + ".verified");
    fs::resize_file(disk_there(1), 1000);
    EXPECT_TRUE(listed_there().empty()) << "half a disk is not a generation";
    EXPECT_NE(push(1).record["bytes"], 0);
    EXPECT_EQ(sha256_file(disk_there(1)), sha256_file(home_.store.find("debian12", 1)->disk()));
}

TEST_F(LibvirtPool, a_host_or_pool_that_is_missing_is_named) {
    settings_.targets["lab"].options["pool"] = "other";
    EXPECT_THAT(test::problem([&] { push(1); }),
                AllOf(HasSubstr("has no storage pool 'other'"), HasSubstr("pool-define-as other")));
    settings_.targets["lab"].places = {"qemu+unix:///system?socket=/nonexistent"};
    EXPECT_THAT(test::problem([&] { push(1); }), HasSubstr("/nonexistent"));
    settings_.targets["lab"].options["format"] = "raw";
    EXPECT_THAT(test::problem([&] { push(1); }), HasSubstr("takes no 'raw'"));
}

TEST_F(LibvirtPool, of_another_host_pieces_are_read_back_and_a_changed_one_is_refused) {
    settings_.targets["lab"].places = {relayed_uri("")};
    const TargetPush pushed = push(1);
    EXPECT_EQ(pushed.record["volumes"][0]["verified"], "samples");
    EXPECT_EQ(sha256_file(disk_there(1)), sha256_file(home_.store.find("debian12", 1)->disk()));

    settings_.targets["lab"].places = {relayed_uri("spoil")};
    EXPECT_THAT(test::problem([&] { push(2); }), HasSubstr("differs from the original"));
    EXPECT_FALSE(fs::exists(disk_there(2)));
    EXPECT_EQ(listed_there().size(), 1U);
}

TEST(PoolMarks, come_back_as_they_were_and_others_are_left_alone) {
    const PoolGeneration one{"rocky-9.5_x", 12, "imgforge-0123abcd.qcow2"};
    EXPECT_EQ(parse_pool_generation(mark_name(one)), one);
    const PoolPointer pointer{"rocky-9.5_x", 10, 12};
    EXPECT_EQ(parse_pool_pointer(mark_name(pointer)), pointer);
    for (const char* const name :
         {"imgforge-0123abcd.qcow2", "imgforge-a@0.ab", "imgforge-a@99999999999999.ab", "web-1.disk.qcow2",
          "imgforge-a@current.0.1", "imgforge-A@1.ab", "imgforge-a@1.ab/../x", ""}) {
        EXPECT_FALSE(parse_pool_generation(name)) << name;
        EXPECT_FALSE(parse_pool_pointer(name)) << name;
    }
}

TEST(PoolMarks, the_highest_serial_counts_and_a_disk_without_its_mark_does_not) {
    const PoolMarks marks =
        read_marks({"imgforge-a@1.aa", "imgforge-aa.qcow2", "imgforge-aa.qcow2.verified", "imgforge-a@2.bb",
                    "imgforge-bb.qcow2", "imgforge-a@current.9.2", "imgforge-a@current.10.1", "other"});
    ASSERT_EQ(marks.generations.size(), 1U);
    EXPECT_NE(marks.find("a", 1), nullptr);
    EXPECT_EQ(marks.find("a", 2), nullptr) << "it came without its mark";
    ASSERT_NE(marks.current("a"), nullptr);
    EXPECT_EQ(marks.current("a")->generation, 1);
    EXPECT_EQ(marks.current("b"), nullptr);
}

}  // namespace
}  // namespace imgforge::targets
