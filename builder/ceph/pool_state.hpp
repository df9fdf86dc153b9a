// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#ifdef IMGFORGE_WITH_RBD
#include <memory>
#include <string>

#include "builder/ceph/pool.hpp"
#include "builder/ceph/rbd_api.hpp"

namespace imgforge::ceph {

/// An open pool; images keep it open.
struct PoolConnection {
    PoolName name;
    const RbdApi& api;
    rados_t cluster = nullptr;
    rados_ioctx_t io = nullptr;

    explicit PoolConnection(const PoolName& pool);
    ~PoolConnection();
    PoolConnection(const PoolConnection&) = delete;
    PoolConnection& operator=(const PoolConnection&) = delete;
};

struct PoolState {
    std::shared_ptr<PoolConnection> connection;
};

struct ImageState {
    std::shared_ptr<PoolConnection> connection;
    std::string name;
    rbd_image_t image = nullptr;
};

/// Throws what a negative result of Ceph means; "cannot DO POOL/SUBJECT: why".
void require_done(int result, const std::string& action, const std::string& subject);

}  // namespace imgforge::ceph
#endif
