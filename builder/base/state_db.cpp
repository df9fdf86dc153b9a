// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/state_db.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>
#include <sqlite3.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/state_file.hpp"

namespace imgforge {
namespace {

constexpr int busy_timeout_ms = 30000;
constexpr std::uintmax_t small_room =
    256U << 10U;  ///< less than SQLite needs for its shared memory and a few pages

Error translate(const SQLite::Exception& fault, const std::string& file) {
    std::string message =
        fmt::format("the state database{}: {}", file.empty() ? "" : " " + file, fault.what());
    if (!file.empty()) {
        std::error_code code;
        const auto space = std::filesystem::space(std::filesystem::path(file).parent_path(), code);
        if (!code && space.available < small_room) {
            message += fmt::format("; the disk is full ({} bytes free)", space.available);
        }
    }
    switch (fault.getErrorCode()) {
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
            return {Failure::integrity, message,
                    fmt::format("move it away and run `imgforge images verify --repair`, which rebuilds it "
                                "from the directories")};
        case SQLITE_FULL:
        // A shared-memory file that cannot grow is an I/O error to SQLite
        // (sqlite.org/rescode.html#ioerr_shmsize).
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PERM:
            return {
                Failure::host, message,
                "check free space and permissions of that directory, and the kernel's log for errors of the "
                "disk; then run the same again"};
        case SQLITE_BUSY:
            return {Failure::timeout, message, "another imgforge process holds it; look for a hanging one"};
        default: return {Failure::tool, message};
    }
}

/// For statements outside of the functions below; the file's name is not known there.
std::optional<Error> translate_foreign(const std::exception& fault) {
    const auto* sqlite = dynamic_cast<const SQLite::Exception*>(&fault);
    return sqlite == nullptr ? std::nullopt : std::optional(translate(*sqlite, {}));
}

/// "imgf", in the header of every database of ours (sqlite.org/fileformat.html, offset 68). One without it
/// was made before there was one, or is empty.
constexpr int application_id = 0x696d6766;

void require_ours(SQLite::Database& database, const std::filesystem::path& file) {
    const auto number = [&](const char* what) {
        SQLite::Statement query(database, what);
        return query.executeStep() ? query.getColumn(0).getInt() : 0;
    };
    const int id = number("PRAGMA application_id");
    if (id == application_id) {
        return;
    }
    const bool empty = number("SELECT count(*) FROM sqlite_master") == 0;
    const bool known =
        number("SELECT count(*) FROM sqlite_master WHERE type='table' AND name='schema_versions'") != 0;
    if (id != 0 || !(empty || known)) {
        throw Error(Failure::host, fmt::format("{} is a database of another program", file.string()),
                    "name the right directory with IMGFORGE_HOME");
    }
    database.exec(fmt::format("PRAGMA application_id={}", application_id));
}

}  // namespace

StateDb::StateDb(const std::filesystem::path& file) {
    register_error_translator(translate_foreign);
    try {
        make_directories(file.parent_path());
        std::filesystem::path opened = file;
        if (state_file::only_readable(file)) {
            copy_ = state_file::private_copy(file);
            opened = copy_->file;
        } else {
            state_file::keep_reserve(file);
            state_file::prepare(file);
        }
        database_ = std::make_unique<SQLite::Database>(
            opened.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busy_timeout_ms);
        // A refused statement must be an error at once, not at the next one.
        sqlite3_extended_result_codes(database_->getHandle(), 0);
        require_ours(*database_, file);
        database_->exec("PRAGMA journal_mode=WAL");
        database_->exec("PRAGMA synchronous=FULL");
        database_->exec("PRAGMA foreign_keys=ON");
    } catch (const SQLite::Exception& fault) {
        throw translate(fault, file.string());
    }
}

StateDb::~StateDb() = default;
StateDb::StateDb(StateDb&&) noexcept = default;

SQLite::Database& StateDb::raw() {
    return *database_;
}

void StateDb::migrate(std::string_view area, const std::vector<std::string_view>& steps) {
    const std::string file = database_->getFilename();
    const auto version_of = [&]() -> std::size_t {
        SQLite::Statement table(*database_,
                                "SELECT 1 FROM sqlite_master WHERE type='table' AND name='schema_versions'");
        if (!table.executeStep()) {
            return 0;
        }
        SQLite::Statement query(*database_, "SELECT version FROM schema_versions WHERE area=?");
        query.bind(1, std::string(area));
        return query.executeStep() ? static_cast<std::size_t>(query.getColumn(0).getInt64()) : 0U;
    };
    try {
        std::size_t version = version_of();
        if (version > steps.size()) {
            throw Error(Failure::host,
                        fmt::format("{} was written by a newer imgforge ({} version {}, this one knows {})",
                                    file, area, version, steps.size()),
                        "use the newer imgforge, or another IMGFORGE_HOME");
        }
        if (version == steps.size()) {
            return;
        }
        transaction([&] {
            // Somebody else may have migrated between the look and the lock.
            version = version_of();
            database_->exec(
                "CREATE TABLE IF NOT EXISTS schema_versions(area TEXT PRIMARY KEY, version INTEGER NOT "
                "NULL)");
            for (; version < steps.size(); ++version) {
                database_->exec(std::string(steps[version]));
            }
            SQLite::Statement store(*database_,
                                    "INSERT OR REPLACE INTO schema_versions(area, version) VALUES(?, ?)");
            store.bind(1, std::string(area));
            store.bind(2, static_cast<std::int64_t>(version));
            store.exec();
        });
    } catch (const SQLite::Exception& fault) {
        throw translate(fault, file);
    }
}

void StateDb::transaction(const std::function<void()>& body) {
    try {
        database_->exec("BEGIN IMMEDIATE");
        try {
            body();
            database_->exec("COMMIT");
        } catch (...) {
            database_->tryExec("ROLLBACK");
            throw;
        }
    } catch (const SQLite::Exception& fault) {
        throw translate(fault, database_->getFilename());
    }
}

}  // namespace imgforge
