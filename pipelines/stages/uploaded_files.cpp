// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/uploaded_files.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::stages {

void add_uploaded(std::vector<engine::Ingredient>& list, const engine::RecipeFacts& recipe,
                  const std::filesystem::path& host, const std::string& path) {
    const std::filesystem::file_status status = std::filesystem::symlink_status(host);
    if (std::filesystem::is_symlink(status)) {
        list.push_back(
            {.name = "upload " + path, .value = "link to " + std::filesystem::read_symlink(host).string()});
        return;
    }
    list.push_back({.name = "mode " + path,
                    .value = fmt::format("{:04o}", static_cast<unsigned>(status.permissions()) & 07777U)});
    if (!std::filesystem::is_directory(status)) {
        list.push_back(engine::file_ingredient("upload " + path, host, recipe));
        return;
    }
    std::vector<std::filesystem::path> children;
    for (const auto& entry : std::filesystem::directory_iterator(host)) {
        children.push_back(entry.path());
    }
    std::sort(children.begin(), children.end());
    for (const auto& child : children) {
        add_uploaded(list, recipe, child, guest::join_path(path, child.filename().string()));
    }
}

}  // namespace imgforge::stages
