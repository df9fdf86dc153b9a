// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"
#include "builder/virt/domain_reason.hpp"
#include "builder/virt/transport.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

enum class DomainState { unknown, running, blocked, paused, shutting_down, shut_off, crashed, suspended };

/// "running", "shut off" … as virsh prints them.
std::string_view to_string(DomainState state);
/// From libvirt's virDomainState.
DomainState domain_state(int libvirt_number);

/// State and why: "shut off (destroyed)".
struct DomainStatus {
    DomainState state = DomainState::unknown;
    DomainReason reason = DomainReason::unknown;
    bool active() const {
        return state != DomainState::shut_off && state != DomainState::crashed &&
               state != DomainState::unknown;
    }
    std::string text() const;
};

struct BlockStats {
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bytes = 0;
};

struct BlockJob {
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    bool running = false;
};

struct InterfaceAddress {
    std::string mac;
    std::string address;  ///< IPv4 or IPv6 without prefix length
};

/// One of libvirt's snapshots of a domain.
struct SnapshotInfo {
    std::string name;
    std::string description{};
    std::string parent{};      ///< empty: none
    std::int64_t created = 0;  ///< seconds since 1970
    std::string state{};       ///< of the domain when it was taken: "running", "shutoff", "disk-snapshot"
    bool current = false;
    bool memory = false;    ///< holds the memory of the running machine
    bool external = false;  ///< its disk state is a file of its own, on which the domain's disk stands
};

/// What a change of a domain concerns: the running machine, its definition, or both.
struct Affects {
    bool live = false;
    bool config = false;
};

enum class AddressSource { lease, agent, arp };

/// One libvirt domain by UUID. A value: copying it is cheap, and it keeps its connection open. Every call may
/// throw VirtError; a domain that has gone is VirtCause::no_domain.
class Domain {
public:
    Domain(std::shared_ptr<Transport> transport, std::string name, std::string uuid);

    const std::string& name() const { return name_; }
    const std::string& uuid() const { return uuid_; }

    void start() const;
    /// Asks the guest (ACPI, or its agent); returns at once.
    void shutdown(bool through_agent = false) const;
    void reboot() const;
    void suspend() const;
    void resume() const;
    /// Out of the sleep the guest asked for (S3).
    void wakeup() const;
    /// Pulls the plug. Missing or stopped is fine.
    void destroy() const;
    /// Forgets the definition with its NVRAM, saved state and snapshots' metadata. Missing is fine.
    void undefine() const;
    void set_autostart(bool on) const;
    bool autostart() const;

    /// Nothing when the domain does not exist (any more). VirtCause::timeout when libvirt does not answer by
    /// `deadline`.
    std::optional<DomainStatus> status(std::chrono::milliseconds deadline = std::chrono::seconds(60)) const;
    /// How the domain last stopped while this connection was open ("shut off (shutdown)" = by itself); also
    /// for a transient domain that is gone. Nothing when no stop was seen.
    std::optional<DomainStatus> last_stop() const;
    std::string xml(bool inactive = false) const;
    /// virDomainUpdateDeviceFlags and the like change parts; this gives a stopped domain another name.
    void rename(const std::string& name) const;

    /// Whether memory saved by `virsh managedsave` waits for the next start; drivers without it: no.
    bool managed_save() const;
    /// Missing is fine.
    void drop_managed_save() const;
    /// I/O errors by disk target, in libvirt's words ("no space", "unspecified").
    std::map<std::string, std::string> disk_errors() const;

    /// Present memory (live: at most the maximum), or with `maximum` the most it can have (config only).
    void set_memory(ByteSize memory, bool maximum, Affects affects) const;
    /// Present CPUs, or with `maximum` the most it can have (config only).
    void set_vcpus(int count, bool maximum, Affects affects) const;

    /// Sorted by time.
    std::vector<SnapshotInfo> snapshots() const;
    /// An internal snapshot: of the disks, and of the memory when it runs.
    void create_snapshot(const std::string& name, const std::string& description) const;
    /// Disks (and memory) as they were. `running`: the domain shall run afterwards in any case.
    void revert_snapshot(const std::string& name) const;
    /// `metadata_only`: libvirt forgets it, files stay as they are.
    void delete_snapshot(const std::string& name, bool metadata_only) const;
    /// CPU time used since start. Zero when stopped.
    std::chrono::nanoseconds cpu_time() const;
    /// Totals since start of the disk with that target ("vda").
    BlockStats block_stats(const std::string& target) const;

    /// Writes what the screen shows as PNG. Needs a video device.
    void screenshot(const std::filesystem::path& png) const;
    /// QEMU guest agent command {"execute": …}; its "return" value. agent_unavailable when it does not answer
    /// in time.
    Json agent(const Json& command, std::chrono::seconds timeout = std::chrono::seconds(5)) const;
    std::vector<InterfaceAddress> addresses(AddressSource source) const;
    /// QEMU monitor command {"execute": …}; its "return" value. For devices that libvirt has no words for.
    Json monitor(const Json& command) const;

    /// Device XML (disk_xml, nic_xml). `persistent` also changes the definition.
    void attach(const std::string& device_xml, bool persistent) const;
    /// Into the definition of a domain that does not run.
    void attach_to_definition(const std::string& device_xml) const;
    void detach(const std::string& device_xml, bool persistent) const;
    void update(const std::string& device_xml, bool persistent) const;

    /// Copies the whole chain of a disk into a new qcow2 file and switches to it when pivot_block_copy() is
    /// called.
    void start_block_copy(const std::string& target, const std::filesystem::path& destination) const;
    /// The same for the top file alone, into an overlay that is there already: its backing file must hold
    /// what the disk's own backing chain holds.
    void start_top_copy(const std::string& target, const std::filesystem::path& overlay) const;
    /// Copies the backing chain into the top file (virDomainBlockPull).
    void start_block_pull(const std::string& target) const;
    /// Writes what is above `base` into it; pivot_block_copy() then makes `base` the disk
    /// (virDomainBlockCommit, active).
    void start_block_commit(const std::string& target, const std::filesystem::path& base) const;
    /// Nothing without a job.
    std::optional<BlockJob> block_job(const std::string& target) const;
    void pivot_block_copy(const std::string& target) const;
    void abort_block_job(const std::string& target) const;
    void resize_block(const std::string& target, std::uint64_t bytes) const;

    /// virDomainSaveFlags: the machine stops and its memory is in the file.
    void save(const std::filesystem::path& file) const;

private:
    Json call(std::string_view op, Json request = Json::object(),
              std::chrono::milliseconds deadline = std::chrono::seconds(60)) const;
    std::shared_ptr<Transport> transport_;
    std::string name_;
    std::string uuid_;
};

}  // namespace imgforge::virt
