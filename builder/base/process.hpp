// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge {

/// What to run: pure data, so that tests can compare it. Never a shell line.
struct ProcessSpec {
    std::string program;            ///< looked up in PATH unless it has a slash
    std::vector<std::string> args;  ///< without argv[0]
    std::map<std::string, std::string>
        env{};                    ///< added to the caller's environment; LC_ALL=C.UTF-8 unless set here
    std::filesystem::path cwd{};  ///< empty: the caller's
    std::string stdin_text{};     ///< written to stdin, then closed; empty: /dev/null
    std::chrono::milliseconds timeout{std::chrono::minutes(10)};
    std::vector<std::string> redact{};      ///< secrets masked in every log line and error
    std::size_t output_limit = 64U << 20U;  ///< bytes kept of stdout and of stderr each; the rest is dropped
};

struct ProcessResult {
    enum class Outcome { exited, signalled, not_found, timed_out };
    Outcome outcome = Outcome::exited;
    int code = 0;  ///< exit code, or the signal number when signalled
    std::string out;
    std::string err;
    bool ok() const { return outcome == Outcome::exited && code == 0; }
};

/// Hears each complete line of the process's output while it runs (`is_error`: it came on stderr).
using LineSink = std::function<void(std::string_view line, bool is_error)>;

/// The seam by which all external programs are run; tests inject a fake
/// (tests/support/fake_process_runner.hpp).
class ProcessRunner {
public:
    virtual ~ProcessRunner() = default;
    /// Runs to the end and returns how it ended; only Interrupted and failures to fork are thrown. The child
    /// gets its own process group, dies with this process, and on timeout or interrupt gets SIGTERM, then
    /// SIGKILL after 2 s.
    virtual ProcessResult run(const ProcessSpec& spec, const LineSink& on_line = {}) = 0;
};

/// fork/exec for real.
class SystemProcessRunner final : public ProcessRunner {
public:
    ProcessResult run(const ProcessSpec& spec, const LineSink& on_line = {}) override;
};

/// Runs and throws Error(Failure::tool) unless it exits 0; not found is Failure::host with the package that
/// has the program when known. The message has the outcome, the last lines of stderr and a command line that
/// can be pasted, redacted.
ProcessResult run_checked(ProcessRunner& runner, const ProcessSpec& spec, const LineSink& on_line = {});

/// The error run_checked() would throw, for callers that look at the result themselves first.
class Error process_error(const ProcessSpec& spec, const ProcessResult& result);

/// Shell-quoted command line with `redact`ed strings as ***.
std::string paste_line(const ProcessSpec& spec);

/// One word quoted for sh, left bare when that is safe.
std::string shell_quote(std::string_view word);

/// Full path of a program in PATH (plus /usr/sbin and /sbin), or nothing.
std::optional<std::filesystem::path> find_program(std::string_view name);

}  // namespace imgforge
