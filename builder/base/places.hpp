// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace imgforge {

/// Where things live (docs: "Places"). All paths are absolute.
struct Places {
    std::filesystem::path home;

    /// $IMGFORGE_HOME, else /var/lib/imgforge as root, else $XDG_DATA_HOME/imgforge or
    /// ~/.local/share/imgforge.
    static Places from_environment();

    std::filesystem::path cache() const { return home / "cache"; }
    std::filesystem::path media() const { return home / "cache" / "media"; }
    std::filesystem::path stages() const { return home / "cache" / "stages"; }
    std::filesystem::path images() const { return home / "images"; }
    std::filesystem::path instances() const { return home / "instances"; }
    std::filesystem::path runs() const { return home / "runs"; }
    std::filesystem::path keys() const { return home / "keys"; }
    std::filesystem::path state_db() const { return home / "state.db"; }

    /// Creates the directories (0755; keys and runs 0700). Throws Failure::host with the path and the remedy.
    void create() const;
};

/// Read-only data shipped with imgforge (recipes, templates, schemas, units): $IMGFORGE_DATA, else the
/// directory
/// `../share/imgforge` beside the running binary when it exists, else the source tree the binary was built
/// from. `relative` is as in the source tree: "pipelines/recipes", "templates/debian.yaml".
std::filesystem::path data_path(const std::filesystem::path& relative);

/// /etc/imgforge/config.yaml and the user's ($XDG_CONFIG_HOME or ~/.config)/imgforge/config.yaml, later ones
/// win.
std::vector<std::filesystem::path> settings_files();

}  // namespace imgforge
