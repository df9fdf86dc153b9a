// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/clock.hpp"
#include "builder/install/console_text.hpp"
#include "builder/install/install_progress.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {

/// How an installation ended, before the disk was looked at.
struct Outcome {
    enum class Kind {
        finished,     ///< marker seen and the guest powered itself off
        no_marker,    ///< it powered off without the marker
        no_poweroff,  ///< marker seen, but it did not power off in time
        question,     ///< it waits for a person
        failed,       ///< a phrase that means failure
        crashed,      ///< the domain ended in any other way
        no_boot,      ///< nothing on the console
        silent,       ///< no sign of life on any channel
        loop,         ///< it goes round in circles
        too_long,     ///< the total time has passed
    };
    Kind kind = Kind::failed;
    std::string message;           ///< one sentence: what is asked or broke, in which step, after how long
    std::string remedy{};          ///< what to do about it
    std::string answer{};          ///< line to add to the answers file; empty when no line helps
    std::string step{};            ///< installer step, "partman"
    bool transient = false;        ///< a second try from scratch may go well
    std::size_t post_command = 0;  ///< which of answers.post failed, from 1; 0: none of them
    std::chrono::milliseconds waited{0};  ///< between the question or error and this verdict

    bool worth_verifying() const { return kind == Kind::finished || kind == Kind::no_poweroff; }
};

std::string_view to_string(Outcome::Kind kind);

/// What the watcher gets to know. Bytes are fed as they come; statistics every few seconds; tick() at least
/// every second.
struct GuestStats {
    std::uint64_t written = 0;        ///< bytes written to the disk since start
    std::chrono::nanoseconds cpu{0};  ///< CPU time used since start
};

struct WatchOptions {
    std::string marker;   ///< "IMGFORGE-RESULT: success <nonce>"
    double slowness = 1;  ///< clocks are multiplied by this: 1 with acceleration, 8 without
    std::optional<std::chrono::seconds> total{};  ///< in place of the distribution's (not multiplied)
    std::optional<double> expected_seconds{};     ///< how long the last installation of this recipe took
    std::vector<std::string> asked{};  ///< packages the answers name: one of these missing is the end
};

/// Watches one installation: a function of what was seen and the clock, without any I/O, so that recorded
/// logs test it. The first verdict stands. Watchdogs: see UNATTENDED section 5 in the documentation.
class Watcher {
public:
    using Instant = Clock::Instant;
    Watcher(const templates::Distribution& row, WatchOptions options, Instant start);

    void console(std::string_view bytes, Instant now);
    void log(std::string_view bytes, Instant now);
    void stats(const GuestStats& stats, Instant now);
    /// The domain stopped: `by_itself` for a guest that powered off, else `how` says what libvirt reported.
    void ended(bool by_itself, const std::string& how, Instant now);
    void tick(Instant now);

    const std::optional<Outcome>& outcome() const { return outcome_; }
    const InstallProgress& progress() const { return progress_; }
    bool marker_seen() const { return marker_at_.has_value(); }
    /// The last lines of the console, the unterminated one included.
    std::vector<std::string> tail(std::size_t lines) const;
    /// The last lines of the installer's log without what the kernel said; empty where the installer sends
    /// none.
    std::vector<std::string> log_tail(std::size_t lines) const;

private:
    struct FailurePattern {
        const templates::FailureRule* rule = nullptr;
        std::regex pattern;
        std::optional<std::regex> unless{};
        std::optional<std::regex> then{};
    };
    struct StallPattern {
        const templates::StallRule* rule = nullptr;
        std::regex pattern;
    };
    struct Pending {
        const templates::FailureRule* rule = nullptr;
        std::string meaning;
        std::string answer;
        std::string step;
        Instant at;
        std::chrono::seconds grace{0};
        bool from_log = false;
        bool explains = false;             ///< no verdict by itself
        std::size_t post_command = 0;      ///< see Outcome
        const std::regex* then = nullptr;  ///< the reason is still to come in a later line
        /// How much it says: a later phrase that says more replaces it.
        int weight() const;
    };

    /// The rule of our own failure mark: no phrase or question after it says more.
    static const templates::FailureRule& closing_script();
    void console_line(const std::string& line, bool complete, Instant now);
    bool sign_of_life(const std::string& line) const;
    void note_reason(const std::string& line, bool from_log, Instant now);
    void look_for_failure(const std::string& line, bool from_log, Instant now);
    Pending pending(const templates::FailureRule& rule, const std::smatch& match, bool from_log,
                    Instant now) const;
    void check_question(Instant now);
    void decide_question(const std::string& prompt, Instant now);
    void check_marker(const std::string& line, bool complete, Instant now);
    /// `at_end`: the installer waits or has ended, so nothing that was found can still turn out harmless.
    void check_failure(Instant now, bool at_end);
    void check_silence(Instant now);
    bool check_stalls(std::chrono::nanoseconds quiet, Instant now);
    /// The last line of the console that is not blank, the unterminated one included.
    std::string last_line() const;
    std::string question_text() const;
    std::string where(Instant now) const;
    std::chrono::seconds scaled(std::chrono::seconds timeout) const;
    void decide(Outcome outcome);

    const templates::Distribution& row_;
    WatchOptions options_;
    Instant start_;
    ConsoleText console_;
    ConsoleText log_;
    InstallProgress progress_;
    std::vector<std::regex> prompts_;
    std::vector<std::regex> questions_;
    std::optional<std::regex> question_start_;
    std::vector<FailurePattern> failures_;
    std::vector<StallPattern> stalls_;
    std::optional<std::regex> idle_lines_;

    std::deque<std::string> lines_;      ///< recent console lines, for questions and the tail
    std::deque<std::string> log_lines_;  ///< recent lines of the installer's log
    std::size_t lines_seen_ = 0;         ///< complete console lines so far
    std::size_t title_line_ = 0;         ///< number of the line with the last stage title
    std::optional<Pending> pending_;
    std::optional<Instant> first_byte_;
    std::optional<Instant> marker_at_;
    Instant console_changed_;
    Instant life_seen_;       ///< any byte on any channel or a change of written bytes
    GuestStats quiet_stats_;  ///< as of life_seen_
    GuestStats last_stats_;
    std::optional<Outcome> outcome_;
};

}  // namespace imgforge::install
