// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/pushed.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <initializer_list>
#include <set>

namespace imgforge::targets {
namespace {

Json spec_of(const TargetSetting& setting) {
    return {{"kind", setting.kind}, {"places", setting.places}, {"options", setting.options}};
}

TargetSetting setting_of(const std::string& spec) {
    const Json record = parse_json(spec, "state.db");
    return {.kind = record.value("kind", std::string()),
            .places = record.value("places", std::vector<std::string>()),
            .options = record.value("options", std::map<std::string, std::string>())};
}

void bind_all(SQLite::Statement& statement, std::initializer_list<std::string> values) {
    int index = 0;
    for (const std::string& value : values) {
        statement.bind(++index, value);
    }
}

}  // namespace

PushedTargets::PushedTargets(StateDb& database) : database_(database) {
    database_.migrate(
        "target_pushes",
        {"CREATE TABLE target_pushes(target TEXT NOT NULL, image TEXT NOT NULL, "
         "generation INTEGER NOT NULL, spec TEXT NOT NULL, PRIMARY KEY(target, image, generation));"
         "CREATE TABLE target_pointers(target TEXT NOT NULL, image TEXT NOT NULL, "
         "error TEXT NOT NULL, PRIMARY KEY(target, image))"});
}

void PushedTargets::put(const NamedTarget& target, const std::string& image, int generation) {
    database_.transaction([&] {
        SQLite::Statement statement(database_.raw(),
                                    "INSERT OR REPLACE INTO target_pushes VALUES(?, ?, ?, ?)");
        statement.bind(1, target.name);
        statement.bind(2, image);
        statement.bind(3, generation);
        statement.bind(4, spec_of(target.setting).dump());
        statement.exec();
    });
}

void PushedTargets::forget(const std::string& target, const std::string& image, int generation) {
    database_.transaction([&] {
        SQLite::Statement statement(
            database_.raw(), "DELETE FROM target_pushes WHERE target = ? AND image = ? AND generation = ?");
        statement.bind(1, target);
        statement.bind(2, image);
        statement.bind(3, generation);
        statement.exec();
    });
}

bool PushedTargets::holds(const std::string& target, const std::string& image, int generation) const {
    SQLite::Statement query(database_.raw(),
                            "SELECT 1 FROM target_pushes WHERE target = ? AND image = ? AND generation = ?");
    query.bind(1, target);
    query.bind(2, image);
    query.bind(3, generation);
    return query.executeStep();
}

NamedTarget PushedTargets::named(const std::string& name, const std::string& spec,
                                 const Settings& settings) const {
    return settings.targets.contains(name) ? find_target(settings, name)
                                           : NamedTarget{.name = name, .setting = setting_of(spec)};
}

std::vector<NamedTarget> PushedTargets::targets_of(const std::string& image, const Settings& settings) const {
    std::vector<NamedTarget> found;
    SQLite::Statement query(
        database_.raw(),
        "SELECT target, spec FROM target_pushes WHERE image = ? GROUP BY target ORDER BY target");
    query.bind(1, image);
    while (query.executeStep()) {
        found.push_back(named(query.getColumn(0).getString(), query.getColumn(1).getString(), settings));
    }
    return found;
}

std::vector<NamedTarget> PushedTargets::all(const Settings& settings) const {
    std::vector<NamedTarget> found;
    SQLite::Statement query(database_.raw(),
                            "SELECT target, spec FROM target_pushes GROUP BY target ORDER BY target");
    while (query.executeStep()) {
        found.push_back(named(query.getColumn(0).getString(), query.getColumn(1).getString(), settings));
    }
    return found;
}

std::vector<std::string> PushedTargets::images_at(const std::string& place) const {
    std::set<std::string> found;
    SQLite::Statement query(database_.raw(), "SELECT DISTINCT image, spec FROM target_pushes");
    while (query.executeStep()) {
        if (setting_of(query.getColumn(1).getString()).place() == place) {
            found.insert(query.getColumn(0).getString());
        }
    }
    return {found.begin(), found.end()};
}

std::vector<PushedTargets::Pending> PushedTargets::pending(const Settings& settings) const {
    std::vector<Pending> found;
    SQLite::Statement query(
        database_.raw(),
        "SELECT p.target, p.image, p.error, t.spec FROM target_pointers p JOIN target_pushes t ON "
        "t.target = p.target AND t.image = p.image GROUP BY p.target, p.image ORDER BY p.target, p.image");
    while (query.executeStep()) {
        found.push_back(
            {.target = named(query.getColumn(0).getString(), query.getColumn(3).getString(), settings),
             .image = query.getColumn(1).getString(),
             .error = query.getColumn(2).getString()});
    }
    return found;
}

void PushedTargets::put_pending(const std::string& target, const std::string& image,
                                const std::string& error) {
    database_.transaction([&] {
        SQLite::Statement statement(database_.raw(),
                                    "INSERT OR REPLACE INTO target_pointers VALUES(?, ?, ?)");
        bind_all(statement, {target, image, error});
        statement.exec();
    });
}

void PushedTargets::drop_pending(const std::string& target, const std::string& image) {
    database_.transaction([&] {
        SQLite::Statement statement(database_.raw(),
                                    "DELETE FROM target_pointers WHERE target = ? AND image = ?");
        bind_all(statement, {target, image});
        statement.exec();
    });
}

}  // namespace imgforge::targets
