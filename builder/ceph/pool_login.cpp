// SPDX-License-Identifier: GPL-3.0-or-later
// Who logs in to a cluster and with which key: what libvirt needs to know of it for a machine's disk.
#ifdef IMGFORGE_WITH_RBD
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/ceph/pool.hpp"
#include "builder/ceph/pool_state.hpp"

namespace imgforge::ceph {
namespace {

std::string setting(const PoolConnection& pool, const char* name) {
    std::string value(16384, '\0');
    require_done(pool.api.rados_conf_get(pool.cluster, name, value.data(), value.size()),
                 "read Ceph's setting", name);
    return value.c_str();
}

/// `key = …` of the section [client.USER]; empty without one. Keyrings are written by ceph-authtool: one key
/// in a line, tabs before it.
std::string key_in(const std::string& keyring, const std::string& section) {
    std::istringstream lines(keyring);
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t start = line.find_first_not_of(" \t");
        if (start == std::string::npos) {
            continue;
        }
        if (line[start] == '[') {
            inside = line.compare(start, section.size(), section) == 0;
        }
        const std::size_t equals = line.find('=');
        const std::size_t end = line.find_last_not_of(" \t", equals == 0 ? 0 : equals - 1);
        if (inside && equals != std::string::npos && line.substr(start, end + 1 - start) == "key") {
            const std::size_t first = line.find_first_not_of(" \t", equals + 1);
            return first == std::string::npos
                       ? ""
                       : line.substr(first, line.find_last_not_of(" \t\r") + 1 - first);
        }
    }
    return {};
}

}  // namespace

std::string Pool::cluster_id() const {
    const PoolConnection& pool = *state_->connection;
    std::string id(64, '\0');
    const int length = pool.api.rados_cluster_fsid(pool.cluster, id.data(), id.size());
    require_done(length, "read the cluster's ID of", pool.name.pool);
    id.resize(static_cast<std::size_t>(length));
    return id;
}

std::optional<std::string> Pool::login_key() const {
    const PoolConnection& pool = *state_->connection;
    if (setting(pool, "auth_client_required").find("cephx") == std::string::npos) {
        return std::nullopt;
    }
    if (std::string key = setting(pool, "key"); !key.empty()) {
        return key;
    }
    std::istringstream files(setting(pool, "keyring"));
    const std::string section = fmt::format("[client.{}]", pool.name.user);
    for (std::string file; std::getline(files, file, ',');) {
        std::error_code missing;
        if (!std::filesystem::is_regular_file(file, missing)) {
            continue;
        }
        if (std::string key = key_in(read_file(file), section); !key.empty()) {
            return key;
        }
    }
    throw Error(Failure::host,
                fmt::format("no keyring has the key of client.{} (looked in {})", pool.name.user,
                            setting(pool, "keyring")),
                fmt::format("ceph auth get client.{0} > /etc/ceph/ceph.client.{0}.keyring", pool.name.user));
}

}  // namespace imgforge::ceph
#endif
