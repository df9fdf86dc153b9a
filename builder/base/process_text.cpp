// SPDX-License-Identifier: GPL-3.0-or-later
// What is said of a process: its command line, its error, where its program is.
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/process.hpp"
#include "builder/base/redact.hpp"

namespace imgforge {
namespace {

std::string last_lines(const std::string& text, std::size_t count) {
    std::size_t start = text.size();
    while (start > 0 && text[start - 1] == '\n') {
        --start;
    }
    const std::size_t end = start;
    for (std::size_t lines = 0; start > 0; --start) {
        if (text[start - 1] == '\n' && ++lines == count) {
            break;
        }
    }
    return text.substr(start, end - start);
}

/// Debian packages of the programs we call; the error for a missing one names its package.
std::string package_hint(const std::string& program) {
    static const std::map<std::string, std::string, std::less<>> packages = {
        {"qemu-img", "qemu-utils"},
        {"qemu-storage-daemon", "qemu-system-common"},
        {"qemu-system-x86_64", "qemu-system-x86"},
        {"xorriso", "xorriso"},
        {"gpgv", "gpgv"},
        {"ssh", "openssh-client"},
        {"ssh-keygen", "openssh-client"},
        {"apt-get", "apt"},
        {"mformat", "mtools"},
        {"mkfs.vfat", "dosfstools"},
        {"virt-xml-validate", "libvirt-clients"},
        {"cloud-init", "cloud-init"},
        {"dpkg-deb", "dpkg"},
        {"depmod", "kmod"}};
    const auto found = packages.find(std::filesystem::path(program).filename().string());
    return found == packages.end() ? fmt::format("install the package that has {}", program)
                                   : fmt::format("apt-get install {}", found->second);
}

/// With the secrets of `spec` and what looks like one as ***.
std::string masked(const ProcessSpec& spec, std::string text) {
    for (const std::string& secret : spec.redact) {
        for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;) {
            text.replace(at, secret.size(), "***");
        }
    }
    return redact(text);
}

/// Programs have no exit code for it: strerror(3) of ENOSPC, and what qemu-img makes of it in the qcow2
/// header.
bool says_disk_is_full(const std::string& output) {
    return output.find("No space left on device") != std::string::npos ||
           output.find("No space left in the file header") != std::string::npos;
}

constexpr const char* full_disk_hint =
    "free some space there (`imgforge cleanup`, `imgforge images gc`) and run the same command again";

}  // namespace

std::string shell_quote(std::string_view word) {
    const bool safe = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || std::strchr("%+,-./:=@_", c) != nullptr;
    });
    if (safe) {
        return std::string(word);
    }
    std::string quoted = "'";
    for (const char c : word) {
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return quoted + "'";
}

std::string paste_line(const ProcessSpec& spec) {
    std::string line = shell_quote(spec.program);
    for (const std::string& arg : spec.args) {
        line += " " + shell_quote(arg);
    }
    return masked(spec, std::move(line));
}

Error process_error(const ProcessSpec& spec, const ProcessResult& result) {
    const std::string tail = masked(spec, last_lines(result.err.empty() ? result.out : result.err, 20));
    const std::string because = tail.empty() ? "" : ": " + tail;
    Error error = [&] {
        switch (result.outcome) {
            case ProcessResult::Outcome::not_found:
                return Error(Failure::host,
                             fmt::format("the program {} cannot be started{}", spec.program,
                                         because.empty() ? ": not found" : because),
                             package_hint(spec.program));
            case ProcessResult::Outcome::timed_out:
                return Error(Failure::timeout,
                             fmt::format("{} did not end within {} and was stopped{}", spec.program,
                                         duration_text(spec.timeout), because));
            case ProcessResult::Outcome::signalled:
                return Error(Failure::tool, fmt::format("{} was ended by signal {} ({}){}", spec.program,
                                                        result.code, ::strsignal(result.code), because));
            default:
                return Error(says_disk_is_full(tail) ? Failure::host : Failure::tool,
                             fmt::format("{} ended with exit code {}{}", spec.program, result.code, because),
                             says_disk_is_full(tail) ? full_disk_hint : "");
        }
    }();
    error.add_context("command: " + paste_line(spec));
    return error;
}

ProcessResult run_checked(ProcessRunner& runner, const ProcessSpec& spec, const LineSink& on_line) {
    ProcessResult result = runner.run(spec, on_line);
    if (!result.ok()) {
        throw process_error(spec, result);
    }
    return result;
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
    const char* const path = std::getenv("PATH");
    std::string folders = fmt::format("{}:/usr/sbin:/sbin", path != nullptr ? path : "/usr/bin:/bin");
    std::size_t begin = 0;
    while (begin <= folders.size()) {
        const std::size_t end = std::min(folders.find(':', begin), folders.size());
        const std::filesystem::path candidate =
            std::filesystem::path(folders.substr(begin, end - begin)) / name;
        std::error_code code;
        if (end > begin && ::access(candidate.c_str(), X_OK) == 0 &&
            std::filesystem::is_regular_file(candidate, code)) {
            return candidate;
        }
        begin = end + 1;
    }
    return std::nullopt;
}

}  // namespace imgforge
