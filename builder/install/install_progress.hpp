// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "templates/distribution.hpp"

namespace imgforge::install {

/// How far an installation is: weights of the stages passed plus the installer's own percentage within the
/// current one.
class InstallProgress {
public:
    explicit InstallProgress(const templates::Distribution& row);

    /// Looks at a console line, again each time it has grown, or at a log line (always complete). True when a
    /// stage's title stands in it for the first time.
    bool note_console(const std::string& line, bool complete);
    bool note_log(const std::string& line);
    void finish();

    /// 0…1, never goes back.
    double fraction() const { return fraction_; }
    /// Of the current stage: "Installing the base system"; empty before the first.
    std::string title() const;
    std::string step() const;
    /// How often the installer has gone back to the current stage from a later one.
    int returns() const;
    /// Seconds left; `expected` is what the last run took. Nothing while too little is known.
    std::optional<double> remaining(double elapsed, std::optional<double> expected) const;

private:
    struct Stage {
        std::optional<std::regex> pattern;
        std::optional<std::regex> log_pattern;
        std::optional<std::regex> progress;
        double before = 0;  ///< share of the whole that lies before it
        double share = 0;
        int returns = 0;
    };
    std::optional<std::size_t> find(const std::string& line, bool from_log) const;
    void enter(std::size_t stage);
    void advance(const std::string& line);

    const templates::Distribution& row_;
    std::vector<Stage> stages_;
    std::optional<std::size_t> current_;
    std::optional<std::size_t>
        of_line_;  ///< stage whose title stands in the console line that is still growing
    double fraction_ = 0;
};

}  // namespace imgforge::install
