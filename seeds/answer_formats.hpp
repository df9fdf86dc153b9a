// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"
#include "seeds/answers.hpp"

// One file per format implements these; answers.cpp chooses.
namespace imgforge::seeds {

std::string preseed_text(const Answers& answers, const AnswerFacts& facts);
/// Starts the copy of the installer's log on the second serial port, and eatmydata; empty when neither is
/// wanted.
std::string preseed_early_command(const Answers& answers, const AnswerFacts& facts);
/// Gives a system that was installed from the disc alone the package sources of its facts, when nothing
/// else did: without one no later stage and no user could install a package. Runs in the target before the
/// user's own lines; empty where the answers name a mirror or the sources are not known.
std::string preseed_sources_script(const Answers& answers, const AnswerFacts& facts);
AnswerFiles preseed_files(const std::string& text, const std::string& post, const AnswerFacts& facts);
std::string preseed_with_marker(const std::string& text, const AnswerFacts& facts);
std::vector<std::string> preseed_packages(const std::string& text);
Diagnostics check_preseed(std::string_view text, const std::string& file);

std::string kickstart_text(const Answers& answers, const AnswerFacts& facts);
AnswerFiles kickstart_files(const std::string& text);
std::string kickstart_with_marker(const std::string& text, const AnswerFacts& facts);
Diagnostics check_kickstart(std::string_view text, const std::string& file, const AnswerFacts& facts);

std::string autoinstall_text(const Answers& answers, const AnswerFacts& facts);
AnswerFiles autoinstall_files(const std::string& text);
std::string autoinstall_with_marker(const std::string& text, const AnswerFacts& facts);
Diagnostics check_autoinstall(std::string_view text, const std::string& file);

std::string autoyast_text(const Answers& answers, const AnswerFacts& facts);
AnswerFiles autoyast_files(const std::string& text);
std::string autoyast_with_marker(const std::string& text, const AnswerFacts& facts);
Diagnostics check_autoyast(std::string_view text, const std::string& file);

std::string agama_text(const Answers& answers, const AnswerFacts& facts);
AnswerFiles agama_files(const std::string& text);
std::string agama_with_marker(const std::string& text, const AnswerFacts& facts);
Diagnostics check_agama(std::string_view text, const std::string& file);

std::string alpine_text(const Answers& answers, const AnswerFacts& facts);
AnswerFiles alpine_files(const std::string& text, const Answers& answers, const AnswerFacts& facts);
Diagnostics check_alpine(std::string_view text, const std::string& file);

}  // namespace imgforge::seeds
