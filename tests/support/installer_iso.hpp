// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "seeds/seed.hpp"

namespace imgforge::test {

/// A small ISO that is recognised as Debian 13's: the files a row is recognised by, and nothing that boots.
inline void make_debian_iso(const std::filesystem::path& path) {
    seeds::write_seed_iso(
        {{".disk/info", "Debian GNU/Linux 13.1.0 \"Trixie\" - Official amd64 NETINST 20250906-10:22\n"},
         {".disk/base_installable", ""},
         {"install.amd/vmlinuz", "kernel"},
         {"install.amd/initrd.gz", "initrd"}},
        "DEBIAN_13", path);
}

}  // namespace imgforge::test
