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
#include "pipelines/lifecycle/warm/memory_file.hpp"
#include "pipelines/lifecycle/warm/network_script.hpp"
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
    std::vector<TemplateKey> keys(18, key());
    keys[1].memory = ByteSize::gib(2);
    keys[2].vcpus = 2;
    keys[3].disk = ByteSize::gib(11);
    keys[4].qemu = "QEMU emulator version 9.0";
    keys[5].accelerator = "kvm";
    keys[6].host_cpu = "other";
    keys[7].generation = 2;
    keys[8].driver = "system";
    keys[9].user = "ann";
    keys[10].kernel = "6.1.0-40-amd64 #1 SMP";
    keys[11].qemu_file = "/usr/bin/qemu-system-x86_64 18000001 1.0";
    keys[12].image_sha256 = "00ff";
    keys[13].cpu = "host-model";
    keys[14].processor = ProcessorLevel::v2;
    keys[15].whole = true;
    keys[16].xml = {"/domain/features/pae="};
    keys[17].graphics = "vnc";
    std::set<std::string> names;
    for (const auto& one : keys) {
        names.insert(one.name());
    }
    EXPECT_EQ(names.size(), keys.size());
    EXPECT_EQ(key().name(), key().name());
    EXPECT_THAT(key().name(), HasSubstr("debian13@1-"));
}

/// A finished template of the mapped kind, as far as files go.
fs::path finished_template(const fs::path& folder, const TemplateKey& one) {
    make_directories(folder);
    write_file_atomically(folder / "disk.qcow2", "disk", 0600);
    create_memory_file(folder / "memory.ram", one.memory);
    write_file_atomically(folder / "devices.state", "devices", 0600);
    write_file_atomically(folder / "template.json",
                          pretty(template_facts(folder, one, TemplateKind::mapped)));
    return folder;
}

TEST(WarmTemplate, finished_one_is_used_and_says_how_its_memory_is_kept) {
    const TempDir cache("imgforge-warm");
    const fs::path folder = finished_template(cache / "t", key());
    EXPECT_EQ(usable_template(folder, key()), TemplateKind::mapped);

    const fs::path saved = cache / "s";
    make_directories(saved);
    write_file_atomically(saved / "disk.qcow2", "disk");
    write_file_atomically(saved / "memory.save", "memory");
    write_file_atomically(saved / "template.json", pretty(template_facts(saved, key(), TemplateKind::saved)));
    EXPECT_EQ(usable_template(saved, key()), TemplateKind::saved);
}

TEST(WarmTemplate, one_whose_maker_was_killed_is_not_used) {
    const TempDir cache("imgforge-warm");
    const fs::path folder = finished_template(cache / "t", key());
    fs::remove(folder / "template.json");
    EXPECT_FALSE(usable_template(folder, key()));
    write_file_atomically(folder / "template.json", "{\"version\": 3, \"ima");
    EXPECT_FALSE(usable_template(folder, key()));
}

TEST(WarmTemplate, one_of_another_version_kernel_or_qemu_is_not_used) {
    const TempDir cache("imgforge-warm");
    const fs::path folder = finished_template(cache / "t", key());
    TemplateKey other = key();
    other.kernel = "another";
    EXPECT_FALSE(usable_template(folder, other));
    other = key();
    other.qemu_file = "another";
    EXPECT_FALSE(usable_template(folder, other));

    // As imgforge wrote it when templates were saved by libvirt alone.
    Json old = to_json(key());
    old["version"] = 2;
    for (const char* const newer : {"graphics", "xml", "whole", "kernel", "qemu_file"}) {
        old.erase(newer);
    }
    write_file_atomically(folder / "memory.save", "memory");
    write_file_atomically(folder / "template.json", pretty(old));
    EXPECT_FALSE(usable_template(folder, key()));
    Json only_version = template_facts(folder, key(), TemplateKind::mapped);
    only_version["version"] = 4;
    write_file_atomically(folder / "template.json", pretty(only_version));
    EXPECT_FALSE(usable_template(folder, key()));
}

TEST(WarmTemplate, one_whose_files_changed_is_not_used) {
    for (const char* const name : {"memory.ram", "disk.qcow2", "devices.state"}) {
        const TempDir cache("imgforge-warm");
        const fs::path folder = finished_template(cache / "t", key());
        const auto before = fs::last_write_time(folder / name);
        fs::last_write_time(folder / name, before + std::chrono::seconds(1));
        EXPECT_FALSE(usable_template(folder, key())) << name;
        fs::last_write_time(folder / name, before);
        EXPECT_TRUE(usable_template(folder, key())) << name;
        fs::resize_file(folder / name, 3);
        EXPECT_FALSE(usable_template(folder, key())) << name;
        fs::remove(folder / name);
        EXPECT_FALSE(usable_template(folder, key())) << name;
    }
}

TEST(WarmTemplate, memory_is_sparse_and_private_and_is_not_made_over_another) {
    const TempDir cache("imgforge-warm");
    const fs::path file = cache / "memory.ram";
    create_memory_file(file, ByteSize::kib(1536 * 1024 + 1));
    EXPECT_EQ(fs::file_size(file), ByteSize::mib(1537).in_bytes()) << "machines have whole MiB";
    EXPECT_EQ(allocated_size(file), 0U);
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_THROW(create_memory_file(file, ByteSize::gib(1)), Error);
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

MachineRecord simple_machine() {
    MachineRecord record;
    record.name = "web-1";
    record.connection = "qemu:///embed";
    record.disk = "/h/disk.qcow2";
    record.seed = "/h/seed.iso";
    record.memory = ByteSize::gib(1);
    record.nics = {{parse_network("user,mac=52:54:00:00:00:01")}};
    record.ssh_port = 22001;
    record.warm = true;
    return record;
}

TEST(WarmClone, maps_the_memory_privately_and_has_nothing_that_punches_holes_into_it) {
    const auto plain = machine_domain(simple_machine(), "/h", virt::DomainSpec::Accel::tcg);
    auto writes = plain;
    use_memory_file(writes, "/c/memory.ram", MemoryUse::write);
    auto maps = plain;
    use_memory_file(maps, "/c/memory.ram", MemoryUse::map);

    EXPECT_THAT(writes.qemu_args, testing::Contains(HasSubstr("\"share\":true")));
    EXPECT_THAT(writes.qemu_args, testing::Not(testing::Contains("-incoming")));
    EXPECT_THAT(maps.qemu_args, testing::Contains(HasSubstr("\"share\":false")));
    EXPECT_THAT(maps.qemu_args, testing::Contains(HasSubstr("\"size\":1073741824")));
    EXPECT_THAT(maps.qemu_args, testing::Contains("-incoming"));
    EXPECT_THAT(virt::domain_xml(maps), HasSubstr("<memballoon model=\"none\" />"));
    EXPECT_THAT(virt::domain_xml(plain), HasSubstr("<memballoon model=\"virtio\" />"))
        << "the definition has a balloon";
}

TEST(WarmClone, only_the_plainest_machine_has_all_its_devices_from_the_start) {
    EXPECT_TRUE(fits_whole(simple_machine()));
    MachineRecord record = simple_machine();
    record.data_disks = {{"/h/d.qcow2", "qcow2", ByteSize::gib(1)}};
    EXPECT_FALSE(fits_whole(record));
    record = simple_machine();
    record.nics.push_back(record.nics.front());
    EXPECT_FALSE(fits_whole(record));
    record = simple_machine();
    record.nics = {{parse_network("nat,mac=52:54:00:00:00:01")}};
    EXPECT_FALSE(fits_whole(record));
    record.nics = {{parse_network("user,model=e1000e,mac=52:54:00:00:00:01")}};
    EXPECT_FALSE(fits_whole(record));
}

TEST(WarmClone, card_of_a_template_without_forwards_is_the_same_device_for_qemu) {
    auto clone = machine_domain(simple_machine(), "/h", virt::DomainSpec::Accel::tcg);
    auto frozen = clone;
    frozen.nics = {{.kind = virt::NicSpec::Kind::user,
                    .mac = template_mac,
                    .restricted = true,
                    .port = warm_first_nic_port}};
    const std::string xml = virt::domain_xml(frozen);
    EXPECT_THAT(xml, HasSubstr("user,id=imgforge-net0,restrict=on\""));
    EXPECT_THAT(xml, HasSubstr("&quot;bus&quot;:&quot;pci.8&quot;"));
    EXPECT_THAT(xml, testing::Not(HasSubstr("<interface")));
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
