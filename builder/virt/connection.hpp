// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"
#include "builder/virt/domain.hpp"
#include "builder/virt/transport.hpp"

struct _virConnect;  // libvirt's virConnect NOLINT(bugprone-reserved-identifier): the name is libvirt's

namespace imgforge::virt {

/// Where machines shall run, and who said so.
struct ConnectionChoice {
    std::string uri;     ///< empty: the embedded driver, with a root directory per machine
    std::string source;  ///< "--connect", "LIBVIRT_DEFAULT_URI", "settings", "qemu:///system answers", "no
                         ///< libvirt daemon answers"
    bool embedded() const { return uri.empty() || uri.starts_with("qemu:///embed"); }
};

/// --connect, else $LIBVIRT_DEFAULT_URI, else settings' `connection`, else qemu:///system when it answers
/// within 3 s, else embedded. The word "embedded" stands for the embedded driver.
ConnectionChoice choose_connection(const std::optional<std::string>& option,
                                   const std::optional<std::string>& setting);

/// "qemu:///embed?root=DIR". libvirt makes the directory; it holds definitions, sockets and logs of the
/// machines in it.
std::string embedded_uri(const std::filesystem::path& root);

struct NetworkInfo {
    std::string name;
    bool active = false;
    bool autostart = false;
    std::string bridge{};
    std::string forward{};  ///< "nat", "route", "bridge", empty: isolated
};

struct DomainRow {
    std::string name;
    std::string uuid;
    DomainState state = DomainState::unknown;
    DomainReason reason = DomainReason::unknown;
    bool saved = false;  ///< memory of a managed save waits for the next start
    bool autostart = false;
    std::vector<std::string> snapshots{};
};

struct HostInfo {
    std::string hostname;
    ByteSize memory_free{};  ///< buffers and cache included; zero when the driver cannot tell
    int cpus = 0;
    std::string libvirt_version;
    std::string hypervisor_version;  ///< QEMU's, empty when unknown
};

/// An open connection. Values only cross it, so it does not matter whether libvirt runs in this process
/// (qemu:///system, remote URIs, test:///default) or, for the embedded driver, in a worker process: libvirt
/// allows one embedded root per process. Thread-safe: calls on one connection are served one after the other.
class Connection {
public:
    /// Opens within `timeout`. An embedded root in use by another process is waited for; a root whose path
    /// is too long for UNIX sockets is reached through a short link in the runtime directory. `capabilities`:
    /// directory in which QEMU's probed capabilities are shared between embedded roots (saves 4 s at the
    /// first start in a fresh root); empty: not shared. `token`: a file descriptor kept open as long as
    /// libvirt is at work on an embedded root, also when this process is killed.
    static Connection open(const std::string& uri, const std::filesystem::path& capabilities = {},
                           std::chrono::milliseconds timeout = std::chrono::seconds(30), int token = -1);

    const std::string& uri() const { return uri_; }
    bool embedded() const { return uri_.starts_with("qemu:///embed"); }

    HostInfo host(std::chrono::milliseconds deadline = std::chrono::seconds(60)) const;
    /// XML of virConnectGetDomainCapabilities for x86_64/q35.
    std::string domain_capabilities(bool kvm) const;

    Domain define(const std::string& xml) const;
    /// Starts a transient domain. With `auto_destroy` it ends with this connection, however this process
    /// ends.
    Domain create(const std::string& xml, bool auto_destroy) const;
    /// Starts a domain whose CPUs stand still until resume(). One that is defined under the same name and
    /// UUID runs with this XML until it stops, and keeps its definition.
    Domain create_paused(const std::string& xml) const;
    /// By name or UUID.
    std::optional<Domain> find(const std::string& name_or_uuid) const;
    std::vector<DomainRow> domains() const;
    /// virDomainRestoreFlags.
    void restore(const std::filesystem::path& file, const std::string& xml) const;

    std::vector<NetworkInfo> networks() const;
    void start_network(const std::string& name) const;
    /// Whether the network comes up with its daemon.
    void set_network_autostart(const std::string& name, bool on) const;
    /// Address leased to `mac` on a network, newest first.
    std::vector<std::string> leases(const std::string& network, const std::string& mac) const;
    /// Fixed address for a MAC by DHCP (live and persistent); forget_address() takes it back, missing is
    /// fine.
    void reserve_address(const std::string& network, const std::string& mac, const std::string& name,
                         const std::string& ip) const;
    void forget_address(const std::string& network, const std::string& mac) const;

    /// Keeps the key of a Ceph user (bytes, not base64) as libvirt's secret of that usage name; one that is
    /// there gets the new key. Not for the embedded driver, which hands out none.
    void keep_ceph_secret(const std::string& usage, const std::string& key) const;

    /// False once the daemon or worker has gone.
    bool alive() const;

    /// The libvirt handle, for what is not wrapped (storage pools, streams); nullptr on the embedded driver.
    _virConnect* raw() const;

private:
    Connection(std::string uri, std::shared_ptr<Transport> transport)
        : uri_(std::move(uri)), transport_(std::move(transport)) {}
    std::string uri_;
    std::shared_ptr<Transport> transport_;
};

}  // namespace imgforge::virt
