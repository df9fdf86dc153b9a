// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/install_progress.hpp"

#include <algorithm>
#include <cstdlib>

#include "builder/install/pattern.hpp"

namespace imgforge::install {

namespace {

/// Share from the last match in a line: $1 percent, or $1 of $2.
std::optional<double> share_in(const std::regex& pattern, const std::string& line) {
    std::optional<double> share;
    for (std::sregex_iterator it(line.begin(), line.end(), pattern), end; it != end; ++it) {
        const double first = it->size() > 1 ? std::atof((*it)[1].str().c_str()) : 0;
        const double whole = it->size() > 2 && (*it)[2].matched ? std::atof((*it)[2].str().c_str()) : 100;
        if (whole > 0) {
            share = std::clamp(first / whole, 0.0, 1.0);
        }
    }
    return share;
}

}  // namespace

InstallProgress::InstallProgress(const templates::Distribution& row) : row_(row) {
    double total = 0;
    for (const auto& stage : row.stages) {
        total += stage.weight;
    }
    double before = 0;
    for (const auto& stage : row.stages) {
        stages_.push_back(
            {.pattern = compiled_if_any(stage.pattern),
             .log_pattern = compiled_if_any(stage.log_pattern),
             .progress = compiled_if_any(stage.progress.empty() ? row.progress : stage.progress),
             .before = before / total,
             .share = stage.weight / total});
        before += stage.weight;
    }
}

std::optional<std::size_t> InstallProgress::find(const std::string& line, bool from_log) const {
    for (std::size_t i = 0; i < stages_.size(); ++i) {
        const auto& pattern = from_log ? stages_[i].log_pattern : stages_[i].pattern;
        if (pattern && std::regex_search(line, *pattern)) {
            return i;
        }
    }
    return std::nullopt;
}

void InstallProgress::enter(std::size_t stage) {
    if (current_ && stage < *current_) {
        ++stages_[stage].returns;
    }
    current_ = stage;
    fraction_ = std::max(fraction_, stages_[stage].before);
}

bool InstallProgress::note_console(const std::string& line, bool complete) {
    // The title of a stage stays on the growing line while the log may already have reported the next stage:
    // a line counts once.
    const auto stage = find(line, false);
    const bool first_time = stage && stage != of_line_;
    if (first_time) {
        enter(*stage);
    }
    of_line_ = complete ? std::nullopt : stage;
    if (stage == current_) {
        advance(line);
    }
    return first_time;
}

bool InstallProgress::note_log(const std::string& line) {
    const auto stage = find(line, true);
    if (stage) {
        enter(*stage);
    }
    return stage.has_value();
}

void InstallProgress::advance(const std::string& line) {
    if (!current_ || !stages_[*current_].progress) {
        return;
    }
    const Stage& stage = stages_[*current_];
    if (const auto share = share_in(*stage.progress, line)) {
        fraction_ = std::max(fraction_, stage.before + stage.share * *share);
    }
}

void InstallProgress::finish() {
    fraction_ = 1;
}

std::string InstallProgress::title() const {
    return current_ ? row_.stages[*current_].title : std::string();
}

std::string InstallProgress::step() const {
    return current_ ? row_.stages[*current_].name : std::string();
}

int InstallProgress::returns() const {
    return current_ ? stages_[*current_].returns : 0;
}

std::optional<double> InstallProgress::remaining(double elapsed, std::optional<double> expected) const {
    if (expected && *expected > 0) {
        return *expected * (1 - fraction_);
    }
    if (fraction_ < 0.1) {
        return std::nullopt;
    }
    return elapsed * (1 - fraction_) / fraction_;
}

}  // namespace imgforge::install
