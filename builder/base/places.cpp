// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/places.hpp"

#include <unistd.h>

#include <cstdlib>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/sharing.hpp"

namespace fs = std::filesystem;

namespace imgforge {
namespace {

/// The variable's value, nothing when unset or empty (XDG Base Directory: empty counts as unset).
fs::path variable(const char* name) {
    const char* const value = std::getenv(name);
    return value != nullptr ? fs::path(value) : fs::path();
}

fs::path user_folder(const char* xdg, const char* fallback) {
    fs::path configured = variable(xdg);
    if (configured.is_absolute()) {
        return configured;
    }
    const fs::path home = variable("HOME");
    if (!home.is_absolute()) {
        throw Error(Failure::host,
                    "neither IMGFORGE_HOME nor HOME is set, so no place for images and machines is known",
                    "export IMGFORGE_HOME=/some/directory");
    }
    return home / fallback;
}

}  // namespace

Places Places::from_environment() {
    const fs::path configured = variable("IMGFORGE_HOME");
    if (!configured.empty()) {
        return {fs::absolute(configured).lexically_normal()};
    }
    if (::geteuid() == 0) {
        return {"/var/lib/imgforge"};
    }
    return {user_folder("XDG_DATA_HOME", ".local/share") / "imgforge"};
}

void Places::create() const {
    for (const fs::path& folder : {home, cache(), media(), stages(), images(), instances()}) {
        make_directories(folder, 0755);
    }
    const unsigned mode = is_group_folder(home) ? 0770 : 0700;
    for (const fs::path& folder : {runs(), keys()}) {
        make_directories(folder, mode);
    }
}

fs::path data_path(const fs::path& relative) {
    const fs::path configured = variable("IMGFORGE_DATA");
    if (!configured.empty()) {
        return configured / relative;
    }
    std::error_code code;
    const fs::path binary = fs::read_symlink("/proc/self/exe", code);
    // bin/imgforge and libexec/imgforge/imgforge-machine share one prefix.
    for (const fs::path& prefix :
         {binary.parent_path().parent_path(), binary.parent_path().parent_path().parent_path()}) {
        const fs::path installed = prefix / "share" / "imgforge";
        if (fs::is_directory(installed, code)) {
            return installed / relative;
        }
    }
    return fs::path(IMGFORGE_SOURCE_ROOT) / relative;
}

std::vector<fs::path> settings_files() {
    std::vector<fs::path> files{"/etc/imgforge/config.yaml"};
    if (!variable("XDG_CONFIG_HOME").empty() || !variable("HOME").empty()) {
        files.push_back(user_folder("XDG_CONFIG_HOME", ".config") / "imgforge" / "config.yaml");
    }
    return files;
}

}  // namespace imgforge
