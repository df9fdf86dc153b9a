// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/print_kubevirt.hpp"

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "pipelines/targets/push_registry.hpp"
#include "pipelines/targets/pushed.hpp"

namespace imgforge::lifecycle {
namespace {

std::string secret_of(const std::string& name, const seeds::SeedFiles& seed) {
    std::string data;
    for (const auto& [file, key] :
         {std::pair("user-data", "userdata"), std::pair("network-config", "networkdata")}) {
        if (const auto found = seed.find(file); found != seed.end()) {
            data += fmt::format("  {}: {}\n", key, base64_encode(found->second));
        }
    }
    return fmt::format(R"(apiVersion: v1
kind: Secret
metadata:
  name: {}-user-data
data:
{})",
                       name, data);
}

struct FirmwareWords {
    const char* bootloader;
    const char* features;
};

FirmwareWords words_of(Firmware firmware) {
    switch (firmware) {
        case Firmware::bios: return {"bios: {}", ""};
        // KubeVirt's EFI has Secure Boot unless that is denied, and then wants SMM.
        case Firmware::uefi: return {"efi: {secureBoot: false}", ""};
        case Firmware::uefi_secure: break;
    }
    return {"efi: {secureBoot: true}", "\n        features: {smm: {enabled: true}}"};
}

/// Where the root disk comes from: lines of `spec:`, and of the volume.
struct Root {
    std::string templates{};
    std::string volume{};
};

Root root_of(const MachineRecord& record, const std::optional<std::string>& container, ByteSize disk) {
    if (record.ephemeral) {
        if (!container) {
            throw Error(
                Failure::usage,
                fmt::format("no registry has {}@{} as a containerDisk, which an ephemeral machine of "
                            "KubeVirt starts from",
                            record.image, record.generation),
                fmt::format("imgforge images push {}@{} oci://HOST/REPOSITORY, or leave --ephemeral out",
                            record.image, record.generation));
        }
        return {"", fmt::format("containerDisk: {{image: \"{}\"}}", *container)};
    }
    const std::string source = container
                                   ? fmt::format("source: {{registry: {{url: \"docker://{}\"}}}}", *container)
                                   : fmt::format("sourceRef: {{kind: DataSource, name: {}}}", record.image);
    return {fmt::format(R"(
  dataVolumeTemplates:
    - metadata: {{name: {}-root}}
      spec:
        {}
        storage: {{resources: {{requests: {{storage: {}}}}}}})",
                        record.name, source, disk.in_bytes()),
            fmt::format("dataVolume: {{name: {}-root}}", record.name)};
}

}  // namespace

std::optional<std::string> container_disk(Lifecycle& lifecycle, const store::Generation& generation) {
    const targets::PushedTargets pushed(lifecycle.database());
    for (const auto& target : pushed.targets_of(generation.image, lifecycle.settings())) {
        // With `format: windows` it holds windows, which KubeVirt cannot read.
        if (target.setting.kind == "oci" && !target.pulls() &&
            pushed.holds(target.name, generation.image, generation.generation)) {
            const auto name = targets::registry_repository(target.setting.place(), generation.image);
            return fmt::format("{}/{}:{}", name.host, name.repository, generation.generation);
        }
    }
    return std::nullopt;
}

std::string kubevirt_manifests(const MachineRecord& record, const std::optional<std::string>& container,
                               ByteSize disk, const seeds::SeedFiles& seed) {
    const Root root = root_of(record, container, disk);
    const FirmwareWords firmware = words_of(record.firmware);
    const bool network = seed.count("network-config") != 0;
    return secret_of(record.name, seed) +
           fmt::format(
               R"(---
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: {name}
spec:
  runStrategy: Always{templates}
  template:
    spec:
      domain:
        cpu: {{cores: {vcpus}}}
        memory: {{guest: {memory}Mi}}
        firmware: {{bootloader: {{{bootloader}}}}}{features}
        devices:
          rng: {{}}
          disks:
            - {{name: root, disk: {{bus: virtio}}}}
            - {{name: seed, disk: {{bus: virtio}}}}
          interfaces:
            - {{name: default, masquerade: {{}}}}
      networks:
        - {{name: default, pod: {{}}}}
      volumes:
        - name: root
          {volume}
        - name: seed
          cloudInitNoCloud:
            secretRef: {{name: {name}-user-data}}{network}
)",
               fmt::arg("name", record.name), fmt::arg("templates", root.templates),
               fmt::arg("vcpus", record.vcpus), fmt::arg("memory", record.memory.in_mib()),
               fmt::arg("bootloader", firmware.bootloader), fmt::arg("features", firmware.features),
               fmt::arg("volume", root.volume),
               fmt::arg("network",
                        network ? fmt::format("\n            networkDataSecretRef: {{name: {}-user-data}}",
                                              record.name)
                                : ""));
}

}  // namespace imgforge::lifecycle
