// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/watcher.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "builder/install/pattern.hpp"
#include "builder/install/watch_text.hpp"

namespace imgforge::install {

using std::chrono::seconds;

namespace {

constexpr std::size_t kept_lines = 400;
constexpr int too_many_returns = 3;

/// For the text of a question, which has several lines: ^ and $ stand at each of them.
std::regex compiled_lines(const std::string& pattern) {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::multiline | std::regex::optimize);
}

void keep(std::deque<std::string>& lines, const std::string& line) {
    lines.push_back(line);
    if (lines.size() > kept_lines) {
        lines.pop_front();
    }
}

std::vector<std::string> last_of(const std::deque<std::string>& lines, std::size_t count) {
    return {lines.end() - static_cast<std::ptrdiff_t>(std::min(count, lines.size())), lines.end()};
}

}  // namespace

const templates::FailureRule& Watcher::closing_script() {
    static const templates::FailureRule rule{
        .pattern = {},
        .meaning = "a command at the end of the answers failed",
        .remedy =
            "correct it, or end a command that may fail with `|| true`: post commands run with `set -e`",
        .grace = seconds(10),  // the installer often says which one right after
    };
    return rule;
}

std::string_view to_string(Outcome::Kind kind) {
    switch (kind) {
        case Outcome::Kind::finished: return "finished";
        case Outcome::Kind::no_marker: return "no marker";
        case Outcome::Kind::no_poweroff: return "no power-off";
        case Outcome::Kind::question: return "question";
        case Outcome::Kind::failed: return "failed";
        case Outcome::Kind::crashed: return "crashed";
        case Outcome::Kind::no_boot: return "no boot";
        case Outcome::Kind::silent: return "silent";
        case Outcome::Kind::loop: return "loop";
        case Outcome::Kind::too_long: return "too long";
    }
    return "failed";
}

Watcher::Watcher(const templates::Distribution& row, WatchOptions options, Instant start)
    : row_(row),
      options_(std::move(options)),
      start_(start),
      progress_(row),
      console_changed_(start),
      life_seen_(start) {
    for (const std::string& prompt : row.prompts) {
        prompts_.push_back(compiled(prompt));
    }
    for (const auto& rule : row.questions) {
        questions_.push_back(compiled_lines(rule.pattern));
    }
    question_start_ = compiled_if_any(row.question_start);
    for (const auto& rule : row.failures) {
        failures_.push_back({.rule = &rule,
                             .pattern = compiled(rule.pattern),
                             .unless = compiled_if_any(rule.unless),
                             .then = compiled_if_any(rule.then)});
    }
    for (const auto& rule : row.stalls) {
        stalls_.push_back({.rule = &rule, .pattern = compiled(rule.pattern)});
    }
    idle_lines_ = compiled_if_any(row.idle_lines);
}

void Watcher::console(std::string_view bytes, Instant now) {
    if (bytes.empty()) {
        return;
    }
    if (!first_byte_) {
        first_byte_ = now;
    }
    bool alive = !idle_lines_;
    for (const std::string& line : console_.feed(bytes)) {
        alive = alive || sign_of_life(line);
        console_line(line, true, now);
    }
    if (!console_.partial().empty()) {
        alive = alive || sign_of_life(console_.partial());
        console_line(console_.partial(), false, now);
    }
    if (alive) {
        console_changed_ = now;
        life_seen_ = now;
        quiet_stats_ = last_stats_;
    }
}

bool Watcher::sign_of_life(const std::string& line) const {
    return !idle_lines_ || !std::regex_search(line.substr(0, longest_searched), *idle_lines_);
}

void Watcher::console_line(const std::string& line, bool complete, Instant now) {
    if (progress_.note_console(line, complete)) {
        title_line_ = lines_seen_;
    }
    check_marker(line, complete, now);
    if (complete) {
        note_reason(line, false, now);
        look_for_failure(line, false, now);
        keep(lines_, line);
        ++lines_seen_;
    } else if (!pending_) {
        look_for_failure(line, false, now);  // "login: " has no newline
    }
}

void Watcher::check_marker(const std::string& line, bool complete, Instant now) {
    if (!marker_at_ && !options_.marker.empty() && line.find(options_.marker) != std::string::npos) {
        marker_at_ = now;
        pending_.reset();
        return;
    }
    if (complete && !marker_at_ && !pending_ && line.find(failed_marker) != std::string::npos) {
        pending_ = Pending{.rule = &closing_script(),
                           .meaning = closing_script().meaning + marked_detail(line),
                           .answer = {},
                           .step = progress_.step(),
                           .at = now,
                           .grace = closing_script().grace,
                           .post_command = marked_post_command(line)};
    }
}

void Watcher::log(std::string_view bytes, Instant now) {
    if (bytes.empty()) {
        return;
    }
    life_seen_ = now;
    quiet_stats_ = last_stats_;
    for (const std::string& line : log_.feed(bytes)) {
        progress_.note_log(line);
        note_reason(line, true, now);
        look_for_failure(line, true, now);
        if (!line.empty() && line.find(" kernel: ") == std::string::npos) {
            keep(log_lines_, line);
        }
    }
}

void Watcher::stats(const GuestStats& stats, Instant now) {
    if (stats.written != last_stats_.written) {
        life_seen_ = now;
        quiet_stats_ = stats;
    }
    last_stats_ = stats;
}

void Watcher::ended(bool by_itself, const std::string& how, Instant now) {
    if (marker_at_ && by_itself) {
        progress_.finish();
        decide({.kind = Outcome::Kind::finished,
                .message = fmt::format(
                    "the installation finished after {}",
                    duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(now - start_)))});
        return;
    }
    if (pending_) {
        check_failure(now, true);  // no more output will come
    }
    if (by_itself) {
        decide({.kind = Outcome::Kind::no_marker,
                .message = fmt::format(
                    "the machine powered itself off without saying that the installation succeeded {}",
                    where(now)),
                .remedy = "the installer stopped early, or the answers end without the completion marker; "
                          "see the console log"});
        return;
    }
    decide({.kind = Outcome::Kind::crashed,
            .message = fmt::format("the machine ended: {} {}", how, where(now)),
            .remedy = "see the console log and domain.log in the same directory"});
}

void Watcher::tick(Instant now) {
    if (outcome_) {
        return;
    }
    if (marker_at_) {
        if (now - *marker_at_ > scaled(row_.timeouts.power_off)) {
            decide(
                {.kind = Outcome::Kind::no_poweroff,
                 .message = fmt::format(
                     "the installation reported success, but the machine did not power off {}", where(now)),
                 .remedy = "let the answers end with power-off"});
        }
        return;
    }
    check_question(now);
    check_failure(now, false);
    check_silence(now);
    if (!outcome_ && progress_.returns() >= too_many_returns) {
        decide({.kind = Outcome::Kind::loop,
                .message = fmt::format("the installer began the same step again and again {}", where(now)),
                .remedy = "see the console log for why the step fails"});
    }
    const auto total = options_.total.value_or(scaled(row_.timeouts.total));
    if (!outcome_ && now - start_ > total) {
        decide({.kind = Outcome::Kind::too_long,
                .message = fmt::format("the installation did not end within {} {}", duration_text(total),
                                       where(now)),
                .remedy = "if it was still working, allow more time with install.timeout"});
    }
}

std::vector<std::string> Watcher::log_tail(std::size_t count) const {
    return last_of(log_lines_, count);
}

std::vector<std::string> Watcher::tail(std::size_t count) const {
    std::vector<std::string> out = last_of(lines_, count);
    if (!console_.partial().empty()) {
        out.push_back(console_.partial());
    }
    return out;
}

seconds Watcher::scaled(seconds timeout) const {
    return seconds(static_cast<std::int64_t>(static_cast<double>(timeout.count()) * options_.slowness));
}

void Watcher::decide(Outcome outcome) {
    if (outcome_) {
        return;
    }
    if (outcome.step.empty()) {
        outcome.step = progress_.step();
    }
    outcome_ = std::move(outcome);
}

}  // namespace imgforge::install
