// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/process.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/process_child.hpp"

namespace imgforge {
namespace {

using Steady = std::chrono::steady_clock;

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

/// Throws after ending the child when a signal asks for it; at the deadline ends it, notes that in `result`
/// and is true.
bool past_its_time(const Child& child, Steady::time_point deadline, ProcessResult& result) {
    if (interrupt::requested()) {
        end_group(child);
        ::waitpid(child.pid, nullptr, 0);
        interrupt::check();
    }
    if (Steady::now() < deadline) {
        return false;
    }
    result.outcome = ProcessResult::Outcome::timed_out;
    end_group(child);
    return true;
}

/// One wait for either stream or room for input, at most until the deadline; true when the program itself has
/// ended in silence: a daemon it left behind may hold the pipes open for ever.
bool exchange(Child& child, std::string_view& input, Stream& out, Stream& err, Steady::time_point deadline) {
    std::array<pollfd, 4> waits = {pollfd{child.out.get(), POLLIN, 0}, pollfd{child.err.get(), POLLIN, 0},
                                   pollfd{child.in.get(), POLLOUT, 0},
                                   pollfd{interrupt::wake_fd(), POLLIN, 0}};
    const bool silent = ::poll(waits.data(), waits.size(), milliseconds_until(deadline)) == 0;
    const bool ended = silent && has_ended(child);
    if (waits[2].revents != 0 && child.in) {
        feed(child, input);
    }
    if (child.out && !out.pump(child.out.get())) {
        child.out.reset();
    }
    if (child.err && !err.pump(child.err.get())) {
        child.err.reset();
    }
    return ended;
}

/// Reads both streams until the program has closed them or ended, the deadline passes or a signal comes.
ProcessResult supervise(Child& child, const ProcessSpec& spec, const LineSink& sink) {
    ProcessResult result;
    Stream out(result.out, spec.output_limit, false, sink);
    Stream err(result.err, spec.output_limit, true, sink);
    std::string_view input = spec.stdin_text;
    const Steady::time_point deadline = Steady::now() + spec.timeout;
    bool stopped = false;
    while ((child.out || child.err) && !stopped) {
        stopped = past_its_time(child, deadline, result) || exchange(child, input, out, err, deadline);
    }
    out.finish();
    err.finish();
    // A program that closed its output but runs on still has its deadline.
    while (result.outcome != ProcessResult::Outcome::timed_out && !has_ended(child) &&
           !past_its_time(child, deadline, result)) {
        ::usleep(2000);
    }
    result = wait_for_end(child, std::move(result));
    interrupt::check();
    return result;
}

}  // namespace

ProcessResult SystemProcessRunner::run(const ProcessSpec& spec, const LineSink& on_line) {
    interrupt::check();
    log::debug("run: " + paste_line(spec));
    const auto begun = Steady::now();
    const std::optional<std::filesystem::path> program =
        spec.program.find('/') == std::string::npos ? find_program(spec.program)
                                                    : std::optional<std::filesystem::path>(spec.program);
    ProcessResult result{.outcome = ProcessResult::Outcome::not_found};
    if (program) {
        int code = 0;
        std::optional<Child> child = start_child(spec, program->string(), code);
        if (child) {
            result = supervise(*child, spec, on_line);
        } else {
            result.err = errno_text(code);
        }
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - begun);
    log::debug(fmt::format(
        "ended: {} {} after {}", spec.program,
        result.ok() ? "ok" : fmt::format("outcome {} code {}", static_cast<int>(result.outcome), result.code),
        duration_text(took)));
    return result;
}

}  // namespace imgforge
