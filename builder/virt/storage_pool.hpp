// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/virt/connection.hpp"

namespace imgforge::virt {

/// Progress of a transfer: bytes done, bytes in all.
using TransferProgress = std::function<void(std::uint64_t, std::uint64_t)>;

/// A new volume.
struct VolumeSpec {
    std::string name;
    std::string format = "raw";
    std::uint64_t capacity = 0;       ///< bytes
    std::filesystem::path backing{};  ///< a qcow2 on that host; empty: none
};

/// A volume as libvirt describes it.
struct VolumeInfo {
    std::string name;
    std::filesystem::path path;     ///< on the pool's host
    std::filesystem::path backing;  ///< the file that it is an overlay of; empty: none
};

/// The pool that volumes of ours are kept in: `wanted`, else "imgforge" when it exists, else "default".
/// Throws Failure::host with the virsh commands that make one.
std::string choose_pool(const Connection& connection, const std::string& wanted);

/// A storage pool of a connection, started when it was not. The connection stays borrowed. Not for the
/// embedded driver, which has no pools (Failure::domain).
class StoragePool {
public:
    /// Opens it and looks at what is there now. Throws VirtError when there is none of that name.
    StoragePool(const Connection& connection, std::string name);

    const std::string& name() const { return name_; }
    const Connection& connection() const { return *connection_; }

    std::vector<std::string> names() const;
    std::vector<VolumeInfo> volumes() const;
    std::optional<VolumeInfo> find(const std::string& volume) const;
    /// Returns its path on that host.
    std::filesystem::path create(const VolumeSpec& spec) const;
    /// Missing is fine.
    void remove(const std::string& volume) const;

    /// Writes the file's bytes into the volume, which is there and large enough.
    void upload(const std::string& volume, const std::filesystem::path& file,
                const TransferProgress& progress = {}) const;
    /// SHA-256 of `length` bytes of the volume from `offset`, which travel here for it.
    std::string digest(const std::string& volume, std::uint64_t offset, std::uint64_t length) const;

private:
    const Connection* connection_;
    std::string name_;
};

/// How it is known that a volume has the bytes that were sent.
enum class VolumeCheck {
    existed,  ///< it was complete before and was not sent
    digest,   ///< SHA-256 of the file that the daemon wrote, on this host
    samples,  ///< another host: the transport is trusted (TLS, SSH), the length and 16 pieces of 1 MiB were
              ///< compared
};
std::string_view to_string(VolumeCheck check);

struct ProvidedVolume {
    std::filesystem::path path;  ///< on the pool's host
    VolumeCheck check = VolumeCheck::existed;
    std::uint64_t bytes = 0;  ///< sent
};

/// Name of the volume that says that the volume beside it came whole.
std::string verified_mark(const std::string& volume);

/// A file as a volume of that name: there and complete, or not there. Its verified_mark() is made last, so
/// that it is sent once; an upload that was cut off is made anew. `file` is asked for only when it has to be
/// sent. Throws Failure::integrity when what arrived differs.
ProvidedVolume provide_volume(const StoragePool& pool, const std::string& volume,
                              const std::function<std::filesystem::path()>& file,
                              const TransferProgress& progress = {});
/// The volume with its mark.
void remove_provided(const StoragePool& pool, const std::string& volume);

}  // namespace imgforge::virt
