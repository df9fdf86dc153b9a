// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/print_kubevirt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;
using testing::Not;

/// tools.fleet_files holds these files against the fields of the CRDs. IMGFORGE_UPDATE_GOLDEN=1 rewrites
/// them.
void compare_with_golden(const std::string& text, const char* name) {
    const std::filesystem::path file = std::filesystem::path(IMGFORGE_KUBEVIRT_GOLDEN) / name;
    if (std::getenv("IMGFORGE_UPDATE_GOLDEN") != nullptr) {
        write_file_atomically(file, text);
    }
    EXPECT_EQ(text, read_file(file)) << file;
}

MachineRecord a_printed_machine() {
    MachineRecord record;
    record.name = "web-1";
    record.image = "debian13";
    record.generation = 3;
    record.memory = ByteSize::gib(2);
    record.vcpus = 2;
    return record;
}

const seeds::SeedFiles printed_seed{{"user-data", "#cloud-config\nusers: [default]\n"},
                                    {"meta-data", "{}\n"}};

TEST(PrintKubevirt, a_disk_from_the_data_source_that_follows_the_registry) {
    const std::string text = kubevirt_manifests(a_printed_machine(), {}, ByteSize::gib(20), printed_seed);

    EXPECT_THAT(text, HasSubstr("sourceRef: {kind: DataSource, name: debian13}"));
    EXPECT_THAT(text, Not(HasSubstr("networkData")));
    compare_with_golden(text, "data-source.yaml");
}

TEST(PrintKubevirt, a_disk_imported_from_the_containerdisk_of_a_generation) {
    MachineRecord record = a_printed_machine();
    record.firmware = Firmware::uefi;
    seeds::SeedFiles with_network = printed_seed;
    with_network["network-config"] = "version: 2\n";
    const std::string text =
        kubevirt_manifests(record, "registry.example.org/golden/debian13:3", ByteSize::gib(20), with_network);

    EXPECT_THAT(text, HasSubstr("networkDataSecretRef: {name: web-1-user-data}"));
    EXPECT_THAT(text, HasSubstr("secureBoot: false"));
    compare_with_golden(text, "registry.yaml");
}

TEST(PrintKubevirt, an_ephemeral_machine_runs_on_the_containerdisk) {
    MachineRecord record = a_printed_machine();
    record.ephemeral = true;
    record.firmware = Firmware::uefi_secure;
    const std::string text =
        kubevirt_manifests(record, "registry.example.org/golden/debian13:3", ByteSize::gib(20), printed_seed);

    EXPECT_THAT(text, Not(HasSubstr("dataVolume")));
    compare_with_golden(text, "container-disk.yaml");
    EXPECT_THROW(kubevirt_manifests(record, {}, ByteSize::gib(20), printed_seed), Error);
}

}  // namespace
}  // namespace imgforge::lifecycle
