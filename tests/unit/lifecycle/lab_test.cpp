// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lab/lab_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LabFile : public testing::Test {
protected:
    Lab load(const std::string& text) {
        write_file_atomically(folder_ / "shop.yaml", text);
        return load_lab(folder_ / "shop.yaml");
    }
    std::string fault(const std::string& text) {
        try {
            load(text);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), Failure::recipe);
            return error.describe();
        }
        return "no error";
    }
    TempDir folder_{"imgforge-test"};
};

std::vector<std::string> names_of(const Lab& lab) {
    std::vector<std::string> names;
    for (const auto& machine : lab.machines) {
        names.push_back(machine.name);
    }
    return names;
}

TEST_F(LabFile, machines_come_in_the_order_of_their_needs) {
    const Lab lab = load(
        "machines:\n  web: {image: a, needs: [db], count: 2}\n  db: {image: a, needs: [disk]}\n  disk: "
        "{image: a}\n");

    EXPECT_EQ(lab.name, "shop");
    EXPECT_THAT(names_of(lab), ElementsAre("disk", "db", "web-1", "web-2"));
}

TEST_F(LabFile, networks_of_the_lab_are_libvirts_under_a_name_of_their_own) {
    const Lab lab = load(
        "lab: x\nnetworks:\n  inner: {isolated: true}\nmachines:\n  a: {image: a, networks: [nat, inner]}\n");

    EXPECT_EQ(lab.networks.at(0).domain, "imgforge-x-inner");
    ASSERT_EQ(lab.machines.at(0).options.networks.size(), 2U);
    EXPECT_EQ(libvirt_network(lab.machines.at(0).options.networks[1]), "imgforge-x-inner");
}

TEST_F(LabFile, a_changed_user_data_file_is_a_difference) {
    write_file_atomically(folder_ / "u.yaml", "#cloud-config\n");
    const std::string text = "machines:\n  a: {image: a, user-data: u.yaml}\n";
    const std::string before = load(text).machines.at(0).options.lab_digest;
    EXPECT_EQ(load(text).machines.at(0).options.lab_digest, before);
    write_file_atomically(folder_ / "u.yaml", "#cloud-config\npackages: [nginx]\n");
    EXPECT_NE(load(text).machines.at(0).options.lab_digest, before);
}

TEST_F(LabFile, errors_are_told_with_their_place) {
    EXPECT_THAT(fault("machines:\n  a: {imaeg: x}\n"), HasSubstr("did you mean 'image'"));
    EXPECT_THAT(fault("machines:\n  a: {image: x, needs: [b]}\n"), HasSubstr("no machine 'b'"));
    EXPECT_THAT(fault("machines:\n  a: {image: x, needs: [b]}\n  b: {image: x, needs: [a]}\n"),
                HasSubstr("in a circle"));
    EXPECT_THAT(fault("machines:\n  a: {image: x, publish: [\"80\"]}\n"), HasSubstr("not a published port"));
    EXPECT_THAT(fault("machines:\n  a/b: {image: x}\n"), HasSubstr("cannot be a machine name"));
    EXPECT_THAT(fault("machines:\n  a: {image: x, user-data: missing.yaml}\n"), HasSubstr("missing.yaml"));
}

TEST(LabExamples, all_of_them_load) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(data_path("pipelines/labs"))) {
        EXPECT_FALSE(load_lab(entry.path()).machines.empty()) << entry.path();
        ++count;
    }
    EXPECT_EQ(count, 3);
}

}  // namespace
}  // namespace imgforge::lifecycle
