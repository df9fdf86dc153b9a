// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/process_child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <string_view>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/base/process_watch.hpp"

namespace imgforge {
namespace {

/// exec's failure is reported by a pipe that exec closes; this code on it means "program not found".
struct Pipe {
    Fd read;
    Fd write;
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw system_error("create", "a pipe", errno);
        }
        read = Fd(ends[0]);
        write = Fd(ends[1]);
    }
};

std::vector<std::string> environment_of(const ProcessSpec& spec) {
    std::map<std::string, std::string> values;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) {
            values.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    values["LC_ALL"] = "C.UTF-8";
    for (const auto& [name, value] : spec.env) {
        values[name] = value;
    }
    std::vector<std::string> list;
    for (const auto& [name, value] : values) {
        list.push_back(name + "=" + value);
    }
    return list;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words) {
        list.push_back(word.data());
    }
    list.push_back(nullptr);
    return list;
}

/// What the child needs between fork and exec: nothing that allocates.
struct Start {
    const char* program;
    char* const* argv;
    char* const* envp;
    const char* cwd;
    int in;
    int out;
    int err;
    int failure;
    pid_t parent;
};

/// Only async-signal-safe calls: we may have threads.
[[noreturn]] void become(const Start& start) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != start.parent) {
        ::_exit(127);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) {
        ::signal(number, SIG_DFL);
    }
    if (::dup2(start.in, 0) >= 0 && ::dup2(start.out, 1) >= 0 && ::dup2(start.err, 2) >= 0 &&
        (start.cwd == nullptr || ::chdir(start.cwd) == 0)) {
        ::execve(start.program, start.argv, start.envp);
    }
    const int code = errno;
    static_cast<void>(!::write(start.failure, &code, sizeof code));
    ::_exit(127);
}

}  // namespace

std::optional<Child> start_child(const ProcessSpec& spec, const std::string& program, int& code) {
    std::vector<std::string> words{spec.program};
    words.insert(words.end(), spec.args.begin(), spec.args.end());
    std::vector<std::string> environment = environment_of(spec);
    const std::vector<char*> argv = pointers(words);
    const std::vector<char*> envp = pointers(environment);
    const std::string cwd = spec.cwd.string();
    Pipe out;
    Pipe err;
    Pipe failure;
    std::optional<Pipe> in;
    Fd null;
    if (spec.stdin_text.empty()) {
        null = open_fd("/dev/null", O_RDONLY);
    } else {
        in.emplace();
    }
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw system_error("start", spec.program, errno);
    }
    if (pid == 0) {
        become({.program = program.c_str(),
                .argv = argv.data(),
                .envp = envp.data(),
                .cwd = cwd.empty() ? nullptr : cwd.c_str(),
                .in = in ? in->read.get() : null.get(),
                .out = out.write.get(),
                .err = err.write.get(),
                .failure = failure.write.get(),
                .parent = parent});
    }
    ::setpgid(pid, pid);
    failure.write.reset();
    if (::read(failure.read.get(), &code, sizeof code) == static_cast<ssize_t>(sizeof code)) {
        ::waitpid(pid, nullptr, 0);
        return std::nullopt;
    }
    Child child{.pid = pid,
                .in = in ? std::move(in->write) : Fd(),
                .out = std::move(out.read),
                .err = std::move(err.read)};
    for (const Fd* fd : {&child.in, &child.out, &child.err}) {
        if (*fd) {
            ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
        }
    }
    return child;
}

bool has_ended(const Child& child) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == child.pid;
}

void end_group(const Child& child) {
    constexpr std::chrono::seconds grace{2};
    const auto watch = ProcessWatch::open(child.pid);
    ::kill(-child.pid, SIGTERM);
    if (watch) {
        static_cast<void>(watch->ended_within(grace));
    }
    ::kill(-child.pid, SIGKILL);
}

}  // namespace imgforge
