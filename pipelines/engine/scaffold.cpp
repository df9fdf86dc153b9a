// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/scaffold.hpp"

#include <fmt/format.h>

#include "builder/base/json.hpp"

namespace imgforge::engine {
namespace {

constexpr const char* full_text =
    R"(# Editors with a YAML language server complete and check this file against the
# schema that `imgforge schema > recipe.schema.json` writes:
{modeline}
#
# imgforge validate {name}.recipe     all errors, with their lines
# imgforge build {name}.recipe --plan what would run, and why
# imgforge build {name}.recipe        build it
name: {name}
os: debian13
description: What this image is for

# Variables, used below as ${{packages}}, also inside a text ("a ${{word}}"). To change one:
# --set vars.packages='[vim, git]', or --vars FILE.
vars:
  packages: [vim]

installer:
  # The installer ISO is assembled from the Debian archive this host uses. To use an ISO instead:
  # iso: debian-13.1.0-amd64-netinst.iso, with sha256: or checksums: to verify it.
  archive: trixie

machine:
  memory: 1536M
  vcpus: 2
  disk: 10G
  firmware: bios # or uefi

stages:
  - install:
      answers:
        locale: en_US.UTF-8
        timezone: UTC
        packages: [openssh-server, cloud-init, qemu-guest-agent, sudo]
  # Files, packages and commands, without booting:
  - customize:
      packages: ${{packages}}
  # Removes host keys, machine-id, logs and histories; the audit searches for remnants:
  - sysprep: {{}}
  - audit: {{}}
  - compact: {{compress: zstd}}
  - publish: {{keep: 3, max-age: 1d}}
  # Two clones are started, must be reachable over SSH and must differ:
  - spawn: {{count: 2, size: small, ephemeral: true, wait: ssh}}
)";

constexpr const char* from_text = R"({modeline}
# Whatever is not set here comes from the recipe that `extends` names. Maps are merged,
# lists are replaced, `key+:` appends to a list. `imgforge inspect {name}.recipe` shows
# the result and where each value came from.
extends: {base}
name: {name}
description: What this image is for

# Variables of this recipe and of the one it extends:
# vars:
#   release: trixie

# machine:
#   disk: 20G

# A list replaces the one of the extended recipe. To add a stage at the end instead:
# stages+:
#   - spawn: {{count: 2}}
)";

}  // namespace

std::string scaffold(const std::string& name) {
    return fmt::format(fmt::runtime(full_text), fmt::arg("name", name),
                       fmt::arg("modeline", schema_modeline));
}

std::string scaffold_from(const std::string& name, const std::string& base) {
    // JSON quotes what YAML would read otherwise.
    const bool plain = base.find_first_of(" :#'\"{}[],&*") == std::string::npos;
    return fmt::format(fmt::runtime(from_text), fmt::arg("name", name), fmt::arg("modeline", schema_modeline),
                       fmt::arg("base", plain ? base : Json(base).dump()));
}

}  // namespace imgforge::engine
