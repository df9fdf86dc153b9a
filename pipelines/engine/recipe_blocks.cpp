// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/recipe_blocks.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace imgforge::engine {
namespace {

/// The keys of the block that are one text each.
constexpr std::array<std::pair<const char*, std::string InstallerSource::*>, 7> texts = {{
    {"archive", &InstallerSource::archive},
    {"iso", &InstallerSource::iso},
    {"sha256", &InstallerSource::sha256},
    {"checksums", &InstallerSource::checksums},
    {"signature", &InstallerSource::signature},
    {"keyring", &InstallerSource::keyring},
    {"fingerprint", &InstallerSource::fingerprint},
}};

/// As a person would write it: fingerprints of stages and manifests hold it.
std::string size_text(ByteSize size) {
    constexpr std::uint64_t mib = 1U << 20U;
    constexpr std::uint64_t gib = 1U << 30U;
    const std::uint64_t bytes = size.in_bytes();
    return bytes % gib == 0   ? fmt::format("{}G", bytes / gib)
           : bytes % mib == 0 ? fmt::format("{}M", bytes / mib)
                              : std::to_string(bytes);
}

ByteSize size_of(const Json& block, const char* key, ByteSize otherwise) {
    const auto found = block.find(key);
    return found == block.end()
               ? otherwise
               : ByteSize::parse(found->is_string() ? found->get<std::string>() : found->dump());
}

}  // namespace

InstallerSource installer_source(const Json& block) {
    InstallerSource source{.packages = block.value("packages", std::vector<std::string>()),
                           .allow_redirects = block.value("allow-redirects", std::vector<std::string>())};
    for (const auto& [key, member] : texts) {
        source.*member = block.value(key, "");
    }
    return source;
}

Json to_json(const InstallerSource& source) {
    Json block = Json::object();
    for (const auto& [key, member] : texts) {
        if (!(source.*member).empty()) {
            block[key] = source.*member;
        }
    }
    if (!source.packages.empty()) {
        block["packages"] = source.packages;
    }
    if (!source.allow_redirects.empty()) {
        block["allow-redirects"] = source.allow_redirects;
    }
    return block;
}

InstallMachine install_machine(const Json& block) {
    const InstallMachine defaults;
    return {.memory = size_of(block, "memory", defaults.memory),
            .vcpus = block.value("vcpus", defaults.vcpus),
            .disk = size_of(block, "disk", defaults.disk),
            .firmware = parse_firmware(block.value("firmware", std::string(to_string(defaults.firmware)))),
            .thick = block.value("thick", defaults.thick),
            .passphrase = block.value("passphrase", std::string())};
}

Json to_json(const InstallMachine& machine) {
    Json block = {{"memory", size_text(machine.memory)},
                  {"vcpus", machine.vcpus},
                  {"disk", size_text(machine.disk)},
                  {"firmware", std::string(to_string(machine.firmware))},
                  {"thick", machine.thick}};
    if (!machine.passphrase.empty()) {
        block["passphrase"] = machine.passphrase;
    }
    return block;
}

}  // namespace imgforge::engine
