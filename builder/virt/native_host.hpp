// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "builder/base/handle.hpp"
#include "builder/base/json.hpp"
#include "builder/virt/event_loop.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/transport.hpp"

namespace imgforge::virt {

using ConnectHandle = Handle<virConnect, &virConnectClose>;
using DomainHandle = Handle<virDomain, &virDomainFree>;
using NetworkHandle = Handle<virNetwork, &virNetworkFree>;

/// A libvirt connection in this process, answering requests `{"op": …, …}`. The operations are the table in
/// native_host.cpp; their fields are set by connection.cpp and domain.cpp, which are the only callers.
class NativeHost final : public Transport {
public:
    /// `settle`: how long after opening a "domain not found" may still be the embedded driver reconnecting to
    /// its machines.
    explicit NativeHost(const std::string& uri, std::chrono::milliseconds settle = {});

    Json call(const Json& request, std::chrono::milliseconds deadline) override;

    virConnectPtr raw() const { return connection_.get(); }
    /// {"state", "reason"} of the last stop event seen for a UUID on this connection, or null: a transient
    /// domain is gone with its end, and only the event still tells how it ended.
    Json last_stop(const std::string& uuid) const;
    /// By name, else by UUID. Throws VirtError(no_domain).
    DomainHandle find(const std::string& name_or_uuid) const;

private:
    struct Stops {
        std::mutex mutex;
        std::map<std::string, int> detail;  ///< UUID -> virDomainEventStoppedDetailType
    };
    void watch_stops();

    std::shared_ptr<EventLoop> loop_;
    std::shared_ptr<Stops> stops_ =
        std::make_shared<Stops>();  ///< shared with the callback, which may come after us
    ConnectHandle connection_;
    std::chrono::steady_clock::time_point settled_at_;
};

// Groups of operations, one file each.
Json domain_operation(NativeHost& host, const std::string& op, const Json& request);
Json device_operation(NativeHost& host, const std::string& op, const Json& request);
/// Snapshots, saved memory, sizes: what changes a machine that exists.
Json state_operation(NativeHost& host, const std::string& op, const Json& request);
Json secret_operation(NativeHost& host, const std::string& op, const Json& request);
Json network_operation(NativeHost& host, const std::string& op, const Json& request);

}  // namespace imgforge::virt
