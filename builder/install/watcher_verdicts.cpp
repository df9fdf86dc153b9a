// SPDX-License-Identifier: GPL-3.0-or-later
// The verdicts of the watcher: what a phrase, a question or silence means, and the sentence for it.
#include <fmt/format.h>

#include <algorithm>

#include "builder/install/watch_text.hpp"
#include "builder/install/watcher.hpp"

namespace imgforge::install {

using std::chrono::seconds;

namespace {

/// An idle guest still serves its timer; under software emulation that costs a few percent of a core.
constexpr double idle_cpu_share = 0.08;
/// Busy, but neither a byte nor a write: a loop. Longer than any silence seen in working installations.
constexpr seconds busy_timeout{900};

/// In the answer line of a rule: the packages of the answers without the one that is missing.
constexpr std::string_view asked_placeholder = "$asked";
/// A package the answers name is missing: the installer only cleans up before it stops, which takes minutes
/// when slow.
constexpr seconds asked_grace{5};
/// In the meaning of a rule with `then`: what the later line said.
constexpr std::string_view reason_placeholder = "$then";
/// More may follow the reason (a package's name), but not much.
constexpr seconds reason_grace{8};

std::chrono::milliseconds since(Clock::Instant from, Clock::Instant now) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - from);
}

/// The reason never came: its placeholder goes, and what joined it to the sentence.
std::string without_reason(std::string meaning) {
    const auto at = meaning.find(reason_placeholder);
    if (at != std::string::npos) {
        meaning.erase(at);
        meaning.erase(meaning.find_last_not_of(" :,") + 1);
    }
    return meaning;
}

/// Where the matched text begins, blanks and line ends before it left out.
std::size_t first_letter(const std::string& text, const std::smatch& match) {
    const auto begin = static_cast<std::size_t>(match.position());
    return std::min(text.find_first_not_of(" \t\r\n", begin),
                    begin + static_cast<std::size_t>(match.length()));
}

}  // namespace

void Watcher::look_for_failure(const std::string& line, bool from_log, Instant now) {
    if (marker_at_ || line.empty()) {
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
            Pending found = pending(rule, match, from_log, now);
            found.then = failure.then ? &*failure.then : nullptr;
            // What explains is replaced by the next one that does; anything else only by what says more.
            if (!pending_ || pending_->explains || found.weight() > pending_->weight()) {
                pending_ = std::move(found);
            }
            return;
        }
    }
}

int Watcher::Pending::weight() const {
    if (explains) {
        return 0;
    }
    return rule->vague ? (rule->then.empty() ? 1 : 2) : 3;
}

void Watcher::note_reason(const std::string& line, bool from_log, Instant now) {
    if (!pending_ || pending_->then == nullptr || pending_->from_log != from_log) {
        return;
    }
    const std::string text = line.substr(0, longest_searched);
    std::smatch match;
    if (!std::regex_search(text, match, *pending_->then)) {
        return;
    }
    const std::string reason = match.size() > 1 ? match[1].str() : match[0].str();
    const auto at = pending_->meaning.find(reason_placeholder);
    if (at != std::string::npos) {
        pending_->meaning.replace(at, reason_placeholder.size(), reason);
    }
    pending_->then = nullptr;
    pending_->at = now;
    pending_->grace = std::min(pending_->grace, reason_grace);
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

void Watcher::check_question(Instant now) {
    // The prompt normally has no newline; a log that was cut or relayed may have given it one.
    const std::string prompt = last_line();
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
    if (pending_ && pending_->rule == &closing_script()) {
        check_failure(now,
                      true);  // our own script said so; what is asked after it (a login) is its consequence
        return;
    }
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
                                       line_at(text, first_letter(text, match)), where(now),
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
            .message = fmt::format("{} {}", unbroken(without_reason(pending_->meaning)), where(now)),
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
    const bool idle = std::chrono::duration<double>(cpu).count() <=
                      idle_cpu_share * std::chrono::duration<double>(quiet).count();
    if (idle && check_stalls(quiet, now)) {
        return;
    }
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

bool Watcher::check_stalls(std::chrono::nanoseconds quiet, Instant now) {
    const std::string line = last_line().substr(0, longest_searched);
    for (const StallPattern& stall : stalls_) {
        std::smatch match;
        if (quiet <= scaled(stall.rule->after) || !std::regex_search(line, match, stall.pattern)) {
            continue;
        }
        decide({.kind = Outcome::Kind::silent,
                .message = fmt::format("{} {}", unbroken(match.format(stall.rule->meaning)), where(now)),
                .remedy = match.format(stall.rule->remedy),
                .answer = match.format(stall.rule->answer),
                .step = stall.rule->step,
                .waited = std::chrono::duration_cast<std::chrono::milliseconds>(quiet)});
        return true;
    }
    return false;
}

std::string Watcher::last_line() const {
    if (!is_blank(console_.partial())) {
        return console_.partial();
    }
    const auto last =
        std::find_if_not(lines_.rbegin(), lines_.rend(), [](const auto& line) { return is_blank(line); });
    return last == lines_.rend() ? std::string() : *last;
}

std::string Watcher::where(Instant now) const {
    const std::string after = duration_text(std::chrono::duration_cast<seconds>(now - start_));
    const std::string silent = duration_text(std::chrono::duration_cast<seconds>(now - console_changed_));
    return fmt::format("({}after {}, silent for {})",
                       progress_.step().empty() ? "" : fmt::format("step {}, ", progress_.step()), after,
                       silent);
}

}  // namespace imgforge::install
