// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"

namespace imgforge::test {

/// A small guest disk whose content follows from seeds: `data` MiB of bytes that do not compress, then
/// `changes` times 64 KiB overwritten with other bytes at places given by `change_seed`. Equal arguments give
/// equal disks.
struct DiskRecipe {
    std::uint32_t seed = 1;
    std::size_t data_mib = 8;
    std::size_t virtual_mib = 64;
    std::uint32_t change_seed = 0;
    std::size_t changes = 0;
};

inline void make_disk(ProcessRunner& processes, const std::filesystem::path& target,
                      const DiskRecipe& recipe) {
    std::string bytes(recipe.data_mib << 20U, '\0');
    std::mt19937 random(recipe.seed);
    for (std::size_t i = 0; i + 4 <= bytes.size(); i += 4) {
        const std::uint32_t word = static_cast<std::uint32_t>(random());
        bytes.replace(i, 4, reinterpret_cast<const char*>(&word), 4);
    }
    std::mt19937 change(recipe.change_seed);
    const std::size_t clusters = bytes.size() / 65536;
    for (std::size_t i = 0; i < recipe.changes; ++i) {
        const std::size_t at = (change() % clusters) * 65536;
        for (std::size_t j = 0; j < 65536; j += 4) {
            const std::uint32_t word = static_cast<std::uint32_t>(change());
            bytes.replace(at + j, 4, reinterpret_cast<const char*>(&word), 4);
        }
    }
    const std::filesystem::path raw = target.string() + ".raw";
    write_file_atomically(raw, bytes);
    std::filesystem::resize_file(raw, recipe.virtual_mib << 20U);
    run_checked(processes, {.program = "qemu-img",
                            .args = {"convert", "-f", "raw", "-O", "qcow2", raw.string(), target.string()}});
    std::filesystem::remove(raw);
}

}  // namespace imgforge::test
