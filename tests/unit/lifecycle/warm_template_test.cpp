// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/warm_template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/warm/warm_clone.hpp"

namespace fs = std::filesystem;

namespace imgforge::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TemplateKey key(const std::string& image = "debian13", int generation = 1) {
    TemplateKey key;
    key.image = image;
    key.generation = generation;
    key.memory = ByteSize::gib(1);
    key.disk = ByteSize::gib(10);
    key.qemu = "QEMU emulator version 7.2";
    return key;
}

TEST(WarmTemplate, anything_that_differs_is_another_template) {
    std::vector<TemplateKey> keys(10, key());
    keys[1].memory = ByteSize::gib(2);
    keys[2].vcpus = 2;
    keys[3].disk = ByteSize::gib(11);
    keys[4].qemu = "QEMU emulator version 9.0";
    keys[5].accelerator = "kvm";
    keys[6].host_cpu = "other";
    keys[7].generation = 2;
    keys[8].driver = "system";
    keys[9].user = "ann";
    std::set<std::string> names;
    for (const auto& one : keys) {
        names.insert(one.name());
    }
    EXPECT_EQ(names.size(), keys.size());
    EXPECT_EQ(key().name(), key().name());
    EXPECT_THAT(key().name(), HasSubstr("debian13@1-"));
}

TEST(WarmTemplate, unfinished_ones_are_listed_and_only_the_doomed_go) {
    const TempDir home("imgforge-warm");
    const Places places{home.path()};
    for (const auto& one : {key("a"), key("b")}) {
        const fs::path folder = places.cache() / "warm" / one.name();
        make_directories(folder);
        write_file_atomically(folder / "memory.save", std::string(8192, 'm'));
        write_file_atomically(folder / "template.json", pretty(to_json(one)));
    }
    make_directories(places.cache() / "warm" / "a@1-half");
    const auto all = warm_templates(places);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_GE(all[0].bytes, 8192U);

    const auto doomed = [](const TemplateEntry& entry) { return entry.image != "b"; };
    EXPECT_EQ(drop_templates(places, doomed, true).size(), 2U);
    EXPECT_EQ(warm_templates(places).size(), 3U);
    EXPECT_EQ(drop_templates(places, doomed, false).size(), 2U);
    const auto left = warm_templates(places);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].image, "b");
}

TEST(WarmTemplate, template_somebody_copies_right_now_stays) {
    const TempDir home("imgforge-warm");
    const Places places{home.path()};
    const fs::path folder = places.cache() / "warm" / key().name();
    make_directories(folder);
    const auto held = FileLock::acquire(folder.parent_path() / ("." + key().name() + ".lock"), "copy",
                                        std::chrono::seconds(1), {}, FileLock::Mode::shared);
    EXPECT_TRUE(drop_templates(
                    places, [](const auto&) { return true; }, false)
                    .empty());
    EXPECT_TRUE(fs::exists(folder));
}

TEST(WarmClone, everything_that_cannot_go_with_a_memory_image_is_named_at_once) {
    SpawnOptions options;
    options.start = false;
    options.tpm = true;
    options.mode = DiskMode::thick;
    options.firmware = Firmware::uefi;
    options.network_config = "net.yaml";
    MachineRecord record;
    record.connection = "qemu+ssh://far/system";
    record.nics.resize(5);
    try {
        require_warm_possible(options, record);
        FAIL() << "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage);
        for (const char* const word : {"--no-start", "--tpm", "--thick", "--firmware", "--network-config",
                                       "another host", "four network"}) {
            EXPECT_THAT(error.message(), HasSubstr(word));
        }
    }
    MachineRecord plain;
    plain.connection = "qemu:///embed";
    EXPECT_NO_THROW(require_warm_possible({}, plain));
}

TEST(WarmClone, template_learns_nothing_of_the_caller) {
    seeds::SeedSpec common;
    common.ssh_keys = {"ssh-ed25519 AAAA me"};
    common.users.push_back({.name = "ann", .ssh_keys = {"ssh-ed25519 AAAA me"}});
    common.user_data = "#cloud-config\nruncmd: [secret]\n";
    const std::string bytes = seeds::seed_iso(seeds::seed_files(template_seed(common)), "cidata", 0);
    EXPECT_EQ(bytes.find("AAAA me"), std::string::npos);
    EXPECT_EQ(bytes.find("secret"), std::string::npos);
    EXPECT_NE(bytes.find("ann"), std::string::npos);
}

TEST(WarmClone, devices_sit_in_the_same_place_cold_and_warm) {
    MachineRecord record;
    record.name = "web-1";
    record.connection = "qemu:///embed";
    record.disk = "/h/disk.qcow2";
    record.seed = "/h/seed.iso";
    record.data_disks = {{"/h/d.qcow2", "qcow2", ByteSize::gib(1)}};
    record.memory = ByteSize::gib(1);
    record.nics = {{parse_network("user,mac=52:54:00:00:00:01")}};
    record.ssh_port = 22001;
    record.warm = true;
    const auto spec = machine_domain(record, "/h", virt::DomainSpec::Accel::tcg);
    EXPECT_FALSE(spec.disks.at(0).port) << "the root disk is there from the start";
    EXPECT_EQ(spec.disks.at(1).port, warm_first_data_port);
    EXPECT_EQ(spec.disks.at(2).port, warm_seed_port);
    EXPECT_EQ(spec.nics.at(0).port, warm_first_nic_port);
    EXPECT_THAT(virt::domain_xml(spec), HasSubstr(R"(&quot;bus&quot;:&quot;pci.8&quot;)"));
    record.warm = false;
    EXPECT_EQ(machine_domain(record, "/h", virt::DomainSpec::Accel::tcg).root_ports, 0);
}

}  // namespace
}  // namespace imgforge::lifecycle
