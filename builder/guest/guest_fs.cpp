// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/guest_fs.hpp"

#include <algorithm>

namespace imgforge::guest {

std::vector<std::string> GuestFs::glob_all(const std::vector<std::string>& patterns) {
    std::vector<std::string> all;
    for (const std::string& pattern : patterns) {
        std::vector<std::string> found = glob(pattern);
        all.insert(all.end(), found.begin(), found.end());
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

bool GuestFs::is_file(std::string_view path) {
    const auto found = lstat(path);
    return found && found->type == FileType::regular;
}

bool GuestFs::is_directory(std::string_view path) {
    const auto found = lstat(path);
    return found && found->type == FileType::directory;
}

std::string glob_quote(std::string_view path) {
    std::string quoted;
    for (const char character : path) {
        // GLOB_BRACE is on in guestfs_glob_expand, and the comma separates alternatives in it.
        if (std::string_view("*?[]{}\\,").find(character) != std::string_view::npos) {
            quoted += '\\';
        }
        quoted += character;
    }
    return quoted;
}

namespace {

std::string_view without_trailing_slashes(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') {
        path.remove_suffix(1);
    }
    return path;
}

}  // namespace

std::string parent_of(std::string_view path) {
    path = without_trailing_slashes(path);
    const std::size_t slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos
               ? "/"
               : std::string(without_trailing_slashes(path.substr(0, slash)));
}

std::string base_name(std::string_view path) {
    path = without_trailing_slashes(path);
    const std::size_t slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string join_path(std::string_view parent, std::string_view name) {
    std::string path(without_trailing_slashes(parent));
    if (path.empty() || path.back() != '/') {
        path += '/';
    }
    return path.append(name);
}

}  // namespace imgforge::guest
