// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// What the watcher reads out of console text, for its sentences.
namespace imgforge::install {

/// What generated answers say on the console when their closing script fails (seeds/: the EXIT trap,
/// error-commands, %onerror).
inline constexpr std::string_view failed_marker = "IMGFORGE-RESULT: failed";

/// std::regex recurses once per character on some patterns: what it gets must be short.
inline constexpr std::size_t longest_searched = 6000;

bool is_blank(std::string_view line);

/// The line of `text` in which position `at` lies.
std::string line_at(const std::string& text, std::size_t at);

/// What follows the failure mark in `line`: ": post command 2 of 3, exit code 1"; nothing when it only points
/// at a log.
std::string marked_detail(const std::string& line);

/// The number of the post command that the same text names, from 1; 0 when it names none.
std::size_t marked_post_command(const std::string& line);

/// Text of the console in one line: the text frontend breaks long ones.
std::string unbroken(const std::string& text);

/// What an unknown question says: the error of its dialog with the sentence below, else its last line that
/// ends like a question, else the last line of text before the prompt; buttons, choices and rules do not
/// count.
std::string unknown_question(const std::vector<std::string>& lines, const std::string& prompt);

}  // namespace imgforge::install
