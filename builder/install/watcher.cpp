// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/watcher.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "builder/install/watch_text.hpp"

namespace imgforge::install {

using std::chrono::seconds;

namespace {

constexpr std::size_t kept_lines = 400;
/// std::regex recurses once per character on some patterns: what it gets must be short.
constexpr std::size_t longest_searched = 6000;
/// An idle guest still serves its timer; under software emulation that costs a few percent of a core.
constexpr double idle_cpu_share = 0.08;
/// Busy, but neither a byte nor a write: a loop. Longer than any silence seen in working installations.
constexpr seconds busy_timeout{900};
constexpr int too_many_returns = 3;

/// In the answer line of a rule: the packages of the answers without the one that is missing.
constexpr std::string_view asked_placeholder = "$asked";
/// A package the answers name is missing: the installer only cleans up before it stops, which takes minutes
/// when slow.
constexpr seconds asked_grace{5};
const templates::FailureRule closing_script{
    .pattern = {},
    .meaning = "a command at the end of the answers failed",
    .remedy = "correct it, or end a command that may fail with `|| true`: post commands run with `set -e`",
    .grace = seconds(10),  // the installer often says which one right after
};

std::regex compiled(const std::string& pattern) {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::optimize);
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

std::chrono::milliseconds since(Clock::Instant from, Clock::Instant now) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - from);
}

}  // namespace

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
        questions_.push_back(compiled(rule.pattern));
    }
    if (!row.question_start.empty()) {
        question_start_ = compiled(row.question_start);
    }
    for (const auto& rule : row.failures) {
        failures_.push_back({.rule = &rule, .pattern = compiled(rule.pattern)});
        if (!rule.unless.empty()) {
            failures_.back().unless = compiled(rule.unless);
        }
    }
}

void Watcher::console(std::string_view bytes, Instant now) {
    if (bytes.empty()) {
        return;
    }
    if (!first_byte_) {
        first_byte_ = now;
    }
    console_changed_ = now;
    life_seen_ = now;
    quiet_stats_ = last_stats_;
    for (const std::string& line : console_.feed(bytes)) {
        console_line(line, true, now);
    }
    if (!console_.partial().empty()) {
        console_line(console_.partial(), false, now);
    }
}

void Watcher::console_line(const std::string& line, bool complete, Instant now) {
    if (progress_.note_console(line, complete)) {
        title_line_ = lines_seen_;
    }
    check_marker(line, complete, now);
    if (complete) {
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
        pending_ = Pending{.rule = &closing_script,
                           .meaning = closing_script.meaning + marked_detail(line),
                           .answer = {},
                           .step = progress_.step(),
                           .at = now,
                           .grace = closing_script.grace,
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

void Watcher::look_for_failure(const std::string& line, bool from_log, Instant now) {
    if ((pending_ && !pending_->explains) || marker_at_ || line.empty()) {
        return;
    }
    const std::string text = line.substr(0, longest_searched);
    for (const FailurePattern& failure : failures_) {
        const auto& rule = *failure.rule;
        if (from_log ? !rule.on_log : !rule.on_console) {
            continue;
        }
        std::smatch match;
        if (std::regex_search(text, match, failure.pattern) &&
            !(failure.unless && std::regex_search(text, *failure.unless))) {
            pending_ = pending(rule, match, from_log, now);
            return;
        }
    }
}

Watcher::Pending Watcher::pending(const templates::FailureRule& rule, const std::smatch& match, bool from_log,
                                  Instant now) const {
    Pending found{.rule = &rule,
                  .meaning = match.format(rule.meaning),
                  .answer = match.format(rule.answer),
                  .step = progress_.step(),
                  .at = now,
                  .grace = rule.grace,
                  .from_log = from_log,
                  .explains = rule.explains};
    const std::string subject = match.size() > 1 ? match[1].str() : std::string();
    const bool asked = rule.explains && std::find(options_.asked.begin(), options_.asked.end(), subject) !=
                                            options_.asked.end();
    if (asked) {
        found.explains = false;
        found.grace = asked_grace;
    }
    if (const auto at = found.answer.find(asked_placeholder); at != std::string::npos) {
        std::string others;
        for (const std::string& package : options_.asked) {
            others += package == subject ? "" : (others.empty() ? "" : " ") + package;
        }
        found.answer = asked ? found.answer.replace(at, asked_placeholder.size(), others) : std::string();
    }
    return found;
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
            .remedy = "see the console log and domain.log beside it"});
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
                     "the installation said it succeeded, but the machine did not power off {}", where(now)),
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

void Watcher::check_question(Instant now) {
    // The prompt normally has no newline; a log that was cut or relayed may have given it one.
    const std::string prompt =
        console_.partial().empty() && !lines_.empty() ? lines_.back() : console_.partial();
    if (outcome_ || prompt.empty() || prompt.size() > longest_searched ||
        now - console_changed_ < row_.timeouts.question) {
        return;
    }
    for (const std::regex& pattern : prompts_) {
        if (std::regex_search(prompt, pattern)) {
            decide_question(prompt, now);
            return;
        }
    }
}

/// Console lines since the last stage title (or since the line a question begins with), ending before the
/// prompt.
std::string Watcher::question_text() const {
    const std::size_t since_title = lines_seen_ - std::min(title_line_, lines_seen_);
    std::size_t first = lines_.size() - std::min(since_title, lines_.size());
    if (question_start_) {
        for (std::size_t i = lines_.size(); i-- > first;) {
            if (std::regex_search(lines_[i].substr(0, longest_searched), *question_start_)) {
                first = i;
                break;
            }
        }
    }
    std::string text;
    for (std::size_t i = first; i < lines_.size(); ++i) {
        text += lines_[i] + "\n";
    }
    text += console_.partial();
    return text.size() > longest_searched ? text.substr(text.size() - longest_searched) : text;
}

void Watcher::decide_question(const std::string& prompt, Instant now) {
    const std::string text = question_text();
    for (std::size_t i = 0; i < questions_.size(); ++i) {
        std::smatch match;
        if (!std::regex_search(text, match, questions_[i])) {
            continue;
        }
        const auto& rule = row_.questions[i];
        if (!rule.during.empty() && rule.during != progress_.step()) {
            continue;
        }
        if (pending_ && rule.step.empty()) {
            break;  // "a step failed" says less than the phrase that came before it
        }
        const std::string step = rule.step.empty() ? progress_.step() : rule.step;
        decide({.kind = Outcome::Kind::question,
                .message = fmt::format("the installer waits at \"{}\" {}: {}",
                                       line_at(text, static_cast<std::size_t>(match.position())), where(now),
                                       unbroken(match.format(rule.meaning))),
                .remedy = unbroken(match.format(rule.remedy)),
                .answer = unbroken(match.format(rule.answer)),
                .step = step,
                .waited = since(console_changed_, now)});
        return;
    }
    if (pending_) {
        check_failure(now, true);
        return;
    }
    decide({.kind = Outcome::Kind::question,
            .message = fmt::format("the installer waits at \"{}\" {}", unknown_question(tail(12), prompt),
                                   where(now)),
            .remedy = "answer this question in the answers file",
            .waited = since(console_changed_, now)});
}

void Watcher::check_failure(Instant now, bool at_end) {
    if (outcome_ || !pending_) {
        return;
    }
    if (pending_->from_log && progress_.step() != pending_->step) {
        pending_.reset();  // the installer went on: it was not the end
        return;
    }
    if (!at_end && (pending_->explains || now - pending_->at < pending_->grace)) {
        return;
    }
    const auto& rule = *pending_->rule;
    decide({.kind = Outcome::Kind::failed,
            .message = fmt::format("{} {}", pending_->meaning, where(pending_->at)),
            .remedy = rule.remedy,
            .answer = pending_->answer,
            .step = pending_->step,
            .transient = rule.transient,
            .post_command = pending_->post_command,
            .waited = since(pending_->at, now)});
}

void Watcher::check_silence(Instant now) {
    if (outcome_) {
        return;
    }
    if (!first_byte_) {
        if (now - start_ > scaled(row_.timeouts.first_byte)) {
            decide({.kind = Outcome::Kind::no_boot,
                    .message = fmt::format("nothing came from the machine's serial console within {}",
                                           duration_text(scaled(row_.timeouts.first_byte))),
                    .remedy = "the kernel did not start, or its command line lacks console=ttyS0; look at "
                              "screen.png"});
        }
        return;
    }
    const auto quiet = now - life_seen_;
    const auto cpu = last_stats_.cpu - quiet_stats_.cpu;
    const bool idle = std::chrono::duration<double>(cpu).count() <
                      idle_cpu_share * std::chrono::duration<double>(quiet).count();
    if (quiet > scaled(row_.timeouts.silence) && idle) {
        decide(
            {.kind = Outcome::Kind::silent,
             .message = fmt::format(
                 "no output, no disk writes and no CPU use for {} {}",
                 duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(quiet)), where(now)),
             .remedy = "it waits for something that is not on the console: look at screen.png and the logs"});
    } else if (quiet > std::max(scaled(busy_timeout), scaled(row_.timeouts.silence))) {
        decide({.kind = Outcome::Kind::loop,
                .message = fmt::format(
                    "the machine was busy without any output or disk writes for {} {}",
                    duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(quiet)), where(now)),
                .remedy = "look at screen.png and the logs"});
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

std::string Watcher::where(Instant now) const {
    const std::string after = duration_text(std::chrono::duration_cast<std::chrono::seconds>(now - start_));
    return progress_.step().empty() ? fmt::format("(after {})", after)
                                    : fmt::format("(step {}, after {})", progress_.step(), after);
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
