// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "seeds/answers.hpp"

namespace imgforge::seeds {

/// The shell script (for `sh -e`, as root inside the installed system) that makes the users, their keys and
/// sudo rights and then runs the `post` lines. One script for all families, so that they do not differ. Each
/// line of `post` announces itself. Empty when there is nothing to do.
std::string target_script(const Answers& answers);

/// A shell command that says on the console that the closing script failed: at which of its parts when
/// target_script() got so far, else which `log` to look into. `root` is where the installed system is
/// mounted. Has no single quotes in it.
std::string failure_report(const AnswerFacts& facts, const std::string& root, std::string_view log);

/// Shell text, run by the installer, that writes the completion marker into `root` ("/target") and, last, on
/// the console.
std::string marker_script(const AnswerFacts& facts, const std::string& root);

/// Host name for the installed system: what is asked for, else "localhost".
std::string host_name(const Answers& answers);
/// With the domain, when one is given.
std::string full_name(const Answers& answers);

/// Offline as asked for, else as the medium allows.
bool is_offline(const Answers& answers, const AnswerFacts& facts);

/// The disk to install on.
std::string install_disk(const Answers& answers, const AnswerFacts& facts);

/// The facts are of that release: "20.04" is for 20.04 and 20.04.6, "8" for 8 and 8.10.
bool is_release(const AnswerFacts& facts, std::string_view release);

}  // namespace imgforge::seeds
