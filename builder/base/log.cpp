// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/log.hpp"

#include <sys/stat.h>

#include <atomic>
#include <memory>
#include <mutex>

// The header-only form: this is the only unit that uses spdlog, and the front program shall not load the
// shared library.
#undef SPDLOG_COMPILED_LIB
#undef SPDLOG_SHARED_LIB
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "builder/base/printable.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::log {
namespace {

std::mutex mutex;
std::shared_ptr<spdlog::logger> file_logger;
std::shared_ptr<spdlog::logger> stderr_logger;
std::filesystem::path file_path;
std::atomic<bool> active{false};

void write(spdlog::level::level_enum level, std::string_view line) {
    if (!active) {
        return;
    }
    // A log is read in a terminal, sooner or later.
    const std::string shown = printable_lines(redact(line));
    const std::lock_guard lock(mutex);
    for (const auto& logger : {file_logger, stderr_logger}) {
        if (logger) {
            logger->log(level, spdlog::string_view_t(shown));
        }
    }
}

}  // namespace

void open(const std::filesystem::path& file) {
    const std::lock_guard lock(mutex);
    file_logger = std::make_shared<spdlog::logger>(
        "run", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string()));
    ::chmod(file.c_str(), 0600);
    file_logger->set_level(spdlog::level::debug);
    file_logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %t %L %v");
    file_logger->flush_on(spdlog::level::debug);
    file_path = file;
    active = true;
}

void to_stderr(bool enabled) {
    const std::lock_guard lock(mutex);
    stderr_logger = enabled ? std::make_shared<spdlog::logger>(
                                  "stderr", std::make_shared<spdlog::sinks::stderr_sink_mt>())
                            : nullptr;
    if (stderr_logger) {
        stderr_logger->set_level(spdlog::level::debug);
        stderr_logger->set_pattern("[%H:%M:%S.%e] %v");
    }
    active = enabled || file_logger != nullptr;
}

std::filesystem::path path() {
    const std::lock_guard lock(mutex);
    return file_path;
}

void debug(std::string_view line) {
    write(spdlog::level::debug, line);
}

void warn(std::string_view line) {
    write(spdlog::level::warn, line);
}

}  // namespace imgforge::log
