// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/ready.hpp"

namespace imgforge::lifecycle {

/// How the root disk comes from the golden image.
enum class DiskMode {
    overlay,  ///< a thin layer; made in a millisecond
    copy,     ///< independent of the image; by reflink where the file system can
    thick,    ///< a copy with all of its space allocated
};

/// What `imgforge spawn` was asked for.
struct SpawnOptions {
    std::string image;   ///< NAME or NAME@GENERATION
    std::string name{};  ///< or a pattern with {n}; empty: IMAGE-{n}
    std::size_t count = 1;
    std::string size{};  ///< empty: the default size
    std::optional<ByteSize> memory{};
    std::optional<unsigned> vcpus{};
    std::optional<ByteSize> disk{};      ///< grow the root disk to this
    std::vector<ByteSize> data_disks{};  ///< more empty disks
    std::vector<SharedFolder> shares{};
    std::vector<NetworkSpec> networks{};                 ///< one NIC each; empty: the default network
    std::vector<std::filesystem::path> ssh_key_files{};  ///< in addition to the caller's own public keys
    std::optional<std::filesystem::path> user_data{};
    std::optional<std::filesystem::path> network_config{};
    std::string user{};  ///< login; empty: the distribution's cloud user
    DiskMode mode = DiskMode::overlay;
    Firmware firmware = Firmware::bios;
    bool tpm = false;
    std::string cpu{};
    bool ephemeral = false;
    bool autostart = false;
    bool warm =
        false;  ///< go on from the memory of a template that has booted, made once per generation and size
    bool start = true;        ///< false: define only (then nothing is waited for)
    bool overcommit = false;  ///< do not compare memory with what the host has left
    std::string host{};  ///< key under `hosts:` of the settings; "any": those of them that have room, in turn
    std::string storage{};  ///< root disk as a clone in this Ceph pool: a target's name or "rbd:POOL…"
    std::string lazy{};     ///< start before the image is here: the target to read it from
    Wait wait = Wait::ssh;
    std::optional<std::chrono::milliseconds> timeout{};  ///< empty: 5 minutes with KVM, 15 without
    std::string comment{};
    bool rollback = false;   ///< all machines of a spawn that fails are removed again
    std::string hostname{};  ///< of the guest, with its domain; empty: the machine's name
    std::optional<std::filesystem::path> vendor_data{};
    std::optional<std::string> user_data_text{};  ///< user-data not from a file (spool, lab)
    std::optional<std::string> vendor_data_text{};
    std::vector<PublishedPort> published{};
    std::optional<std::chrono::seconds> ttl{};  ///< destroyed after this time
    bool protect = false;
    std::string graphics{};
    std::vector<std::string> xml{};  ///< changes of the domain's XML
    std::string spool{};
    std::string lab{};
    std::string lab_digest{};
};

/// Throws the first error of the options that shows without an image: names, size, the user's files. For a
/// caller that has to fetch the image first.
void check_spawn(Lifecycle& lifecycle, const SpawnOptions& options);

/// Makes the machines together: names, MACs and instance-ids are reserved first, then disk, seed and domain
/// are made, and the named signal is awaited. When something fails, those without a domain yet are removed;
/// the others stay and are marked (MachineRecord::not_ready), unless `rollback`; the error carries the end of
/// the console. An interrupt before all are started removes them.
std::vector<MachineView> spawn(Lifecycle& lifecycle, const SpawnOptions& options);

}  // namespace imgforge::lifecycle
