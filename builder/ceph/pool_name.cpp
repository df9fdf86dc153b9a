// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/ceph/pool.hpp"

namespace imgforge::ceph {

bool is_pool_name(std::string_view text) {
    return text.starts_with("rbd:");
}

PoolName parse_pool_name(const std::string& text) {
    const auto refuse = [&](const std::string& why) {
        return Error(Failure::usage, fmt::format("'{}' is not a Ceph pool: {}", text, why),
                     "write it as rbd:POOL, or rbd:POOL:conf=/etc/ceph/ceph.conf:id=USER");
    };
    if (!is_pool_name(text)) {
        throw refuse("it does not begin with rbd:");
    }
    PoolName name;
    std::size_t at = text.find(':', 4);
    name.pool = text.substr(4, at == std::string::npos ? at : at - 4);
    if (name.pool.empty() || name.pool.find_first_of("/@ ") != std::string::npos) {
        throw refuse(fmt::format("'{}' cannot be the name of a pool", name.pool));
    }
    while (at != std::string::npos) {
        const std::size_t next = text.find(':', at + 1);
        const std::string part = text.substr(at + 1, next == std::string::npos ? next : next - at - 1);
        if (part.starts_with("conf=") && part.size() > 5) {
            name.conf = part.substr(5);
        } else if (part.starts_with("id=") && part.size() > 3) {
            name.user = part.substr(3);
        } else {
            throw refuse(fmt::format("unknown part '{}'", part));
        }
        at = next;
    }
    return name;
}

std::string to_string(const PoolName& name) {
    const PoolName defaults;
    std::string text = "rbd:" + name.pool;
    text += name.conf == defaults.conf ? "" : ":conf=" + name.conf.string();
    return text + (name.user == defaults.user ? "" : ":id=" + name.user);
}

}  // namespace imgforge::ceph
