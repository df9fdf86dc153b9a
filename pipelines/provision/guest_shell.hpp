// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "builder/base/process.hpp"
#include "pipelines/lifecycle/ssh_access.hpp"

namespace imgforge::provision {

/// Runs scripts in a guest over SSH, as root: the login itself, else by `sudo -n`. What is run goes over
/// stdin into a file in the guest's memory (/run), so neither the host's process list, nor sudo's log, nor
/// the guest's disk ever has it.
class GuestShell {
public:
    /// `processes` must outlive it.
    GuestShell(ProcessRunner& processes, lifecycle::SshTarget target);

    const lifecycle::SshTarget& target() const { return target_; }

    /// How the script ended; exit code 255 is SSH's own: the connection could not be made or was lost.
    ProcessResult run(const std::string& script, std::chrono::milliseconds timeout,
                      const LineSink& on_line = {}) const;

    /// Unpacks a tar archive over the guest's root directory, with the owners and modes in it.
    ProcessResult unpack(const std::string& archive, std::chrono::milliseconds timeout) const;

    /// The kernel's boot identifier; empty until a login succeeds; `seen` then says what came instead.
    std::string boot_id(std::string& seen) const;

private:
    ProcessResult as_root(const std::string& inner, std::string input, std::chrono::milliseconds timeout,
                          const LineSink& on_line) const;
    ProcessRunner* processes_;
    lifecycle::SshTarget target_;
};

/// The remote command that runs the script on its stdin as root and leaves nothing behind. Pure.
std::string step_command();

/// A host file or directory as a tar archive with `guest_path` (absolute) as its name; owner root, modes and
/// links kept. Throws Failure::recipe for what is larger than 1 GiB or no file, directory or link.
std::string archive_of(const std::filesystem::path& host, const std::string& guest_path);

}  // namespace imgforge::provision
