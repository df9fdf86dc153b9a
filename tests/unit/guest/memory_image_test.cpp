// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/memory_image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::guest {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class MemoryImages : public testing::Test {
protected:
    void SetUp() override { write_file_atomically(kernel, "kernel"); }

    /// A sealed image with small parts, as the maker leaves it.
    fs::path make(const MemoryImageKey& of) {
        const fs::path image = folder / of.name();
        make_directories(image, 0700);
        for (const char* const part : {"memory", "state", "root.qcow2", "plug.raw"}) {
            write_file_atomically(image / part, std::string(5000, 'x'), 0600);
        }
        seal_memory_image(image, of, {"qemu", "-m", "1280"}, {kernel});
        return image;
    }
    bool usable() { return find_memory_image(folder.path(), key).has_value(); }

    TempDir folder{"memory-image-test"};
    fs::path kernel = folder / "kernel";
    MemoryImageKey key{.libguestfs = "1.48.6",
                       .hypervisor = "/usr/bin/qemu-system-x86_64",
                       .accelerator = "tcg",
                       .host_cpu = {},
                       .append = "mitigations=off",
                       .root = "/var/tmp/.guestfs-0/appliance.d/root",
                       .memory_mib = 1280};
};

TEST_F(MemoryImages, a_whole_image_is_found_with_what_was_recorded) {
    make(key);
    const auto found = find_memory_image(folder.path(), key);
    ASSERT_TRUE(found);
    EXPECT_THAT(found->command, ElementsAre("qemu", "-m", "1280"));
    EXPECT_EQ(found->changed_file(), std::nullopt);
}

TEST_F(MemoryImages, anything_that_differs_is_another_image) {
    std::vector<MemoryImageKey> keys(10, key);
    keys[1].libguestfs = "1.50.0";
    keys[2].hypervisor = "/usr/local/bin/qemu-system-x86_64";
    keys[3].accelerator = "kvm";
    keys[4].host_cpu = "another";
    keys[5].append = "mitigations=off debug";
    keys[6].root = "/var/tmp/.guestfs-1000/appliance.d/root";
    keys[7].memory_mib = 2048;
    keys[8].cpus = 2;
    keys[9].network = true;
    std::set<std::string> names;
    for (const MemoryImageKey& each : keys) {
        names.insert(each.name());
    }
    EXPECT_EQ(names.size(), keys.size());
}

TEST_F(MemoryImages, a_foreign_record_under_the_right_name_is_removed) {
    const fs::path image = make(key);
    MemoryImageKey other = key;
    other.memory_mib = 2048;
    seal_memory_image(image, other, {"qemu"}, {kernel});
    EXPECT_FALSE(usable());
    EXPECT_FALSE(fs::exists(image));
}

TEST_F(MemoryImages, an_image_is_removed_when_a_file_it_was_made_from_is_another) {
    const fs::path image = make(key);
    write_file_atomically(kernel, "KERNEL");
    EXPECT_FALSE(usable());
    EXPECT_FALSE(fs::exists(image));
}

TEST_F(MemoryImages, a_damaged_part_is_seen_in_every_file) {
    for (const char* const part : {"memory", "state", "root.qcow2", "plug.raw"}) {
        const fs::path image = make(key);
        std::string bytes(5000, 'x');
        bytes[4000] = 'y';
        write_file_atomically(image / part, bytes, 0600);
        EXPECT_FALSE(usable()) << part;
        EXPECT_FALSE(fs::exists(image)) << part;
    }
}

TEST_F(MemoryImages, a_part_that_is_missing_or_cut_is_seen) {
    fs::remove(make(key) / "state");
    EXPECT_FALSE(usable());
    fs::resize_file(make(key) / "memory", 100);
    EXPECT_FALSE(usable());
}

TEST_F(MemoryImages, an_unreadable_record_is_not_used) {
    for (const std::string text : {"", "{", "[]", "{\"version\": 99}", "{\"version\": \"1\"}"}) {
        write_file_atomically(make(key) / "image.json", text, 0600);
        EXPECT_FALSE(usable()) << text;
    }
}

TEST_F(MemoryImages, one_that_is_being_made_is_left_alone) {
    const fs::path image = make(key);
    const auto maker = FileLock::try_acquire(memory_image_lock(folder.path(), key.name()), "maker");
    EXPECT_FALSE(usable());
    drop_memory_image(folder.path(), key.name());
    EXPECT_TRUE(drop_useless_memory_images(folder.path(), false).empty());
    EXPECT_TRUE(fs::exists(image));
}

TEST_F(MemoryImages, two_starts_use_one_image_and_nobody_removes_it_meanwhile) {
    const fs::path image = make(key);
    const auto first = find_memory_image(folder.path(), key);
    const auto second = find_memory_image(folder.path(), key);
    ASSERT_TRUE(first);
    ASSERT_TRUE(second);
    drop_memory_image(folder.path(), key.name());
    EXPECT_TRUE(fs::exists(image));
}

TEST_F(MemoryImages, the_collector_takes_what_cannot_be_used_and_tells_its_size) {
    const fs::path whole = make(key);
    MemoryImageKey other = key;
    other.cpus = 2;
    fs::remove(make(other) / "image.json");
    const auto foretold = drop_useless_memory_images(folder.path(), true);
    ASSERT_EQ(foretold.size(), 1U);
    EXPECT_EQ(foretold[0].name, other.name());
    EXPECT_GE(foretold[0].bytes, 20000U);
    EXPECT_TRUE(fs::exists(folder / other.name()));
    EXPECT_EQ(drop_useless_memory_images(folder.path(), false).size(), 1U);
    EXPECT_FALSE(fs::exists(folder / other.name()));
    EXPECT_TRUE(fs::exists(whole));
}

TEST_F(MemoryImages, what_this_host_cannot_do_is_remembered_for_this_hypervisor) {
    key.hypervisor = kernel.string();
    EXPECT_EQ(unusable_reason(folder.path(), key), std::nullopt);
    mark_unusable(folder.path(), key, "no vmgenid");
    EXPECT_EQ(unusable_reason(folder.path(), key), "no vmgenid");
    write_file_atomically(kernel, "a newer one");
    EXPECT_EQ(unusable_reason(folder.path(), key), std::nullopt);
}

}  // namespace
}  // namespace imgforge::guest
