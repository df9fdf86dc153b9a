// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef IMGFORGE_WITH_RBD
#include "builder/ceph/pool.hpp"

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/ceph/pool_state.hpp"

namespace imgforge::ceph {
namespace {

/// Without these a client waits for minutes, or for ever, when the cluster is away.
void set_deadlines(const RbdApi& api, rados_t cluster) {
    api.rados_conf_set(cluster, "client_mount_timeout", "15");
    api.rados_conf_set(cluster, "rados_mon_op_timeout", "60");
    api.rados_conf_set(cluster, "rados_osd_op_timeout", "180");
    // Else every command of ours would try to write /var/log/ceph.
    api.rados_conf_set(cluster, "log_to_stderr", "false");
}

Error unreachable(const PoolName& name, int result) {
    return Error(Failure::host,
                 fmt::format("the Ceph cluster of {} does not take client.{}: {}", name.conf.string(),
                             name.user, errno_text(-result)),
                 "check the monitors (`ceph -s`) and the user's keyring (`ceph auth get`)");
}

}  // namespace

void require_done(int result, const std::string& action, const std::string& subject) {
    if (result >= 0) {
        return;
    }
    const bool taken = result == -EBUSY || result == -EEXIST || result == -EROFS;
    throw Error(taken ? Failure::domain : Failure::tool,
                fmt::format("cannot {} {}: {}", action, subject, errno_text(-result)),
                result == -EPERM || result == -EACCES
                    ? "the Ceph user needs `mon 'profile rbd' osd 'profile rbd pool=POOL'`"
                    : "");
}

PoolConnection::PoolConnection(const PoolName& pool) : name(pool), api(rbd_api()) {
    require_done(api.rados_create(&cluster, name.user.c_str()), "prepare a connection to", "Ceph");
    try {
        const int read = api.rados_conf_read_file(cluster, name.conf.c_str());
        if (read < 0) {
            throw Error(Failure::host,
                        fmt::format("cannot read the Ceph configuration {}: {}", name.conf.string(),
                                    errno_text(-read)),
                        "name it: `conf:` of the target, or rbd:POOL:conf=FILE");
        }
        set_deadlines(api, cluster);
        if (const int connected = api.rados_connect(cluster); connected < 0) {
            throw unreachable(name, connected);
        }
        const int opened = api.rados_ioctx_create(cluster, name.pool.c_str(), &io);
        if (opened == -ENOENT) {
            throw Error(Failure::usage, fmt::format("no pool '{}' in this Ceph cluster", name.pool),
                        fmt::format("ceph osd pool create {0} && rbd pool init {0}", name.pool));
        }
        require_done(opened, "open pool", name.pool);
    } catch (...) {
        api.rados_shutdown(cluster);
        throw;
    }
}

PoolConnection::~PoolConnection() {
    api.rados_ioctx_destroy(io);
    api.rados_shutdown(cluster);
}

Pool::Pool(const PoolName& name)
    : state_(std::make_unique<PoolState>(PoolState{std::make_shared<PoolConnection>(name)})) {}

Pool::~Pool() = default;

const PoolName& Pool::name() const {
    return state_->connection->name;
}

std::vector<std::string> Pool::images() const {
    const PoolConnection& pool = *state_->connection;
    std::vector<rbd_image_spec_t> found(64);
    std::size_t count = found.size();
    int result = pool.api.rbd_list2(pool.io, found.data(), &count);
    while (result == -ERANGE) {
        found.resize(count);
        result = pool.api.rbd_list2(pool.io, found.data(), &count);
    }
    require_done(result, "list pool", pool.name.pool);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.emplace_back(found[i].name);
    }
    pool.api.rbd_image_spec_list_cleanup(found.data(), count);
    return names;
}

void Pool::create_image(const std::string& image, std::uint64_t size) {
    const PoolConnection& pool = *state_->connection;
    int order = 22;  // objects of 4 MiB, Ceph's default; what a push compares and sends
    require_done(pool.api.rbd_create(pool.io, image.c_str(), size, &order), "create image",
                 pool.name.pool + "/" + image);
}

bool Pool::has_image(const std::string& image) const {
    const PoolConnection& pool = *state_->connection;
    rbd_image_t opened = nullptr;
    const int result = pool.api.rbd_open_read_only(pool.io, image.c_str(), &opened, nullptr);
    if (result == -ENOENT) {
        return false;
    }
    require_done(result, "open", pool.name.pool + "/" + image);
    pool.api.rbd_close(opened);
    return true;
}

PoolImage Pool::open(const std::string& image) const {
    auto state = std::make_unique<ImageState>(ImageState{state_->connection, image});
    const PoolConnection& pool = *state->connection;
    require_done(pool.api.rbd_open(pool.io, image.c_str(), &state->image, nullptr), "open",
                 pool.name.pool + "/" + image);
    return PoolImage(std::move(state));
}

PoolImage Pool::open_read_only(const std::string& image) const {
    auto state = std::make_unique<ImageState>(ImageState{state_->connection, image});
    const PoolConnection& pool = *state->connection;
    require_done(pool.api.rbd_open_read_only(pool.io, image.c_str(), &state->image, nullptr), "open",
                 pool.name.pool + "/" + image);
    return PoolImage(std::move(state));
}

void Pool::clone(const std::string& image, const std::string& snapshot, const std::string& name) {
    const PoolConnection& pool = *state_->connection;
    rbd_image_options_t options = nullptr;
    pool.api.rbd_image_options_create(&options);
    pool.api.rbd_image_options_set_uint64(options, RBD_IMAGE_OPTION_CLONE_FORMAT, 1);
    const int result =
        pool.api.rbd_clone3(pool.io, image.c_str(), snapshot.c_str(), pool.io, name.c_str(), options);
    pool.api.rbd_image_options_destroy(options);
    require_done(result, "clone", fmt::format("{}/{}@{} as {}", pool.name.pool, image, snapshot, name));
}

void Pool::rename_image(const std::string& from, const std::string& to) {
    const PoolConnection& pool = *state_->connection;
    require_done(pool.api.rbd_rename(pool.io, from.c_str(), to.c_str()), "rename image",
                 fmt::format("{}/{} to {}", pool.name.pool, from, to));
}

void Pool::copy_image(const std::string& from, const std::string& to) {
    const PoolConnection& pool = *state_->connection;
    const PoolImage opened = open_read_only(from);
    rbd_image_options_t options = nullptr;
    pool.api.rbd_image_options_create(&options);
    pool.api.rbd_image_options_set_uint64(options, RBD_IMAGE_OPTION_CLONE_FORMAT, 1);
    const int result = pool.api.rbd_deep_copy(opened.handle(), pool.io, to.c_str(), options);
    pool.api.rbd_image_options_destroy(options);
    require_done(result, "copy image", fmt::format("{}/{} to {}", pool.name.pool, from, to));
}

void Pool::remove_image(const std::string& image) {
    const PoolConnection& pool = *state_->connection;
    const int result = pool.api.rbd_remove(pool.io, image.c_str());
    if (result != -ENOENT) {
        require_done(result, "remove image", pool.name.pool + "/" + image);
    }
}

std::optional<std::string> Pool::read_object(const std::string& object) const {
    const PoolConnection& pool = *state_->connection;
    std::uint64_t size = 0;
    time_t changed = 0;
    const int found = pool.api.rados_stat(pool.io, object.c_str(), &size, &changed);
    if (found == -ENOENT) {
        return std::nullopt;
    }
    require_done(found, "look at object", pool.name.pool + "/" + object);
    std::string bytes(size, '\0');
    const int got = pool.api.rados_read(pool.io, object.c_str(), bytes.data(), bytes.size(), 0);
    require_done(got, "read object", pool.name.pool + "/" + object);
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

void Pool::write_object(const std::string& object, const std::string& bytes) {
    const PoolConnection& pool = *state_->connection;
    require_done(pool.api.rados_write_full(pool.io, object.c_str(), bytes.data(), bytes.size()),
                 "write object", pool.name.pool + "/" + object);
}

void Pool::remove_object(const std::string& object) {
    const PoolConnection& pool = *state_->connection;
    const int result = pool.api.rados_remove(pool.io, object.c_str());
    if (result != -ENOENT) {
        require_done(result, "remove object", pool.name.pool + "/" + object);
    }
}

std::optional<std::string> Pool::attribute(const std::string& object, const std::string& key) const {
    const PoolConnection& pool = *state_->connection;
    std::string value(4096, '\0');
    const int result =
        pool.api.rados_getxattr(pool.io, object.c_str(), key.c_str(), value.data(), value.size());
    if (result == -ENOENT || result == -ENODATA) {
        return std::nullopt;
    }
    require_done(result, "read object", pool.name.pool + "/" + object);
    value.resize(static_cast<std::size_t>(result));
    return value;
}

bool Pool::swap_attribute(const std::string& object, const std::string& key,
                          const std::optional<std::string>& expected, const std::string& value) {
    const PoolConnection& pool = *state_->connection;
    const auto operate = [&](const auto& fill) {
        rados_write_op_t op = pool.api.rados_create_write_op();
        fill(op);
        const int result = pool.api.rados_write_op_operate(op, pool.io, object.c_str(), nullptr, 0);
        pool.api.rados_release_write_op(op);
        return result;
    };
    // An absent attribute compares as an empty one, an absent object does not.
    const std::string before = expected.value_or("");
    require_done(operate([&](rados_write_op_t op) {
                     pool.api.rados_write_op_create(op, LIBRADOS_CREATE_IDEMPOTENT, nullptr);
                 }),
                 "create object", pool.name.pool + "/" + object);
    const int result = operate([&](rados_write_op_t op) {
        pool.api.rados_write_op_cmpxattr(op, key.c_str(), LIBRADOS_CMPXATTR_OP_EQ, before.data(),
                                         before.size());
        pool.api.rados_write_op_setxattr(op, key.c_str(), value.data(), value.size());
    });
    if (result == -ECANCELED) {
        return false;
    }
    require_done(result, "write object", pool.name.pool + "/" + object);
    return true;
}

}  // namespace imgforge::ceph
#endif
