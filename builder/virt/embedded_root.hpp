// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace imgforge::virt {

/// The DIR of "qemu:///embed?root=DIR" (percent-decoded); nothing for other URIs.
std::optional<std::filesystem::path> embedded_root(const std::string& uri);

/// A path to `root` short enough that every UNIX socket libvirt makes below it fits into sockaddr_un: `root`
/// itself, or a link named by the root's digest in the runtime directory (/run/imgforge as root, else
/// $XDG_RUNTIME_DIR/imgforge, else a private directory in /tmp). The same root always gives the same link,
/// also after a reboot of the host.
std::filesystem::path short_root(const std::filesystem::path& root);

/// Makes the directory ready for libvirt: created, qemu.conf written when missing (QEMU runs as the caller,
/// no relabelling of files, no cgroups, no virtlogd), shared capabilities copied in.
void prepare_root(const std::filesystem::path& root, const std::filesystem::path& capabilities);

/// Copies capabilities that libvirt probed in `root` to the shared directory.
void share_capabilities(const std::filesystem::path& root, const std::filesystem::path& capabilities);

/// The QEMU of domain `name` in an embedded root, by its pid file, when its command line has `mark` in it
/// (its UUID, or "guest=NAME,"): a pid file may be older than the last boot.
std::optional<pid_t> embedded_qemu(const std::filesystem::path& root, const std::string& name,
                                   const std::string& mark);

/// How long a domain may still be unknown after opening: some seconds when the root holds running machines,
/// else nothing.
std::chrono::milliseconds settle_time(const std::filesystem::path& root);

}  // namespace imgforge::virt
