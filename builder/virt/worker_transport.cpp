// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/worker_transport.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <thread>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/process_watch.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// The worker gets a process group of its own: Ctrl-C on the terminal must not hit it before its clean-up was
/// asked for.
pid_t spawn_worker(const std::vector<std::string>& words, int socket, int token) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, socket, STDOUT_FILENO);
    if (token >= 0) {
        posix_spawn_file_actions_adddup2(&actions, token, STDERR_FILENO + 1);
    }
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    std::vector<char*> argv;
    for (const std::string& word : words) {
        argv.push_back(
            const_cast<char*>(word.c_str()));  // NOLINT: posix_spawn takes char* and does not write
    }
    argv.push_back(nullptr);
    pid_t pid = -1;
    const int failed = posix_spawn(&pid, words.front().c_str(), &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        throw system_error("start", words.front(), failed);
    }
    return pid;
}

}  // namespace

fs::path worker_program() {
    constexpr const char* name = "imgforge-machine";
    std::vector<fs::path> places;
    if (const char* const folder = std::getenv("IMGFORGE_LIBEXEC"); folder != nullptr) {
        places.emplace_back(fs::path(folder) / name);
    }
    std::error_code error;
    const fs::path self = fs::read_symlink("/proc/self/exe", error).parent_path();
    places.insert(places.end(), {self / name, self / ".." / "libexec" / "imgforge" / name,
                                 fs::path(IMGFORGE_BUILD_WORKER)});
    for (const fs::path& place : places) {
        if (access(place.c_str(), X_OK) == 0) {
            return place;
        }
    }
    throw Error(Failure::host, fmt::format("{} is missing; looked in {}", name, self.string()),
                "reinstall imgforge");
}

WorkerTransport::WorkerTransport(const std::string& uri, const fs::path& capabilities, milliseconds timeout,
                                 int token) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        throw system_error("create", "socket pair", errno);
    }
    socket_ = Fd(pair[0]);
    const Fd other(pair[1]);
    pid_ =
        spawn_worker({worker_program().string(), uri, capabilities.string(), std::to_string(timeout.count())},
                     other.get(), token);
    call({{"op", "alive"}}, timeout + std::chrono::seconds(10));
}

WorkerTransport::~WorkerTransport() {
    shutdown(socket_.get(), SHUT_RDWR);
    socket_.reset();
    // It closes libvirt and ends; a worker that hangs in libvirt is killed.
    constexpr std::chrono::seconds grace{10};
    try {
        if (const auto watch = ProcessWatch::open(pid_); watch && !watch->ended_within(grace)) {
            kill(pid_, SIGKILL);
        }
    } catch (const Error&) {
        kill(pid_, SIGKILL);  // without a pidfd nothing says when it ends
    }
    waitpid(pid_, nullptr, 0);
}

std::string WorkerTransport::read_line(steady_clock::time_point deadline, const std::string& what) {
    while (true) {
        if (const auto end = pending_.find('\n'); end != std::string::npos) {
            std::string line = pending_.substr(0, end);
            pending_.erase(0, end + 1);
            return line;
        }
        interrupt::check();
        if (steady_clock::now() >= deadline) {
            throw VirtError(VirtCause::timeout, Failure::timeout,
                            fmt::format("libvirt did not answer '{}' in time", what));
        }
        pollfd poll_fd{.fd = socket_.get(), .events = POLLIN, .revents = 0};
        if (poll(&poll_fd, 1, 100) <= 0) {
            continue;
        }
        std::array<char, 65536> buffer{};
        const ssize_t got = read(socket_.get(), buffer.data(), buffer.size());
        if (got <= 0) {
            throw VirtError(VirtCause::no_connection, Failure::domain,
                            fmt::format("imgforge-machine ended while asked for '{}'", what));
        }
        pending_.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

Json WorkerTransport::exchange(Json request, milliseconds deadline) {
    const std::string op = request.at("op");
    const std::uint64_t id = next_id_++;
    request["id"] = id;
    const std::string line = request.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t done = send(socket_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (done < 0) {
            throw VirtError(VirtCause::no_connection, Failure::domain, "imgforge-machine has ended");
        }
        sent += static_cast<std::size_t>(done);
    }
    const auto until = steady_clock::now() + deadline;
    while (true) {
        Json answer = parse_json(read_line(until, op), "imgforge-machine");
        // An answer to a call that was given up (interrupt, deadline) may still be in the pipe.
        if (!answer.contains("id") || answer.at("id") == id) {
            return answer;
        }
    }
}

Json WorkerTransport::call(const Json& request, milliseconds deadline) {
    const std::lock_guard guard(mutex_);
    Json answer = exchange(request, deadline);
    if (answer.contains("error")) {
        throw_from_json(answer.at("error"));
    }
    return answer.at("ok");
}

Json error_to_json(const Error& error) {
    const auto* const virt = dynamic_cast<const VirtError*>(&error);
    return Json{{"cause", virt != nullptr ? std::string(to_string(virt->cause())) : ""},
                {"kind", static_cast<int>(error.kind())},
                {"message", error.message()},
                {"hint", error.hint()}};
}

void throw_from_json(const Json& error) {
    const auto kind = static_cast<Failure>(error.at("kind").get<int>());
    const std::string cause = error.at("cause");
    if (cause.empty()) {
        throw Error(kind, error.at("message"), error.at("hint"));
    }
    throw VirtError(virt_cause(cause), kind, error.at("message"), error.at("hint"));
}

}  // namespace imgforge::virt
