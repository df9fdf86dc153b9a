// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include <SQLiteCpp/SQLiteCpp.h>
#include <SQLiteCpp/VariadicBind.h>

#include "pipelines/store/rows.hpp"

// SQL statements of the store's tables, for rows.cpp and row_changes.cpp alone.
namespace imgforge::store {

/// Columns of store_generations in the order read and written.
inline constexpr const char* generation_columns =
    "image, generation, state, created, sha256, manifest_sha256, content, virtual_size, allocated_size, "
    "parent, depth, reason";

/// A prepared statement with its values bound in order.
template <class... Values>
SQLite::Statement statement(StateDb& database, const std::string& sql, const Values&... values) {
    SQLite::Statement query(database.raw(), sql);
    SQLite::bind(query, values...);
    return query;
}

/// Runs a statement that returns no rows; SQLite's errors come out as Error.
template <class... Values>
void execute(StateDb& database, const std::string& sql, const Values&... values) {
    in_database(database, [&] { statement(database, sql, values...).exec(); });
}

inline std::string text(std::string_view value) {
    return std::string(value);
}

inline std::string_view kind_word(Holder::Kind kind) {
    return kind == Holder::Kind::instance ? "instance" : "build";
}

}  // namespace imgforge::store
