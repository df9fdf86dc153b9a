// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/journal.hpp"

#include <sys/stat.h>

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge::engine {
namespace {

constexpr std::string_view tables = R"sql(
CREATE TABLE engine_runs(
    id TEXT PRIMARY KEY, recipe TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER,
    state TEXT NOT NULL, message TEXT NOT NULL DEFAULT '');
CREATE TABLE engine_run_stages(
    run TEXT NOT NULL REFERENCES engine_runs(id) ON DELETE CASCADE, position INTEGER NOT NULL,
    name TEXT NOT NULL, fingerprint TEXT NOT NULL,
    verdict TEXT NOT NULL, reason TEXT NOT NULL, state TEXT NOT NULL,
    layer TEXT NOT NULL DEFAULT '', seconds REAL,
    PRIMARY KEY(run, position));
CREATE TABLE engine_history(
    recipe TEXT NOT NULL, name TEXT NOT NULL, ingredients TEXT NOT NULL, seconds REAL NOT NULL,
    ended INTEGER NOT NULL, PRIMARY KEY(recipe, name));
CREATE TABLE engine_layers(id TEXT PRIMARY KEY, used INTEGER NOT NULL);
CREATE TABLE engine_digests(
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX engine_runs_by_recipe ON engine_runs(recipe, started);
CREATE INDEX engine_runs_by_state ON engine_runs(state);
)sql";

/// bind(1), bind(2) … in order.
template <class... Values>
SQLite::Statement statement(StateDb& database, const char* sql, const Values&... values) {
    SQLite::Statement query(database.raw(), sql);
    int index = 0;
    (query.bind(++index, values), ...);
    return query;
}

template <class... Values>
void execute(StateDb& database, const char* sql, const Values&... values) {
    statement(database, sql, values...).exec();
}

std::string file_stamp(const std::filesystem::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        throw system_error("read", file.string(), errno);
    }
    // The change time is set by the kernel on every write and cannot be set back, unlike the modification
    // time.
    return fmt::format("{}:{}:{}:{}.{}:{}.{}", status.st_dev, status.st_ino, status.st_size,
                       status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                       status.st_ctim.tv_nsec);
}

}  // namespace

std::string_view to_string(RunState state) {
    switch (state) {
        case RunState::running: return "running";
        case RunState::done: return "done";
        case RunState::failed: return "failed";
        case RunState::interrupted: return "interrupted";
        case RunState::lost: return "lost";
    }
    return "lost";
}

Journal::Journal(StateDb& database) : database_(database) {
    database_.migrate("engine", {tables});
}

void Journal::open_run(const std::string& run, const std::string& recipe, std::int64_t now,
                       const std::vector<PlannedStage>& plan) {
    database_.transaction([&] {
        execute(database_, "INSERT INTO engine_runs(id, recipe, started, state) VALUES(?, ?, ?, 'running')",
                run, recipe, now);
        for (std::size_t i = 0; i < plan.size(); ++i) {
            const bool runs = plan[i].verdict == PlannedStage::Verdict::run;
            execute(database_,
                    "INSERT INTO engine_run_stages(run, position, name, fingerprint, verdict, reason, state) "
                    "VALUES(?, ?, ?, ?, ?, ?, "
                    "'waiting')",
                    run, static_cast<std::int64_t>(i), plan[i].name, plan[i].fingerprint,
                    std::string(runs ? "run" : "reuse"), plan[i].reason);
        }
    });
}

void Journal::stage_started(const std::string& run, std::size_t position) {
    database_.transaction([&] {
        execute(database_, "UPDATE engine_run_stages SET state='running' WHERE run=? AND position=?", run,
                static_cast<std::int64_t>(position));
    });
}

void Journal::stage_uses(const std::string& run, std::size_t position, const std::string& layer_id,
                         std::int64_t now) {
    execute(database_, "UPDATE engine_run_stages SET layer=? WHERE run=? AND position=?", layer_id, run,
            static_cast<std::int64_t>(position));
    execute(database_, "INSERT OR REPLACE INTO engine_layers(id, used) VALUES(?, ?)", layer_id, now);
}

void Journal::run_reuses(const std::string& run, const std::vector<PlannedStage>& plan,
                         const std::map<std::string, Layer>& layers, std::int64_t now) {
    database_.transaction([&] {
        for (std::size_t i = 0; i < plan.size(); ++i) {
            if (const auto layer = layers.find(plan[i].fingerprint); layer != layers.end()) {
                stage_uses(run, i, layer->second.id, now);
            }
        }
    });
}

void Journal::stage_done(const std::string& run, const std::string& recipe, std::size_t position,
                         const PlannedStage& stage, double seconds, std::int64_t now) {
    execute(database_, "UPDATE engine_run_stages SET state='done', seconds=? WHERE run=? AND position=?",
            seconds, run, static_cast<std::int64_t>(position));
    execute(database_,
            "INSERT OR REPLACE INTO engine_history(recipe, name, ingredients, seconds, ended) VALUES(?, ?, "
            "?, ?, ?)",
            recipe, stage.name, canonical(to_json(stage.ingredients)), seconds, now);
}

void Journal::close_run(const std::string& run, RunState state, std::int64_t now, std::string_view message) {
    database_.transaction([&] {
        execute(database_, "UPDATE engine_runs SET state=?, ended=?, message=? WHERE id=?",
                std::string(to_string(state)), now, std::string(message), run);
        execute(database_, "UPDATE engine_run_stages SET state=? WHERE run=? AND state='running'",
                std::string(to_string(state)), run);
    });
}

std::set<std::string> Journal::settle(const std::function<bool(const std::string&)>& is_live,
                                      std::int64_t now) {
    std::set<std::string> live;
    std::set<std::string> dead;
    SQLite::Statement query = statement(database_, "SELECT id FROM engine_runs WHERE state='running'");
    while (query.executeStep()) {
        const std::string run = query.getColumn(0).getString();
        (is_live(run) ? live : dead).insert(run);
    }
    for (const std::string& run : dead) {
        close_run(run, RunState::lost, now, "its process ended without a word");
    }
    return live;
}

std::set<std::string> Journal::layers_in_use(const std::string& except) const {
    std::set<std::string> ids;
    SQLite::Statement query =
        statement(database_,
                  "SELECT DISTINCT layer FROM engine_run_stages JOIN engine_runs ON id=run "
                  "WHERE engine_runs.state='running' AND run<>? AND layer<>''",
                  except);
    while (query.executeStep()) {
        ids.insert(query.getColumn(0).getString());
    }
    return ids;
}

std::map<std::string, StageHistory> Journal::history(const std::string& recipe) const {
    std::map<std::string, StageHistory> history;
    SQLite::Statement past =
        statement(database_, "SELECT name, ingredients, seconds FROM engine_history WHERE recipe=?", recipe);
    while (past.executeStep()) {
        StageHistory& one = history[past.getColumn(0).getString()];
        one.ingredients = ingredients_from_json(parse_json(past.getColumn(1).getString(), "the journal"));
        one.seconds = past.getColumn(2).getDouble();
    }
    SQLite::Statement last = statement(database_,
                                       "SELECT name, fingerprint, state FROM engine_run_stages WHERE state "
                                       "IN ('failed', 'interrupted', 'lost') AND run="
                                       "(SELECT id FROM engine_runs WHERE recipe=? AND state<>'running' "
                                       "ORDER BY started DESC, rowid DESC LIMIT 1)",
                                       recipe);
    while (last.executeStep()) {
        StageHistory& one = history[last.getColumn(0).getString()];
        const std::string state = last.getColumn(2).getString();
        one.unfinished = last.getColumn(1).getString();
        one.unfinished_how = state == "failed" ? "failed"
                             : state == "lost" ? "was killed"
                                               : "was interrupted";
    }
    return history;
}

std::map<std::string, std::int64_t> Journal::used_at() const {
    std::map<std::string, std::int64_t> used;
    SQLite::Statement query = statement(database_, "SELECT id, used FROM engine_layers");
    while (query.executeStep()) {
        used[query.getColumn(0).getString()] = query.getColumn(1).getInt64();
    }
    return used;
}

void Journal::forget_layers(const std::vector<std::string>& ids) {
    database_.transaction([&] {
        for (const std::string& id : ids) {
            execute(database_, "DELETE FROM engine_layers WHERE id=?", id);
        }
    });
}

std::vector<std::string> Journal::forget_old_runs(std::size_t keep) {
    std::vector<std::string> old;
    SQLite::Statement query = statement(database_,
                                        "SELECT id FROM engine_runs WHERE state<>'running' ORDER BY started "
                                        "DESC, rowid DESC LIMIT -1 OFFSET ?",
                                        static_cast<std::int64_t>(keep));
    while (query.executeStep()) {
        old.push_back(query.getColumn(0).getString());
    }
    if (!old.empty()) {
        database_.transaction([&] {
            for (const std::string& run : old) {
                execute(database_, "DELETE FROM engine_runs WHERE id=?", run);
            }
        });
    }
    return old;
}

std::string Journal::digest(const std::filesystem::path& file) {
    const std::string path = std::filesystem::absolute(file).lexically_normal().string();
    const std::string stamp = file_stamp(file);
    SQLite::Statement known =
        statement(database_, "SELECT sha256 FROM engine_digests WHERE path=? AND stamp=?", path, stamp);
    if (known.executeStep()) {
        return known.getColumn(0).getString();
    }
    const std::string sha256 = sha256_file(file, [](std::uint64_t) { interrupt::check(); });
    if (file_stamp(file) == stamp) {
        execute(database_, "INSERT OR REPLACE INTO engine_digests(path, stamp, sha256) VALUES(?, ?, ?)", path,
                stamp, sha256);
    }
    return sha256;
}

}  // namespace imgforge::engine
