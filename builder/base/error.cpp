// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <new>
#include <system_error>

#include <fmt/format.h>

namespace imgforge {
namespace {

struct Translators {
    std::mutex mutex;
    std::vector<ErrorTranslator> all;
};

Translators& translators() {
    static Translators known;
    return known;
}

}  // namespace

std::string_view to_string(Failure kind) {
    switch (kind) {
        case Failure::usage: return "usage";
        case Failure::recipe: return "recipe";
        case Failure::host: return "host";
        case Failure::tool: return "tool";
        case Failure::guest: return "guest";
        case Failure::domain: return "domain";
        case Failure::integrity: return "integrity";
        case Failure::timeout: return "timeout";
    }
    return "tool";
}

Error::Error(Failure kind, std::string message, std::string hint)
    : kind_(kind), message_(std::move(message)), hint_(std::move(hint)) {}

std::string Error::describe() const {
    std::string text = message_;
    for (const std::string& line : context_) {
        text += fmt::format("\n  in {}", line);
    }
    if (!hint_.empty()) {
        text += fmt::format("\n  try: {}", hint_);
    }
    return text;
}

ExitCode exit_code(Failure kind) {
    switch (kind) {
        case Failure::usage: return ExitCode::usage;
        case Failure::recipe: return ExitCode::recipe_invalid;
        case Failure::host: return ExitCode::host_prerequisite;
        case Failure::integrity: return ExitCode::verification_failed;
        default: return ExitCode::failed;
    }
}

void register_error_translator(ErrorTranslator translator) {
    const std::lock_guard lock(translators().mutex);
    std::vector<ErrorTranslator>& all = translators().all;
    if (std::find(all.begin(), all.end(), translator) == all.end()) {
        all.push_back(translator);
    }
}

Error as_error(const std::exception& fault) {
    if (const auto* error = dynamic_cast<const Error*>(&fault)) {
        return *error;
    }
    if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&fault)) {
        return system_error("use", file->path1().empty() ? "a file" : file->path1().string(),
                            file->code().value());
    }
    if (dynamic_cast<const std::bad_alloc*>(&fault) != nullptr) {
        return {Failure::host, "out of memory", "free some memory, or run fewer jobs in parallel"};
    }
    {
        const std::lock_guard lock(translators().mutex);
        for (const ErrorTranslator translator : translators().all) {
            if (std::optional<Error> error = translator(fault)) {
                return *std::move(error);
            }
        }
    }
    return {Failure::tool, fmt::format("unexpected: {}", fault.what()),
            "run again with --verbose and report it"};
}

std::string errno_text(int code) {
    return std::generic_category().message(code);
}

Error system_error(std::string_view action, std::string_view subject, int code) {
    const std::string message = fmt::format("cannot {} {}: {}", action, subject, errno_text(code));
    switch (code) {
        case ENOSPC:
        case EDQUOT:
            return {Failure::host, message,
                    "free some space there (`imgforge cleanup`, `imgforge images gc`) and run the same "
                    "command again"};
        case EACCES:
        case EPERM:
        case EROFS:
            return {Failure::host, message,
                    "run as a user who may write there, or set IMGFORGE_HOME to a directory of your own"};
        default: return {Failure::tool, message};
    }
}

}  // namespace imgforge
