// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "builder/base/state_db.hpp"

namespace imgforge::targets {

/// The newest index of each source that this store has accepted. An older one, or another one of the same
/// serial, is then refused: a mirror that lags, or somebody who puts an old image in the place of a new one.
class SeenIndexes {
public:
    explicit SeenIndexes(StateDb& database);

    struct Entry {
        std::int64_t serial = 0;
        std::string digest;      ///< SHA-256 of the payload
        std::string entity_tag;  ///< of the answer after which everything was up to date
    };
    Entry find(const std::string& source) const;
    /// Throws Failure::integrity when `serial` is older than what was seen, or the same with another digest.
    void require_not_older(const std::string& source, std::int64_t serial, const std::string& digest) const;
    void put(const std::string& source, const Entry& entry);

private:
    StateDb& database_;
};

}  // namespace imgforge::targets
