// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/rows.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/store/row_statements.hpp"

namespace imgforge::store {
namespace {

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

}  // namespace imgforge::store
