// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/redact.hpp"

namespace imgforge {
namespace {

using Steady = std::chrono::steady_clock;

/// exec's failure is told by a pipe that exec closes; this code on it means "program not found".
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

struct Child {
    pid_t pid = -1;
    Fd in;
    Fd out;
    Fd err;
};

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

/// Starts the program; nothing when it cannot be executed (`code` has errno then).
std::optional<Child> start(const ProcessSpec& spec, const std::string& program, int& code) {
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
    Child child{.pid = pid, .in = in ? std::move(in->write) : Fd(), .out = std::move(out.read), .err = std::move(err.read)};
    for (const Fd* fd : {&child.in, &child.out, &child.err}) {
        if (*fd) {
            ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
        }
    }
    return child;
}

/// Collects one output stream and hands out complete lines.
class Stream {
public:
    Stream(std::string& kept, std::size_t limit, bool is_error, const LineSink& sink)
        : kept_(kept), limit_(limit), is_error_(is_error), sink_(sink) {}

    /// False at end of file.
    bool pump(int fd) {
        std::array<char, 65536> chunk{};
        for (;;) {
            const ssize_t got = ::read(fd, chunk.data(), chunk.size());
            if (got > 0) {
                add({chunk.data(), static_cast<std::size_t>(got)});
                continue;
            }
            if (got < 0 && errno == EINTR) {
                continue;
            }
            return got < 0 && errno == EAGAIN;
        }
    }

    void finish() {
        if (sink_ && !line_.empty()) {
            sink_(line_, is_error_);
        }
        line_.clear();
    }

private:
    void add(std::string_view bytes) {
        kept_.append(bytes.substr(0, limit_ - std::min(limit_, kept_.size())));
        if (!sink_) {
            return;
        }
        for (const char c : bytes) {
            // Progress bars of programs end a "line" with a carriage return.
            if (c == '\n' || c == '\r') {
                finish();
            } else if (line_.size() < 65536) {
                line_ += c;
            }
        }
    }

    std::string& kept_;
    std::size_t limit_;
    bool is_error_;
    const LineSink& sink_;
    std::string line_;
};

/// SIGTERM to the group, 2 s of grace, SIGKILL.
void end_group(pid_t pid) {
    ::kill(-pid, SIGTERM);
    for (int i = 0; i < 40; ++i) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid) {
            break;
        }
        ::usleep(50000);
    }
    ::kill(-pid, SIGKILL);
}

void feed(Child& child, std::string_view& input) {
    const ssize_t written = ::write(child.in.get(), input.data(), input.size());
    if (written > 0) {
        input.remove_prefix(static_cast<std::size_t>(written));
    }
    if (input.empty() || (written < 0 && errno != EAGAIN && errno != EINTR)) {
        child.in.reset();
    }
}

int milliseconds_until(Steady::time_point deadline) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1000));
}

ProcessResult wait_for_end(Child& child, ProcessResult result) {
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (result.outcome == ProcessResult::Outcome::timed_out) {
        return result;
    }
    if (WIFSIGNALED(status)) {
        result.outcome = ProcessResult::Outcome::signalled;
        result.code = WTERMSIG(status);
    } else {
        result.code = WEXITSTATUS(status);
    }
    return result;
}

/// Reads both streams until the program has closed them or ended, the deadline passes or a signal comes.
ProcessResult supervise(Child& child, const ProcessSpec& spec, const LineSink& sink) {
    ProcessResult result;
    Stream out(result.out, spec.output_limit, false, sink);
    Stream err(result.err, spec.output_limit, true, sink);
    std::string_view input = spec.stdin_text;
    const Steady::time_point deadline = Steady::now() + spec.timeout;
    bool exited = false;
    while ((child.out || child.err) && !exited) {
        if (interrupt::requested()) {
            end_group(child.pid);
            ::waitpid(child.pid, nullptr, 0);
            interrupt::check();
        }
        if (Steady::now() >= deadline) {
            result.outcome = ProcessResult::Outcome::timed_out;
            end_group(child.pid);
            break;
        }
        std::array<pollfd, 4> waits = {pollfd{child.out.get(), POLLIN, 0}, pollfd{child.err.get(), POLLIN, 0},
                                       pollfd{child.in.get(), POLLOUT, 0}, pollfd{interrupt::wake_fd(), POLLIN, 0}};
        const int ready = ::poll(waits.data(), waits.size(), milliseconds_until(deadline));
        if (ready == 0) {
            // A daemon it left behind may hold the pipes open for ever: the program itself having ended is enough.
            siginfo_t info{};
            exited = ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child.pid;
        }
        if (waits[2].revents != 0 && child.in) {
            feed(child, input);
        }
        if (child.out && !out.pump(child.out.get())) {
            child.out.reset();
        }
        if (child.err && !err.pump(child.err.get())) {
            child.err.reset();
        }
    }
    out.finish();
    err.finish();
    // A program that closed its output but runs on still has its deadline.
    while (result.outcome != ProcessResult::Outcome::timed_out) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child.pid) {
            break;
        }
        if (Steady::now() >= deadline || interrupt::requested()) {
            result.outcome = ProcessResult::Outcome::timed_out;
            end_group(child.pid);
            break;
        }
        ::usleep(2000);
    }
    result = wait_for_end(child, std::move(result));
    interrupt::check();
    return result;
}

std::string last_lines(const std::string& text, std::size_t count) {
    std::size_t start = text.size();
    while (start > 0 && text[start - 1] == '\n') {
        --start;
    }
    const std::size_t end = start;
    for (std::size_t lines = 0; start > 0; --start) {
        if (text[start - 1] == '\n' && ++lines == count) {
            break;
        }
    }
    return text.substr(start, end - start);
}

/// Debian packages of the programs we call; the error for a missing one names its package.
std::string package_hint(const std::string& program) {
    static const std::map<std::string, std::string, std::less<>> packages = {{"qemu-img", "qemu-utils"},
                                                                             {"qemu-storage-daemon", "qemu-system-common"},
                                                                             {"qemu-system-x86_64", "qemu-system-x86"},
                                                                             {"xorriso", "xorriso"},
                                                                             {"gpgv", "gpgv"},
                                                                             {"ssh", "openssh-client"},
                                                                             {"ssh-keygen", "openssh-client"},
                                                                             {"apt-get", "apt"},
                                                                             {"mformat", "mtools"},
                                                                             {"mkfs.vfat", "dosfstools"},
                                                                             {"virt-xml-validate", "libvirt-clients"},
                                                                             {"cloud-init", "cloud-init"},
                                                                             {"dpkg-deb", "dpkg"},
                                                                             {"depmod", "kmod"}};
    const auto found = packages.find(std::filesystem::path(program).filename().string());
    return found == packages.end() ? fmt::format("install the package that has {}", program)
                                   : fmt::format("apt-get install {}", found->second);
}

}  // namespace

ProcessResult SystemProcessRunner::run(const ProcessSpec& spec, const LineSink& on_line) {
    interrupt::check();
    log::debug("run: " + paste_line(spec));
    const auto begun = Steady::now();
    const std::optional<std::filesystem::path> program =
        spec.program.find('/') == std::string::npos ? find_program(spec.program) : std::optional<std::filesystem::path>(spec.program);
    ProcessResult result{.outcome = ProcessResult::Outcome::not_found};
    if (program) {
        int code = 0;
        std::optional<Child> child = start(spec, program->string(), code);
        if (child) {
            result = supervise(*child, spec, on_line);
        } else {
            result.err = errno_text(code);
        }
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begun);
    log::debug(fmt::format("ended: {} {} after {}", spec.program,
                           result.ok() ? "ok" : fmt::format("outcome {} code {}", static_cast<int>(result.outcome), result.code),
                           duration_text(took)));
    return result;
}

std::string shell_quote(std::string_view word) {
    const bool safe = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || std::strchr("%+,-./:=@_", c) != nullptr;
    });
    if (safe) {
        return std::string(word);
    }
    std::string quoted = "'";
    for (const char c : word) {
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return quoted + "'";
}

std::string paste_line(const ProcessSpec& spec) {
    std::string line = shell_quote(spec.program);
    for (const std::string& arg : spec.args) {
        line += " " + shell_quote(arg);
    }
    for (const std::string& secret : spec.redact) {
        for (std::size_t at = 0; !secret.empty() && (at = line.find(secret, at)) != std::string::npos;) {
            line.replace(at, secret.size(), "***");
        }
    }
    return redact(line);
}

Error process_error(const ProcessSpec& spec, const ProcessResult& result) {
    std::string tail = last_lines(result.err.empty() ? result.out : result.err, 20);
    for (const std::string& secret : spec.redact) {
        for (std::size_t at = 0; !secret.empty() && (at = tail.find(secret, at)) != std::string::npos;) {
            tail.replace(at, secret.size(), "***");
        }
    }
    tail = redact(tail);
    const std::string because = tail.empty() ? "" : ": " + tail;
    Error error = [&] {
        switch (result.outcome) {
            case ProcessResult::Outcome::not_found:
                return Error(Failure::host,
                             fmt::format("the program {} cannot be started{}", spec.program, because.empty() ? ": not found" : because),
                             package_hint(spec.program));
            case ProcessResult::Outcome::timed_out:
                return Error(Failure::timeout,
                             fmt::format("{} did not end within {} and was stopped{}", spec.program, duration_text(spec.timeout), because));
            case ProcessResult::Outcome::signalled:
                return Error(Failure::tool,
                             fmt::format("{} was ended by signal {} ({}){}", spec.program, result.code, ::strsignal(result.code), because));
            default: return Error(Failure::tool, fmt::format("{} ended with exit code {}{}", spec.program, result.code, because));
        }
    }();
    error.add_context("command: " + paste_line(spec));
    return error;
}

ProcessResult run_checked(ProcessRunner& runner, const ProcessSpec& spec, const LineSink& on_line) {
    ProcessResult result = runner.run(spec, on_line);
    if (!result.ok()) {
        throw process_error(spec, result);
    }
    return result;
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
    const char* const path = std::getenv("PATH");
    std::string folders = fmt::format("{}:/usr/sbin:/sbin", path != nullptr ? path : "/usr/bin:/bin");
    std::size_t begin = 0;
    while (begin <= folders.size()) {
        const std::size_t end = std::min(folders.find(':', begin), folders.size());
        const std::filesystem::path candidate = std::filesystem::path(folders.substr(begin, end - begin)) / name;
        std::error_code code;
        if (end > begin && ::access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate, code)) {
            return candidate;
        }
        begin = end + 1;
    }
    return std::nullopt;
}

}  // namespace imgforge
