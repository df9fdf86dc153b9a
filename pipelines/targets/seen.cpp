// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/seen.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::targets {

SeenIndexes::SeenIndexes(StateDb& database) : database_(database) {
    database_.migrate("targets",
                      {"CREATE TABLE target_indexes(source TEXT PRIMARY KEY, serial INTEGER NOT NULL, "
                       "digest TEXT NOT NULL, entity_tag TEXT NOT NULL)"});
}

SeenIndexes::Entry SeenIndexes::find(const std::string& source) const {
    SQLite::Statement query(database_.raw(),
                            "SELECT serial, digest, entity_tag FROM target_indexes WHERE source = ?");
    query.bind(1, redact(source));
    if (!query.executeStep()) {
        return {};
    }
    return {.serial = query.getColumn(0).getInt64(),
            .digest = query.getColumn(1).getString(),
            .entity_tag = query.getColumn(2).getString()};
}

void SeenIndexes::require_not_older(const std::string& source, std::int64_t serial,
                                    const std::string& digest) const {
    const Entry seen = find(source);
    if (serial < seen.serial) {
        throw Error(Failure::integrity,
                    fmt::format("the index of {} has the serial {}, but {} was seen before", redact(source),
                                serial, seen.serial),
                    "a stale mirror, or a replayed old index; nothing was imported");
    }
    if (serial == seen.serial && digest != seen.digest) {
        throw Error(
            Failure::integrity,
            fmt::format("the index of {} was changed without a new serial ({})", redact(source), serial),
            "it was edited by hand; nothing was imported");
    }
}

void SeenIndexes::put(const std::string& source, const Entry& entry) {
    database_.transaction([&] {
        SQLite::Statement statement(database_.raw(),
                                    "INSERT OR REPLACE INTO target_indexes VALUES(?, ?, ?, ?)");
        statement.bind(1, redact(source));
        statement.bind(2, entry.serial);
        statement.bind(3, entry.digest);
        statement.bind(4, entry.entity_tag);
        statement.exec();
    });
}

}  // namespace imgforge::targets
