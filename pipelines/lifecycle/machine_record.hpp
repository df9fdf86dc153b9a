// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/firmware.hpp"
#include "builder/base/json.hpp"
#include "builder/base/processor_level.hpp"
#include "pipelines/lifecycle/network_spec.hpp"

namespace imgforge::lifecycle {

/// What imgforge knows of the record itself; whether the machine runs is asked of libvirt, never stored.
enum class RecordState {
    spawning,   ///< reserved, something of it may exist; only valid while the process that makes it lives
    ready,      ///< defined
    destroyed,  ///< disks and domain are gone; name and MACs stay taken until `cleanup`
};

std::string_view to_string(RecordState state);

/// One NIC: where it is attached, with a MAC that is its own for ever.
struct Nic {
    NetworkSpec network;  ///< `mac` is set
};

/// A disk in addition to the root disk.
struct DataDisk {
    std::filesystem::path path;
    std::string format = "qcow2";
    ByteSize size;
};

/// A host directory the guest may mount under `tag`.
struct SharedFolder {
    std::filesystem::path path;
    std::string tag;
    bool read_only = false;
    bool virtiofs =
        false;  ///< served by virtiofsd, with memory the guest shares; else 9p, served by QEMU itself
};

/// A port of the guest that programs of this host (or, with another address than 127.0.0.1, of others) reach.
struct PublishedPort {
    std::string address = "127.0.0.1";
    std::uint16_t host_port = 0;
    std::uint16_t guest_port = 0;
    std::string protocol = "tcp";  ///< "tcp" or "udp"
    bool operator==(const PublishedPort&) const = default;
    /// "127.0.0.1:8080->80/tcp".
    std::string text() const;
};

/// Where a root disk in a Ceph cluster is; MachineRecord::disk is "rbd:POOL/IMAGE" then.
struct CephRoot {
    std::string pool;      ///< as parse_pool_name() reads it, with configuration file and user
    std::string secret{};  ///< usage name of libvirt's secret with the user's key; empty: no login
};

/// A root disk whose golden image is not here yet: what was not read so far comes from a web server, through
/// an nbdkit of this machine's own.
struct LazyRoot {
    std::string source;              ///< the target it is pulled from, as the user named it
    std::string url;                 ///< of the whole disk
    int generation = 0;              ///< its number at the source
    std::filesystem::path socket{};  ///< the nbdkit's
    int pid = 0;                     ///< the nbdkit; 0: not started yet
};

/// One machine: instances/NAME/instance.json, and the same text in state.db. Holds no secret.
struct MachineRecord {
    std::string name;
    RecordState state = RecordState::spawning;
    std::string image;
    int generation = 0;
    std::string uuid;             ///< of the domain
    std::string instance_id;      ///< cloud-init's
    std::string generation_id{};  ///< UUID of the vmgenid device; new whenever the guest starts from a copied
                                  ///< state (respawn)
    std::string connection;  ///< libvirt URI; "qemu:///embed" means a root of its own under instances/NAME
    std::string host{};      ///< key under `hosts:` in the settings; empty: by --connect or this host
    std::string pool{};  ///< libvirt storage pool that holds the disks on a remote host; empty: local files
    std::vector<Nic> nics{};
    std::optional<std::uint16_t> ssh_port{};  ///< loopback port that leads to the guest's port 22
    std::string user;                         ///< cloud user to log in as
    std::filesystem::path disk;
    std::string disk_format = "qcow2";
    std::vector<std::filesystem::path> backing{};  ///< chain under the disk, top first; empty: standalone
    std::optional<CephRoot> ceph{};                ///< nothing: the disk is a file or a volume
    std::optional<LazyRoot> lazy{};                ///< nothing: all of the disk is here
    std::filesystem::path seed{};
    std::vector<DataDisk> data_disks{};
    std::vector<SharedFolder> shares{};
    ByteSize memory;
    unsigned vcpus = 1;
    Firmware firmware = Firmware::bios;
    bool tpm = false;
    std::string cpu{};  ///< libvirt CPU model or mode; empty: the best the acceleration offers
    std::optional<ProcessorLevel> processor{};  ///< that the guest is compiled for; nothing: unknown
    int hardware =
        0;  ///< which devices and clock a definition from the record has; 0: before there were numbers
    std::string size{};              ///< name of the size it was asked for with
    std::string os_id{};             ///< libosinfo's
    std::string graphics{};          ///< "vnc" or empty
    std::vector<std::string> xml{};  ///< the user's changes of the domain's XML, "XPATH=VALUE"
    std::string hostname{};          ///< of the guest, maybe with its domain; empty: the name
    std::vector<PublishedPort> published{};
    bool protect = false;      ///< destroy refuses
    std::int64_t expires = 0;  ///< seconds since 1970, then it is destroyed; 0: never
    std::string not_ready{};   ///< why the command that made it gave up waiting; empty: it was ready
    std::string spool{};       ///< spool directory through which it was made
    std::string lab{};         ///< lab it belongs to
    std::string lab_digest{};  ///< of what the lab's file said when it was made
    bool autostart = false;
    bool ephemeral = false;
    bool warm =
        false;  ///< it went on from a memory image: its devices keep the addresses they were plugged in at
    std::string comment{};
    std::vector<std::string> host_keys{};  ///< public host keys, "ssh-ed25519 AAAA…"
    std::int64_t created = 0;
    std::int64_t destroyed = 0;  ///< seconds since 1970; 0: it lives
    double seconds = 0;          ///< what the spawn took

    bool is_embedded() const;
    /// Its disks are volumes of another host's pool, or the URI names a host.
    bool is_remote() const;
};

Json to_json(const MachineRecord& record);
/// {address, host_port, guest_port, protocol}.
Json to_json(const PublishedPort& port);
/// Throws Failure::integrity naming `source` and the field.
MachineRecord machine_record(const Json& json, std::string_view source);

}  // namespace imgforge::lifecycle
