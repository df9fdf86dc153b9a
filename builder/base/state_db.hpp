// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace SQLite {
class Database;
}
namespace imgforge::state_file {
struct Copy;
}

namespace imgforge {

/// `state.db`: one SQLite file for names, MACs, references and the journal. Each area owns its tables and
/// brings its own migrations; nobody reads another area's tables directly. WAL, synchronous=FULL, foreign
/// keys on, busy timeout 30 s.
class StateDb {
public:
    /// Opens or creates. A file that is not a database or is damaged: Failure::integrity, naming `imgforge
    /// images verify --repair`. One of another program or of a newer imgforge: Failure::host. A database that
    /// this user may only read is read from a private copy; changes to it go nowhere. Mode 0600, or 0660 in a
    /// directory of a group.
    explicit StateDb(const std::filesystem::path& file);
    ~StateDb();
    StateDb(StateDb&&) noexcept;

    /// Brings the tables of `area` up to date: statement list i leads from version i to i+1. Versions are
    /// kept in the table `schema_versions(area, version)`. A database newer than this program is refused.
    void migrate(std::string_view area, const std::vector<std::string_view>& steps);

    SQLite::Database& raw();

    /// Runs `body` in BEGIN IMMEDIATE … COMMIT; rolls back on any exception. Not re-entrant.
    void transaction(const std::function<void()>& body);

private:
    std::unique_ptr<state_file::Copy> copy_;  ///< what is open instead, where the file may only be read
    std::unique_ptr<SQLite::Database> database_;
};

}  // namespace imgforge
