// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipelines/provision/steps.hpp"

namespace imgforge::provision {

/// Gives the value of a secret of the recipe; throws for one that does not exist.
using SecretSource = std::function<std::string(const std::string& name)>;

/// A POSIX shell script for the step's lines: variables exported, then each line by a shell of its own. A
/// `${secrets.NAME}` in a line becomes a shell variable, so that a value with quotes or a dollar sign is one
/// word and no command is made of it. The first line that fails ends it with the line's exit code, and the
/// last line on stderr is failed_line_mark and its number.
std::string run_script(const RunStep& step, const Variables& env, const SecretSource& secret);

/// The same for a script file of the host, whose `content` goes along and is started with `args` by the
/// interpreter in its first line ("#!/usr/bin/env python3"), else by sh.
std::string script_script(const ScriptStep& step, std::string_view content, const Variables& env,
                          const SecretSource& secret);

/// Succeeds when what is waited for is there.
std::string wait_script(const WaitStep& step, const Variables& env, const SecretSource& secret);

inline constexpr std::string_view failed_line_mark = "imgforge-failed-line ";

/// Number (from 1) of the line that failed, when `line` is the mark of run_script().
std::optional<std::size_t> failed_line(std::string_view line);

/// A tree with every `${secrets.NAME}` in its texts filled in.
Json with_secrets_in(const Json& value, const SecretSource& secret);

/// A shell line that succeeds when somebody listens on the TCP port of the guest (Linux /proc/net/tcp).
std::string listens_line(unsigned port);

/// A shell line that succeeds when the service is active: systemd, else OpenRC.
std::string active_line(const std::string& service);

}  // namespace imgforge::provision
