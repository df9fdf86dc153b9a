// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh_state.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include "builder/base/json.hpp"
#include "pipelines/store/rows.hpp"

namespace imgforge::stages {
namespace {

constexpr std::string_view schema_1 = R"sql(
CREATE TABLE refresh_runs(
    image TEXT PRIMARY KEY, outcome TEXT NOT NULL, started INTEGER NOT NULL,
    last_success INTEGER NOT NULL DEFAULT 0,
    mirror TEXT NOT NULL DEFAULT '{}', detail TEXT NOT NULL DEFAULT '');
)sql";

}  // namespace

RefreshState::RefreshState(StateDb& database) : database_(database) {
    database_.migrate("refresh", {schema_1});
}

std::optional<RefreshRow> RefreshState::load(const std::string& image) const {
    std::optional<RefreshRow> row;
    store::in_database(database_, [&] {
        SQLite::Statement query(
            database_.raw(),
            "SELECT outcome, started, last_success, mirror, detail FROM refresh_runs WHERE image = ?");
        query.bind(1, image);
        if (!query.executeStep()) {
            return;
        }
        row = RefreshRow{
            .image = image,
            // A word of a later imgforge: not known to have ended well.
            .outcome = parse_refresh_outcome(query.getColumn(0).getString()).value_or(RefreshOutcome::failed),
            .started = query.getColumn(1).getInt64(),
            .last_success = query.getColumn(2).getInt64()};
        row->detail = query.getColumn(4).getString();
        const Json mirror = parse_json(query.getColumn(3).getString(), "refresh_runs");
        for (const auto& [source, digest] : mirror.items()) {
            row->mirror[source] = digest.get<std::string>();
        }
    });
    return row;
}

void RefreshState::begin(const std::string& image, std::int64_t now) {
    database_.transaction([&] {
        SQLite::Statement query(
            database_.raw(),
            "INSERT INTO refresh_runs(image, outcome, started) VALUES(?, 'running', ?) "
            "ON CONFLICT(image) DO UPDATE SET outcome = 'running', started = excluded.started");
        query.bind(1, image);
        query.bind(2, now);
        query.exec();
    });
}

void RefreshState::end(const std::string& image, RefreshOutcome outcome, const std::string& detail,
                       const MirrorState& mirror, std::int64_t now) {
    database_.transaction([&] {
        SQLite::Statement query(
            database_.raw(), "INSERT OR IGNORE INTO refresh_runs(image, outcome, started) VALUES(?, ?, ?)");
        query.bind(1, image);
        query.bind(2, std::string(to_string(outcome)));
        query.bind(3, now);
        query.exec();
        SQLite::Statement update(database_.raw(),
                                 "UPDATE refresh_runs SET outcome = ?, detail = ? WHERE image = ?");
        update.bind(1, std::string(to_string(outcome)));
        update.bind(2, detail);
        update.bind(3, image);
        update.exec();
        if (outcome != RefreshOutcome::failed) {
            Json tree = Json::object();
            for (const auto& [source, digest] : mirror) {
                tree[source] = digest;
            }
            SQLite::Statement success(database_.raw(),
                                      "UPDATE refresh_runs SET last_success = ?, mirror = ? WHERE image = ?");
            success.bind(1, now);
            success.bind(2, tree.dump());
            success.bind(3, image);
            success.exec();
        }
    });
}

}  // namespace imgforge::stages
