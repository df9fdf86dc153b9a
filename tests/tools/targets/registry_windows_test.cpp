// SPDX-License-Identifier: GPL-3.0-or-later
// Disks in windows through a real registry (docker-registry); skopeo as the second opinion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/targets/pointers.hpp"
#include "pipelines/targets/pull.hpp"
#include "tests/support/problem.hpp"
#include "tests/tools/targets/registry_home.hpp"

namespace fs = std::filesystem;

using testing::HasSubstr;

namespace imgforge::targets {
namespace {

class RegistryWindows : public RegistryTest {
protected:
    NamedTarget target() const {
        return {
            .name = "hub",
            .setting = {.kind = "oci", .places = {host_ + "/golden"}, .options = {{"format", "windows"}}}};
    }
    std::unique_ptr<Target> open_hub() {
        return open_target(target(), {.store = home_.store, .processes = processes_, .monitor = monitor_});
    }
    PullResult pull(std::optional<int> generation = {}) {
        const PullSource source{.location = host_ + "/golden", .setting = target().setting};
        const PullServices services{.store = other_.store, .processes = processes_, .monitor = monitor_};
        const auto reader = open_source(source);
        return pull_generation(source, *reader, accept_index(source, *reader, services), "debian12",
                               generation, services);
    }
    /// Of the seed's generation one window is another one.
    store::Generation publish_next(const store::Generation& first) {
        const fs::path disk = work_ / "next.qcow2";
        run_checked(processes_, {.program = "qemu-img",
                                 .args = {"convert", "-f", "qcow2", "-O", "qcow2", first.disk().string(),
                                          disk.string()}});
        run_checked(processes_,
                    {.program = "qemu-io", .args = {"-f", "qcow2", "-c", "write -P 9 5M 4k", disk.string()}});
        const store::Candidate candidate{.image = "debian12", .disk = disk};
        return home_.store.promote(
            "debian12", store::publish(home_.store, processes_, candidate, monitor_).generation.generation);
    }
    bool same_disk(const fs::path& a, const fs::path& b) {
        return processes_
            .run({.program = "qemu-img",
                  .args = {"compare", "-f", "qcow2", "-F", "qcow2", a.string(), b.string()}})
            .ok();
    }
};

TEST_F(RegistryWindows, of_the_next_generation_only_changed_windows_travel_both_ways) {
    const store::Generation first = publish(1);
    const TargetPush sent = open_hub()->push(first);
    EXPECT_EQ(sent.record["sent"], sent.record["windows"]);
    const PullResult came = pull();
    EXPECT_TRUE(same_disk(first.disk(), came.generation.disk()));

    const store::Generation second = publish_next(first);
    const TargetPush next = open_hub()->push(second);
    EXPECT_EQ(next.record["sent"], 1);
    EXPECT_LT(next.record["bytes"].get<std::uint64_t>(), sent.record["bytes"].get<std::uint64_t>() / 2);
    const PullResult followed = pull();
    EXPECT_EQ(followed.fetched, 1U);
    EXPECT_TRUE(same_disk(second.disk(), followed.generation.disk()));
    EXPECT_EQ(open_hub()->push(second).record["sent"], 0);
    EXPECT_EQ(pull(1).remote_generation, 1);
}

TEST_F(RegistryWindows, pointers_move_and_a_generation_is_let_go) {
    const store::Generation first = publish(1);
    open_hub()->push(first);
    open_hub()->push(publish_next(first));
    EXPECT_THAT(test::problem([&] { open_hub()->remove("debian12", 2); }), HasSubstr("current"));
    open_hub()->promote("debian12", 1);
    const auto all = open_hub()->generations();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].current);
    open_hub()->remove("debian12", 2);
    EXPECT_EQ(open_hub()->generations().size(), 1U);
    EXPECT_TRUE(same_disk(first.disk(), pull().generation.disk()));
}

TEST_F(RegistryWindows, a_changed_blob_is_refused_and_nothing_changes) {
    open_hub()->push(publish(1));
    std::size_t spoilt = 0;
    for (const auto& entry : fs::recursive_directory_iterator(work_ / "data")) {
        if (entry.is_regular_file() && entry.path().filename() == "data" && entry.file_size() > 100'000) {
            std::string bytes = read_file(entry.path());
            bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
            write_file_atomically(entry.path(), bytes);
            ++spoilt;
        }
    }
    ASSERT_GT(spoilt, 0U);
    EXPECT_THAT(test::problem([&] { pull(); }), HasSubstr("has the digest"));
    EXPECT_TRUE(other_.store.generations("debian12").empty());
}

TEST_F(RegistryWindows, skopeo_reads_the_artefacts_and_containerdisks_are_told_apart) {
    open_hub()->push(publish(1));
    if (find_program("skopeo")) {
        const Json index =
            parse_json(run_checked(processes_, {.program = "skopeo",
                                                .args = {"inspect", "--raw", "--tls-verify=false",
                                                         "docker://" + host_ + "/golden:index"}})
                           .out,
                       "skopeo");
        EXPECT_EQ(index["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    }
    const PullSource other{.location = host_ + "/elsewhere", .setting = target().setting};
    const PullServices services{.store = other_.store, .processes = processes_, .monitor = monitor_};
    EXPECT_THAT(test::problem([&] { accept_index(other, *open_source(other), services); }),
                HasSubstr("images import oci://"));
    NamedTarget each = target();
    each.setting.places = {host_ + "/golden/{image}"};
    EXPECT_THAT(test::problem([&] {
                    open_target(each, {.store = home_.store, .processes = processes_, .monitor = monitor_});
                }),
                HasSubstr("leave {image} out"));
}

}  // namespace
}  // namespace imgforge::targets
