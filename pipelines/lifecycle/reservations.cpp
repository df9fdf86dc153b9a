// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/reservations.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"

namespace imgforge::lifecycle {
namespace {

// Machine names are host names, so 'Web' and 'web' are one (NOCASE).
constexpr std::string_view tables = R"(
CREATE TABLE lifecycle_machines (
    name TEXT PRIMARY KEY COLLATE NOCASE,
    uuid TEXT NOT NULL UNIQUE,
    instance_id TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL
);
CREATE TABLE lifecycle_macs (
    mac TEXT PRIMARY KEY,
    machine TEXT NOT NULL COLLATE NOCASE REFERENCES lifecycle_machines(name) ON DELETE CASCADE
);
CREATE TABLE lifecycle_ports (
    port INTEGER PRIMARY KEY,
    machine TEXT NOT NULL COLLATE NOCASE REFERENCES lifecycle_machines(name) ON DELETE CASCADE
);
CREATE INDEX lifecycle_macs_machine ON lifecycle_macs(machine);
CREATE INDEX lifecycle_ports_machine ON lifecycle_ports(machine);
)";

std::string text_of(const MachineRecord& record) {
    return to_json(record).dump(-1, ' ', false, Json::error_handler_t::replace);
}

MachineRecord record_of(const std::string& text, std::string_view name) {
    const std::string source = fmt::format("{} in state.db", name);
    return machine_record(parse_json(text, source), source);
}

void run(SQLite::Database& database, const char* sql, const std::string& value) {
    SQLite::Statement statement(database, sql);
    statement.bind(1, value);
    statement.exec();
}

}  // namespace

Reservations::Reservations(StateDb& database, std::filesystem::path instances)
    : database_(database), instances_(std::move(instances)) {
    database_.migrate("lifecycle", {tables});
}

bool Reservations::exists(std::string_view table, std::string_view column, std::string_view value) const {
    SQLite::Statement query(database_.raw(), fmt::format("SELECT 1 FROM {} WHERE {} = ?", table, column));
    query.bind(1, std::string(value));
    return query.executeStep();
}

std::string Reservations::free_mac(const std::set<std::string>& taken) const {
    // 2^24 addresses: with thousands of machines a second draw is rare, a hundredth impossible unless the
    // range is full.
    for (int attempt = 0; attempt < 1000; ++attempt) {
        std::string mac = random_mac();
        if (taken.count(mac) == 0 && !exists("lifecycle_macs", "mac", mac)) {
            return mac;
        }
    }
    throw Error(Failure::domain, "no free MAC address left in 52:54:00",
                "imgforge cleanup frees those of destroyed machines");
}

PortHold Reservations::free_port() const {
    auto hold = PortHold::any(
        [&](std::uint16_t port) { return exists("lifecycle_ports", "port", std::to_string(port)); });
    if (!hold) {
        throw Error(Failure::host,
                    fmt::format("no free loopback port from {} to {}", first_forward_port, last_forward_port),
                    "imgforge cleanup frees those of destroyed machines");
    }
    return std::move(*hold);
}

void Reservations::insert(const MachineRecord& record) {
    SQLite::Statement machine(
        database_.raw(),
        "INSERT INTO lifecycle_machines(name, uuid, instance_id, record) VALUES (?, ?, ?, ?)");
    machine.bind(1, record.name);
    machine.bind(2, record.uuid);
    machine.bind(3, record.instance_id);
    machine.bind(4, text_of(record));
    machine.exec();
    for (const auto& nic : record.nics) {
        const std::string mac = nic.network.mac.value_or("");
        if (exists("lifecycle_macs", "mac", mac)) {
            throw Error(Failure::domain, fmt::format("the MAC address {} is taken by another machine", mac),
                        "imgforge list --json shows all of them");
        }
        SQLite::Statement statement(database_.raw(),
                                    "INSERT INTO lifecycle_macs(mac, machine) VALUES (?, ?)");
        statement.bind(1, mac);
        statement.bind(2, record.name);
        statement.exec();
    }
    if (record.ssh_port) {
        SQLite::Statement statement(database_.raw(),
                                    "INSERT INTO lifecycle_ports(port, machine) VALUES (?, ?)");
        statement.bind(1, static_cast<int>(*record.ssh_port));
        statement.bind(2, record.name);
        statement.exec();
    }
}

std::vector<Reserved> Reservations::reserve(const ReservationRequest& request) {
    std::vector<Reserved> reserved;
    database_.transaction([&] {
        std::vector<MachineLock> locks;
        // A name whose lock is held but that has no row yet belongs to a spawn that is about to roll back or
        // to a command that is removing it: taken, for now.
        const auto names = request.names.choose(request.count, [&](const std::string& name) {
            if (request.taken_names.count(name) != 0 || exists("lifecycle_machines", "name", name)) {
                return false;
            }
            auto lock = MachineLock::try_acquire(instances_, name);
            if (!lock) {
                return false;
            }
            locks.push_back(std::move(*lock));
            return true;
        });
        for (std::size_t i = 0; i < names.size(); ++i) {
            MachineRecord record = request.common;
            record.name = names[i];
            record.state = RecordState::spawning;
            record.uuid = random_uuid();
            record.instance_id = fmt::format("i-{}", random_hex(16));
            for (auto& nic : record.nics) {
                if (nic.network.mac && request.taken_macs.count(*nic.network.mac) != 0) {
                    throw Error(Failure::domain, fmt::format("the MAC address {} is taken by a domain of {}",
                                                             *nic.network.mac, record.connection));
                }
                nic.network.mac = nic.network.mac.value_or(free_mac(request.taken_macs));
            }
            std::optional<PortHold> port;
            if (request.forward_ssh) {
                port = free_port();
                record.ssh_port = port->port();
            }
            insert(record);
            reserved.push_back({std::move(record), std::move(locks[i]), std::move(port)});
        }
    });
    return reserved;
}

std::optional<MachineRecord> Reservations::find(std::string_view name) const {
    SQLite::Statement query(database_.raw(), "SELECT record FROM lifecycle_machines WHERE name = ?");
    query.bind(1, std::string(name));
    if (!query.executeStep()) {
        return {};
    }
    return record_of(query.getColumn(0).getString(), name);
}

std::vector<MachineRecord> Reservations::all() const {
    std::vector<MachineRecord> records;
    SQLite::Statement query(database_.raw(), "SELECT name, record FROM lifecycle_machines ORDER BY name");
    while (query.executeStep()) {
        records.push_back(record_of(query.getColumn(1).getString(), query.getColumn(0).getString()));
    }
    return records;
}

std::vector<std::string> Reservations::names() const {
    std::vector<std::string> names;
    SQLite::Statement query(database_.raw(), "SELECT name FROM lifecycle_machines ORDER BY name");
    while (query.executeStep()) {
        names.push_back(query.getColumn(0).getString());
    }
    return names;
}

std::set<std::string> Reservations::uuids() const {
    std::set<std::string> uuids;
    SQLite::Statement query(database_.raw(), "SELECT uuid FROM lifecycle_machines");
    while (query.executeStep()) {
        uuids.insert(query.getColumn(0).getString());
    }
    return uuids;
}

void Reservations::save(const MachineRecord& record) {
    SQLite::Statement statement(database_.raw(),
                                "UPDATE lifecycle_machines SET record = ? WHERE name = ? AND uuid = ?");
    statement.bind(1, text_of(record));
    statement.bind(2, record.name);
    statement.bind(3, record.uuid);
    if (statement.exec() != 1) {
        throw Error(Failure::domain, fmt::format("machine '{}' no longer exists", record.name));
    }
}

bool Reservations::adopt(const MachineRecord& record) {
    try {
        database_.transaction([&] { insert(record); });
        return true;
    } catch (const SQLite::Exception&) {
        return false;
    } catch (const Error&) {
        return false;
    }
}

void Reservations::rename(std::string_view old_name, const MachineRecord& record) {
    database_.transaction([&] {
        const bool same =
            exists("lifecycle_machines", "name", record.name) && find(record.name)->uuid == record.uuid;
        if (exists("lifecycle_machines", "name", record.name) && !same) {
            throw Error(Failure::domain, fmt::format("the name '{}' is taken", record.name),
                        "imgforge list --all shows all names");
        }
        run(database_.raw(), "DELETE FROM lifecycle_machines WHERE name = ?", std::string(old_name));
        insert(record);
    });
}

PortHold Reservations::move_port(MachineRecord& record) {
    std::optional<PortHold> hold;
    database_.transaction([&] {
        hold = free_port();
        record.ssh_port = hold->port();
        run(database_.raw(), "DELETE FROM lifecycle_ports WHERE machine = ?", record.name);
        SQLite::Statement statement(database_.raw(),
                                    "INSERT INTO lifecycle_ports(port, machine) VALUES (?, ?)");
        statement.bind(1, static_cast<int>(hold->port()));
        statement.bind(2, record.name);
        statement.exec();
        save(record);
    });
    return std::move(*hold);
}

void Reservations::forget(std::string_view name) {
    run(database_.raw(), "DELETE FROM lifecycle_machines WHERE name = ?", std::string(name));
}

}  // namespace imgforge::lifecycle
