// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/virt/transport.hpp"

namespace imgforge::virt {

/// One `imgforge-machine` process holding one embedded root, spoken to by JSON lines over a socket pair. When
/// this object goes (or this process dies), the worker sees the end of its input, closes the connection and
/// ends; machines keep running unless they were started with auto_destroy. `token`: a file descriptor that
/// the worker keeps open as long as it lives, so that a lock taken with it tells others when the worker of a
/// process that was killed is still busy.
class WorkerTransport final : public Transport {
public:
    WorkerTransport(const std::string& uri, const std::filesystem::path& capabilities,
                    std::chrono::milliseconds timeout, int token = -1);
    ~WorkerTransport() override;
    WorkerTransport(const WorkerTransport&) = delete;
    WorkerTransport& operator=(const WorkerTransport&) = delete;

    Json call(const Json& request, std::chrono::milliseconds deadline) override;

private:
    std::string read_line(std::chrono::steady_clock::time_point deadline, const std::string& what);
    Json exchange(Json request, std::chrono::milliseconds deadline);

    std::mutex mutex_;
    Fd socket_;
    pid_t pid_ = -1;
    std::uint64_t next_id_ = 1;
    std::string pending_;  ///< bytes read beyond the last line
};

/// What an exception becomes on the wire, and back.
Json error_to_json(const Error& error);
[[noreturn]] void throw_from_json(const Json& error);

/// Path of imgforge-machine: $IMGFORGE_LIBEXEC, beside the running program, ../libexec/imgforge, or the build
/// directory.
std::filesystem::path worker_program();

}  // namespace imgforge::virt
