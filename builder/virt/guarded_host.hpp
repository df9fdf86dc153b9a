// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "builder/virt/transport.hpp"

struct _virConnect;

namespace imgforge::virt {

class NativeHost;

/// A libvirt connection in this process whose calls end in time. libvirt's own calls wait for ever for a
/// daemon that accepts and then never answers: keep-alive begins only after the connection is open
/// (virConnectSetKeepAlive). Each call therefore runs on a thread of its own; one that is given up keeps its
/// thread and the connection until libvirt returns or the process ends.
class GuardedHost final : public Transport {
public:
    /// Throws VirtError(no_connection) when the connection is not open within `timeout`.
    GuardedHost(const std::string& uri, std::chrono::milliseconds timeout);

    /// Throws VirtError(timeout) when libvirt did not answer within `deadline`; from then on every call fails
    /// at once with VirtError(no_connection), so that what cleans up afterwards does not wait once more for
    /// each of its steps.
    Json call(const Json& request, std::chrono::milliseconds deadline) override;

    /// For streams and volumes. Only keep-alive (30 s) bounds what is done with it.
    _virConnect* raw() const;

private:
    std::string uri_;
    std::shared_ptr<NativeHost> host_;
    std::atomic<bool> silent_ = false;
};

}  // namespace imgforge::virt
