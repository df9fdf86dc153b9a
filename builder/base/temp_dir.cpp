// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/temp_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge {

TempDir::TempDir(std::string_view prefix, std::filesystem::path parent) {
    if (parent.empty()) {
        const char* configured = std::getenv("TMPDIR");
        parent = configured != nullptr && *configured != '\0' ? configured : "/var/tmp";
    }
    std::string pattern = (parent / fmt::format("{}-XXXXXX", prefix)).string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw system_error("create a temporary directory in", parent.string(), errno);
    }
    path_ = pattern;
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir::~TempDir() {
    if (path_.empty()) {
        return;
    }
    try {
        remove_tree(path_);
    } catch (const std::exception&) {
        // Nothing useful can be done in a destructor; `imgforge cleanup` removes what is left.
    }
}

std::filesystem::path TempDir::keep() {
    return std::exchange(path_, {});
}

}  // namespace imgforge
