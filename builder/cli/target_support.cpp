// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/target_support.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

/// A path as the user wrote it, or of a file:// URL; absolute, without a slash at the end.
std::string plain_folder(const std::string& text) {
    const fs::path path = text.starts_with("file://") ? text.substr(7) : text;
    std::string plain = fs::absolute(path).lexically_normal().string();
    while (plain.size() > 1 && plain.ends_with('/')) {
        plain.pop_back();
    }
    return plain;
}

bool is_web(const std::string& text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

}  // namespace

Option target_key_option(const std::string& help) {
    return {.names = {"--key"}, .value = "FILE", .help = help, .completes = Completes::file};
}

targets::FolderTarget push_target(const Arguments& arguments, const std::string& text) {
    if (text.find("://") != std::string::npos && !text.starts_with("file://")) {
        throw Error(Failure::usage, fmt::format("'{}' cannot be pushed to", text),
                    "push to the directory that the web server shows");
    }
    return {.folder = plain_folder(text), .key = arguments.get_or("key", "")};
}

targets::PullSource pull_source(const Arguments& arguments, const std::string& text) {
    std::string location = is_web(text) ? text : plain_folder(text);
    while (location.size() > 1 && location.ends_with('/')) {
        location.pop_back();
    }
    return {.location = std::move(location), .key = arguments.get_or("key", "")};
}

}  // namespace imgforge::cli
