// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/cli/commands.hpp"
#include "builder/install/watcher.hpp"
#include "templates/distribution.hpp"

namespace imgforge::cli {

namespace {

constexpr std::uint64_t log_limit = 256ULL << 20U;

/// The completion marker that stands in the log, so that a success is one.
std::string marker_in(const std::string& console) {
    static const std::regex marker("IMGFORGE-RESULT: success [0-9A-Za-z]+");
    std::smatch found;
    return std::regex_search(console, found, marker) ? found[0].str() : std::string();
}

bool powered_off(const templates::Distribution& row, const std::string& console) {
    const std::string end = console.substr(console.size() - std::min<std::size_t>(console.size(), 2000));
    return std::any_of(row.finished.begin(), row.finished.end(), [&](const std::string& pattern) {
        return std::regex_search(end, std::regex(pattern));
    });
}

/// Plays both logs at once and lets time pass without a byte, a disk write or CPU use until the verdict.
std::optional<install::Outcome> replay(const templates::Distribution& row, const std::string& console,
                                       const std::string& log, std::chrono::seconds limit) {
    Clock::Instant now{std::chrono::seconds(1)};
    install::Watcher watcher(row, {.marker = marker_in(console)}, now);
    watcher.log(log, now);
    watcher.console(console, now);
    if (powered_off(row, console)) {
        watcher.ended(true, "shut off (shutdown)", now);
    }
    for (std::chrono::seconds passed{0}; passed < limit && !watcher.outcome(); ++passed) {
        now += std::chrono::seconds(1);
        watcher.tick(now);
    }
    return watcher.outcome();
}

int run_replay(const Arguments& arguments, CommandContext& context) {
    if (!arguments.has("os")) {
        throw Error(Failure::usage, "'media replay' needs --os: the distribution that was installed",
                    "for example --os debian13");
    }
    const templates::Distribution& row = templates::distribution(arguments.get_or("os", ""));
    const std::string console = read_file(arguments.get_or("LOG", ""), log_limit);
    const std::string log =
        arguments.has("log") ? read_file(arguments.get_or("log", ""), log_limit) : std::string();
    const auto outcome = replay(row, console, log, parse_duration(arguments.get_or("for", "10m")));
    if (!outcome) {
        context.result({{"verdict", nullptr}}, "no verdict\n");
        return static_cast<int>(ExitCode::failed);
    }
    std::string text = fmt::format("{}: {}\n", to_string(outcome->kind), outcome->message);
    text += outcome->remedy.empty() ? "" : fmt::format("  {}\n", outcome->remedy);
    text += outcome->answer.empty() ? "" : fmt::format("  line for the answers: {}\n", outcome->answer);
    context.result({{"verdict", std::string(to_string(outcome->kind))},
                    {"message", outcome->message},
                    {"remedy", outcome->remedy},
                    {"answer", outcome->answer},
                    {"step", outcome->step},
                    {"seconds", std::chrono::duration<double>(outcome->waited).count()}},
                   text);
    return 0;
}

}  // namespace

Command media_replay_command() {
    return {.name = "media replay",
            .group = "Tools",
            .summary = "run the watcher on a recorded console",
            .description =
                "Replays the recorded serial console of an installation to the watcher, then "
                "simulates silence, and prints the verdict: what the installer is waiting for or "
                "why it failed, in which step, and the line to add. Use it for distributions of "
                "your own and for logs others send. Exits 1 without a verdict.",
            .positionals = {{.name = "LOG",
                             .help = "console log, such as serial0.log",
                             .completes = Completes::file}},
            .options = {{.names = {"--os"},
                         .value = "NAME",
                         .help = "the distribution that was installed, such as debian13"},
                        {.names = {"--log"},
                         .value = "FILE",
                         .help = "log channel of the same installation, such as channel0.log",
                         .completes = Completes::file},
                        {.names = {"--for"},
                         .value = "TIME",
                         .help = "simulated time to wait for a verdict; default: 10m"}},
            .examples = {{"imgforge media replay serial0.log --os rocky9", "why this installation stopped"}},
            .run = run_replay};
}

}  // namespace imgforge::cli
