// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/rows.hpp"

#include <string_view>

// The store's tables, one step of migration after the other.
namespace imgforge::store {

namespace {

// The foreign keys are the last line of defence: even a faulty program cannot drop a generation that somebody
// refers to.
constexpr std::string_view schema_1 = R"sql(
CREATE TABLE store_images(
    name TEXT PRIMARY KEY, serial INTEGER NOT NULL, next_generation INTEGER NOT NULL);
CREATE TABLE store_generations(
    image TEXT NOT NULL REFERENCES store_images(name), generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK(state IN ('candidate', 'current', 'retired', 'quarantined')),
    created INTEGER NOT NULL, sha256 TEXT NOT NULL, manifest_sha256 TEXT NOT NULL, content TEXT NOT NULL,
    virtual_size INTEGER NOT NULL, allocated_size INTEGER NOT NULL, parent INTEGER, depth INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY(image, generation),
    FOREIGN KEY(image, parent) REFERENCES store_generations(image, generation));
CREATE UNIQUE INDEX store_one_current ON store_generations(image) WHERE state = 'current';
CREATE TABLE store_references(
    image TEXT NOT NULL, generation INTEGER NOT NULL, kind TEXT NOT NULL CHECK(kind IN ('instance', 'build')),
    name TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY(image, generation, kind, name),
    FOREIGN KEY(image, generation) REFERENCES store_generations(image, generation));
CREATE INDEX store_references_by_holder ON store_references(kind, name);
CREATE TABLE store_journal(
    id INTEGER PRIMARY KEY, operation TEXT NOT NULL, image TEXT NOT NULL, generation INTEGER NOT NULL,
    started INTEGER NOT NULL);
)sql";

// What verify found in a generation that --repair cannot set right.
constexpr std::string_view schema_2 = R"sql(
CREATE TABLE store_damage(
    image TEXT NOT NULL, generation INTEGER NOT NULL, problem TEXT NOT NULL, found INTEGER NOT NULL,
    PRIMARY KEY(image, generation));
)sql";

// Machines of this store on generations of other stores, which have no rows here.
constexpr std::string_view schema_3 = R"sql(
CREATE TABLE store_other_references(
    image TEXT NOT NULL, generation INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY(image, generation, kind, name));
)sql";

}  // namespace

void Rows::migrate(StateDb& database) {
    database.migrate("store", {schema_1, schema_2, schema_3});
}

}  // namespace imgforge::store
