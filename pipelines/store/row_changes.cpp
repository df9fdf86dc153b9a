// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/rows.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pipelines/store/row_statements.hpp"

// What changes the store's tables.
namespace imgforge::store {

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
