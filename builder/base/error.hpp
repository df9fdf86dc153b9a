// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imgforge {

/// What kind of thing went wrong; decides the exit code (see exit_code()) and the `kind` field of an error
/// record.
enum class Failure {
    usage,      ///< the command line
    recipe,     ///< a recipe, answer file, seed input or other input the user wrote
    host,       ///< a prerequisite of this host is missing: a program, a daemon, space, a permission
    tool,       ///< an external program or library failed
    guest,      ///< something inside a guest failed: a package, a script, an installer
    domain,     ///< libvirt or QEMU refused or lost a domain, or a name is taken
    integrity,  ///< a checksum, signature, audit or verification failed
    timeout,    ///< a deadline passed; the message says what was last seen
};

/// The word used in error records: "usage", "recipe", …
std::string_view to_string(Failure kind);

/// The one error of imgforge. The message says what failed, with the value; the hint says what to do about
/// it; context lines, innermost first, say where (stage, recipe line, file).
class Error : public std::exception {
public:
    Error(Failure kind, std::string message, std::string hint = {});

    const char* what() const noexcept override { return message_.c_str(); }
    Failure kind() const noexcept { return kind_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& hint() const noexcept { return hint_; }
    const std::vector<std::string>& context() const noexcept { return context_; }

    /// Adds one line of context, from the inside out. Called by in_context().
    void add_context(std::string line) { context_.push_back(std::move(line)); }

    /// The message, the context lines and the hint as the terminal shows them, one per line, no trailing
    /// newline.
    std::string describe() const;

private:
    Failure kind_;
    std::string message_;
    std::string hint_;
    std::vector<std::string> context_;
};

/// Ctrl-C or SIGTERM. Deliberately not an Error: `catch (const Error&)` must never swallow it.
class Interrupted : public std::exception {
public:
    const char* what() const noexcept override { return "interrupted"; }
};

/// Process exit codes of the contract.
enum class ExitCode : int {
    ok = 0,
    failed = 1,
    usage = 2,
    recipe_invalid = 3,
    host_prerequisite = 4,
    verification_failed = 5,
    interrupted = 130,
};

/// The exit code that belongs to a kind of failure.
ExitCode exit_code(Failure kind);

/// A library's exception as an Error: those of std::filesystem by their errno (see system_error()), no memory
/// as Failure::host, those of registered translators, everything else as Failure::tool.
Error as_error(const std::exception& fault);

/// Teaches as_error() the exceptions of one library; nothing: not mine. For code that is not linked into
/// every program. Registering twice is harmless; thread-safe.
using ErrorTranslator = std::optional<Error> (*)(const std::exception&);
void register_error_translator(ErrorTranslator translator);

/// Runs `body`; what leaves it is an Error or Interrupted.
template <class Body>
decltype(auto) translated(Body&& body) {
    try {
        return std::forward<Body>(body)();
    } catch (const Error&) {
        throw;
    } catch (const Interrupted&) {
        throw;
    } catch (const std::exception& fault) {
        throw as_error(fault);
    }
}

/// Runs `body`; an Error that leaves it gets the line `describe()` as context and keeps its dynamic type.
template <class Describe, class Body>
decltype(auto) in_context(Describe&& describe, Body&& body) {
    try {
        return translated(std::forward<Body>(body));
    } catch (Error& error) {
        error.add_context(std::forward<Describe>(describe)());
        throw;
    }
}

/// Text of an errno value, never the bare number ("No space left on device").
std::string errno_text(int code);

/// An Error for a failed system call on a path: "cannot open /x: Permission denied". ENOSPC, EACCES and EPERM
/// become Failure::host with a hint, everything else Failure::tool.
Error system_error(std::string_view action, std::string_view subject, int code);

}  // namespace imgforge
