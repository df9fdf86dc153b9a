// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/rows.hpp"

#include <algorithm>

#include <SQLiteCpp/SQLiteCpp.h>
#include <SQLiteCpp/VariadicBind.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"

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
    virtual_size INTEGER NOT NULL, allocated_size INTEGER NOT NULL, parent INTEGER, depth INTEGER NOT NULL, reason TEXT NOT NULL,
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
    id INTEGER PRIMARY KEY, operation TEXT NOT NULL, image TEXT NOT NULL, generation INTEGER NOT NULL, started INTEGER NOT NULL);
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
    image TEXT NOT NULL, generation INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY(image, generation, kind, name));
)sql";

constexpr const char* generation_columns =
    "image, generation, state, created, sha256, manifest_sha256, content, virtual_size, allocated_size, "
    "parent, depth, reason";

template <class... Values>
SQLite::Statement statement(StateDb& database, const std::string& sql, const Values&... values) {
    SQLite::Statement query(database.raw(), sql);
    SQLite::bind(query, values...);
    return query;
}

template <class... Values>
void execute(StateDb& database, const std::string& sql, const Values&... values) {
    in_database(database, [&] { statement(database, sql, values...).exec(); });
}

std::string text(std::string_view value) {
    return std::string(value);
}

std::string_view kind_word(Holder::Kind kind) {
    return kind == Holder::Kind::instance ? "instance" : "build";
}

Holder holder_of(const std::string& kind, std::string name) {
    return {.kind = kind == "instance" ? Holder::Kind::instance : Holder::Kind::build,
            .name = std::move(name)};
}

Generation read_generation(const SQLite::Statement& query, const std::filesystem::path& images) {
    Generation generation;
    generation.image = query.getColumn(0).getString();
    generation.generation = query.getColumn(1).getInt();
    generation.state = parse_state(query.getColumn(2).getString());
    generation.folder = images / generation.image / std::to_string(generation.generation);
    generation.created = query.getColumn(3).getInt64();
    generation.sha256 = query.getColumn(4).getString();
    generation.manifest_sha256 = query.getColumn(5).getString();
    generation.content = query.getColumn(6).getString();
    generation.virtual_size = ByteSize::bytes(static_cast<std::uint64_t>(query.getColumn(7).getInt64()));
    generation.allocated_size = ByteSize::bytes(static_cast<std::uint64_t>(query.getColumn(8).getInt64()));
    if (!query.getColumn(9).isNull()) {
        generation.parent = query.getColumn(9).getInt();
    }
    generation.depth = query.getColumn(10).getInt();
    generation.reason = query.getColumn(11).getString();
    return generation;
}

}  // namespace

void in_database(StateDb& database, const std::function<void()>& body) {
    try {
        body();
    } catch (const SQLite::Exception& fault) {
        const int code = fault.getErrorCode();
        // 11 = SQLITE_CORRUPT, 26 = SQLITE_NOTADB, 13 = SQLITE_FULL (sqlite3.h); only the store of errors
        // differs.
        const Failure kind = code == 11 || code == 26 ? Failure::integrity
                             : code == 13             ? Failure::host
                                                      : Failure::tool;
        throw Error(kind,
                    fmt::format("the state database {}: {}", database.raw().getFilename(), fault.what()),
                    kind == Failure::integrity
                        ? "run `imgforge images verify --repair`, which rebuilds it from the directories"
                    : kind == Failure::host ? "make room on that file system"
                                            : "");
    }
}

std::string quick_check(StateDb& database) {
    std::string answer;
    in_database(database, [&] {
        SQLite::Statement query(database.raw(), "PRAGMA quick_check(1)");
        answer = query.executeStep() ? query.getColumn(0).getString() : std::string("no answer");
    });
    return answer;
}

std::string database_file(StateDb& database) {
    return database.raw().getFilename();
}

Rows::Rows(StateDb& database, std::filesystem::path images)
    : database_(database), images_(std::move(images)) {}

void Rows::migrate(StateDb& database) {
    database.migrate("store", {schema_1, schema_2, schema_3});
}

std::vector<ImageRow> Rows::images() const {
    std::vector<ImageRow> rows;
    in_database(database_, [&] {
        SQLite::Statement query(database_.raw(),
                                "SELECT name, serial, next_generation FROM store_images ORDER BY name");
        while (query.executeStep()) {
            rows.push_back({.name = query.getColumn(0).getString(),
                            .serial = query.getColumn(1).getInt64(),
                            .next_generation = query.getColumn(2).getInt()});
        }
    });
    return rows;
}

std::vector<std::string> Rows::images_with_generations() const {
    std::vector<std::string> names;
    in_database(database_, [&] {
        SQLite::Statement query(database_.raw(),
                                "SELECT DISTINCT image FROM store_generations ORDER BY image");
        while (query.executeStep()) {
            names.push_back(query.getColumn(0).getString());
        }
    });
    return names;
}

int Rows::count_generations(std::string_view image) const {
    int count = 0;
    in_database(database_, [&] {
        SQLite::Statement query =
            statement(database_, "SELECT COUNT(*) FROM store_generations WHERE image = ?", text(image));
        count = query.executeStep() ? query.getColumn(0).getInt() : 0;
    });
    return count;
}

std::optional<ImageRow> Rows::image(std::string_view name) const {
    std::optional<ImageRow> row;
    in_database(database_, [&] {
        SQLite::Statement query = statement(
            database_, "SELECT name, serial, next_generation FROM store_images WHERE name = ?", text(name));
        if (query.executeStep()) {
            row = ImageRow{.name = query.getColumn(0).getString(),
                           .serial = query.getColumn(1).getInt64(),
                           .next_generation = query.getColumn(2).getInt()};
        }
    });
    return row;
}

std::vector<Generation> Rows::generations(std::string_view image) const {
    std::vector<Generation> list;
    in_database(database_, [&] {
        SQLite::Statement query =
            statement(database_,
                      fmt::format("SELECT {} FROM store_generations WHERE image = ? ORDER BY generation",
                                  generation_columns),
                      text(image));
        while (query.executeStep()) {
            list.push_back(read_generation(query, images_));
        }
    });
    return list;
}

std::optional<Generation> Rows::generation(std::string_view image, int number) const {
    std::optional<Generation> found;
    in_database(database_, [&] {
        SQLite::Statement query =
            statement(database_,
                      fmt::format("SELECT {} FROM store_generations WHERE image = ? AND generation = ?",
                                  generation_columns),
                      text(image), number);
        if (query.executeStep()) {
            found = read_generation(query, images_);
        }
    });
    return found;
}

std::optional<Generation> Rows::current(std::string_view image) const {
    std::optional<Generation> found;
    in_database(database_, [&] {
        SQLite::Statement query =
            statement(database_,
                      fmt::format("SELECT {} FROM store_generations WHERE image = ? AND state = 'current'",
                                  generation_columns),
                      text(image));
        if (query.executeStep()) {
            found = read_generation(query, images_);
        }
    });
    return found;
}

std::vector<int> Rows::children(std::string_view image, int number) const {
    std::vector<int> list;
    in_database(database_, [&] {
        SQLite::Statement query = statement(
            database_,
            "SELECT generation FROM store_generations WHERE image = ? AND parent = ? ORDER BY generation",
            text(image), number);
        while (query.executeStep()) {
            list.push_back(query.getColumn(0).getInt());
        }
    });
    return list;
}

std::vector<ReferenceRow> Rows::references(std::string_view image) const {
    std::vector<ReferenceRow> list;
    in_database(database_, [&] {
        SQLite::Statement query = statement(database_,
                                            "SELECT generation, kind, name FROM store_references "
                                            "WHERE image = ?1 UNION "
                                            "SELECT generation, kind, name FROM store_other_references "
                                            "WHERE image = ?1 ORDER BY generation, kind, name",
                                            text(image));
        while (query.executeStep()) {
            list.push_back(
                {.image = text(image),
                 .generation = query.getColumn(0).getInt(),
                 .holder = holder_of(query.getColumn(1).getString(), query.getColumn(2).getString())});
        }
    });
    return list;
}

std::vector<Holder> Rows::references(std::string_view image, int number) const {
    std::vector<Holder> list;
    in_database(database_, [&] {
        SQLite::Statement query =
            statement(database_,
                      "SELECT kind, name FROM store_references WHERE image = ?1 AND generation = ?2 UNION "
                      "SELECT kind, name FROM store_other_references WHERE image = ?1 AND generation = ?2 "
                      "ORDER BY kind, name",
                      text(image), number);
        while (query.executeStep()) {
            list.push_back(holder_of(query.getColumn(0).getString(), query.getColumn(1).getString()));
        }
    });
    return list;
}

std::vector<JournalRow> Rows::journal(std::string_view image) const {
    std::vector<JournalRow> list;
    in_database(database_, [&] {
        SQLite::Statement query = statement(
            database_, "SELECT id, operation, generation FROM store_journal WHERE image = ? ORDER BY id",
            text(image));
        while (query.executeStep()) {
            list.push_back({.id = query.getColumn(0).getInt64(),
                            .operation = query.getColumn(1).getString(),
                            .generation = query.getColumn(2).getInt()});
        }
    });
    return list;
}

void Rows::put_image(const ImageRow& row) {
    execute(database_,
            "INSERT INTO store_images(name, serial, next_generation) VALUES(?, ?, ?) "
            "ON CONFLICT(name) DO UPDATE SET serial = excluded.serial, next_generation = "
            "excluded.next_generation",
            row.name, row.serial, row.next_generation);
}

void Rows::drop_image(std::string_view name) {
    execute(database_, "DELETE FROM store_images WHERE name = ?", text(name));
}

void Rows::clear_image(std::string_view name) {
    execute(database_, "DELETE FROM store_references WHERE image = ?", text(name));
    std::vector<Generation> list = generations(name);
    std::reverse(list.begin(), list.end());  // children before parents, as the foreign key wants it
    for (const Generation& generation : list) {
        drop_generation(name, generation.generation);
    }
}

void Rows::touch(std::string_view image) {
    execute(database_, "UPDATE store_images SET serial = serial + 1 WHERE name = ?", text(image));
}

void Rows::put_generation(const Generation& generation) {
    in_database(database_, [&] {
        SQLite::Statement query(
            database_.raw(),
            fmt::format(
                "INSERT OR REPLACE INTO store_generations({}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                generation_columns));
        query.bind(1, generation.image);
        query.bind(2, generation.generation);
        query.bind(3, text(to_string(generation.state)));
        query.bind(4, generation.created);
        query.bind(5, generation.sha256);
        query.bind(6, generation.manifest_sha256);
        query.bind(7, generation.content);
        query.bind(8, static_cast<std::int64_t>(generation.virtual_size.in_bytes()));
        query.bind(9, static_cast<std::int64_t>(generation.allocated_size.in_bytes()));
        if (generation.parent) {
            query.bind(10, *generation.parent);
        }
        query.bind(11, generation.depth);
        query.bind(12, generation.reason);
        query.exec();
    });
}

std::string Rows::damage(std::string_view image, int number) const {
    std::string problem;
    in_database(database_, [&] {
        SQLite::Statement query =
            statement(database_, "SELECT problem FROM store_damage WHERE image = ? AND generation = ?",
                      text(image), number);
        problem = query.executeStep() ? query.getColumn(0).getString() : std::string();
    });
    return problem;
}

void Rows::set_damage(std::string_view image, int number, std::string_view problem, std::int64_t now) {
    if (problem.empty()) {
        execute(database_, "DELETE FROM store_damage WHERE image = ? AND generation = ?", text(image),
                number);
        return;
    }
    execute(database_,
            "INSERT OR REPLACE INTO store_damage(image, generation, problem, found) VALUES(?, ?, ?, ?)",
            text(image), number, text(problem), now);
}

void Rows::drop_generation(std::string_view image, int number) {
    execute(database_, "DELETE FROM store_generations WHERE image = ? AND generation = ?", text(image),
            number);
    set_damage(image, number, {}, 0);
}

void Rows::set_state(std::string_view image, int number, GenerationState state, std::string_view reason) {
    execute(database_,
            "UPDATE store_generations SET state = ?, reason = ? WHERE image = ? AND generation = ?",
            text(to_string(state)), text(reason), text(image), number);
}

void Rows::put_reference(std::string_view image, int number, const Holder& holder, std::int64_t since) {
    execute(
        database_,
        "INSERT OR IGNORE INTO store_references(image, generation, kind, name, since) VALUES(?, ?, ?, ?, ?)",
        text(image), number, text(kind_word(holder.kind)), holder.name, since);
}

void Rows::drop_reference(std::string_view image, int number, const Holder& holder) {
    execute(database_,
            "DELETE FROM store_references WHERE image = ? AND generation = ? AND kind = ? AND name = ?",
            text(image), number, text(kind_word(holder.kind)), holder.name);
}

void Rows::drop_references(const Holder& holder) {
    execute(database_, "DELETE FROM store_references WHERE kind = ? AND name = ?",
            text(kind_word(holder.kind)), holder.name);
    execute(database_, "DELETE FROM store_other_references WHERE kind = ? AND name = ?",
            text(kind_word(holder.kind)), holder.name);
}

void Rows::put_other_reference(std::string_view image, int number, const Holder& holder, std::int64_t since) {
    execute(database_, "INSERT OR IGNORE INTO store_other_references VALUES(?, ?, ?, ?, ?)", text(image),
            number, text(kind_word(holder.kind)), holder.name, since);
}

void Rows::begin_journal(std::string_view operation, std::string_view image, int number, std::int64_t now) {
    execute(database_, "INSERT INTO store_journal(operation, image, generation, started) VALUES(?, ?, ?, ?)",
            text(operation), text(image), number, now);
}

void Rows::end_journal(std::string_view image, int number) {
    execute(database_, "DELETE FROM store_journal WHERE image = ? AND generation = ?", text(image), number);
}

}  // namespace imgforge::store
