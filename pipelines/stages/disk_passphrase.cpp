// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/disk_passphrase.hpp"

#include "builder/base/file.hpp"
#include "pipelines/compose/references.hpp"
#include "pipelines/stages/secret_values.hpp"

namespace imgforge::stages {

std::filesystem::path write_passphrase(const engine::RecipeFacts& recipe,
                                       const std::filesystem::path& directory) {
    const std::string& named = recipe.machine.passphrase;
    if (named.empty()) {
        return {};
    }
    std::filesystem::path file = directory / "passphrase";
    write_file_atomically(file, compose::with_secrets(named, secret_values(recipe)) + "\n", 0600);
    return file;
}

}  // namespace imgforge::stages
