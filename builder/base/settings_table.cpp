// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/settings_table.hpp"

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/base/user_path.hpp"

namespace imgforge {
namespace {

std::string scalar_text(const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// "2G" or a number of bytes.
ByteSize size(const Json& value) {
    return ByteSize::parse(scalar_text(value));
}

/// No machine or budget works with less than 1 MiB: the unit was forgotten, or it is zero.
ByteSize positive_size(const Json& value) {
    const ByteSize result = size(value);
    if (result < ByteSize::mib(1)) {
        throw Error(Failure::recipe,
                    fmt::format("'{}' is {}: the unit is missing", scalar_text(value), result.text()),
                    "write it as 2G or 1536M");
    }
    return result;
}

/// One word or a list of them.
std::vector<std::string> words(const Json& value) {
    return value.is_string() ? std::vector{value.get<std::string>()} : value.get<std::vector<std::string>>();
}

void read_notify_events(Settings& settings, const std::string& /*name*/, const Json& value) {
    NotifySetting& notify = settings.notify;
    notify.on_failure = notify.on_change = notify.always = false;
    for (const std::string& word : words(value)) {
        bool* const member = word == "failure"  ? &notify.on_failure
                             : word == "change" ? &notify.on_change
                             : word == "always" ? &notify.always
                                                : nullptr;
        if (member == nullptr) {
            throw Error(Failure::recipe,
                        fmt::format("invalid event '{}'{}", word,
                                    did_you_mean(word, {"failure", "change", "always"})),
                        "events are failure, change and always");
        }
        *member = true;
    }
}

void read_notify_command(Settings& settings, const std::string& /*name*/, const Json& value) {
    if (!value.is_object()) {
        settings.notify.command = words(value);
    }
}

void read_host(Settings& settings, const std::string& name, const Json& value) {
    if (value.is_string()) {
        settings.hosts[name].connection = value.get<std::string>();
    }
}

void read_acceleration(Settings& settings, const std::string& /*name*/, const Json& value) {
    settings.acceleration = value == "kvm"   ? AccelerationSetting::kvm
                            : value == "tcg" ? AccelerationSetting::tcg
                                             : AccelerationSetting::automatic;
}

using Name = const std::string&;
using Value = const Json&;

/// What machines are made with, and where.
std::vector<SettingRow> machine_setting_rows() {
    return {
        {"connection",
         R"json({
             "description": "libvirt URI for new machines, or the word embedded",
             "type": "string", "minLength": 1, "examples": ["qemu+ssh://lab1/system"]})json",
         [](Settings& s, Name, Value v) { s.connection = v.get<std::string>(); }},
        {"network",
         R"json({
             "description": "network of new machines, as for spawn --network: one or a list",
             "type": ["string", "array"], "minItems": 1,
             "pattern": "^(nat|user|isolated|(bridge|network)=[^,]+)(,.*)?$",
             "x-message": "must be nat, user, isolated, bridge=NAME or network=NAME",
             "items": {"type": "string", "pattern": "^(nat|user|isolated|(bridge|network)=[^,]+)(,.*)?$",
                       "x-message": "must be nat, user, isolated, bridge=NAME or network=NAME"},
             "examples": ["bridge=br0", ["nat", "isolated"]]})json",
         [](Settings& s, Name, Value v) { s.networks = words(v); }},
        {"sizes",
         R"json({
             "description": "sizes for spawn --size; small, medium and large exist already"})json"},
        {"sizes.*",
         R"json({
             "description": "one size; keys that are missing come from the built-in size of that name"})json"},
        {"sizes.*.memory",
         R"json({"description": "memory, 2G or 1536M",
             "type": ["string", "integer"], "examples": ["2G"]})json",
         [](Settings& s, Name name, Value v) { s.sizes[name].memory = positive_size(v); }},
        {"sizes.*.vcpus",
         R"json({"description": "virtual processors",
             "type": "integer", "minimum": 1, "maximum": 512, "examples": [4]})json",
         [](Settings& s, Name name, Value v) { s.sizes[name].vcpus = v.get<unsigned>(); }},
        {"sizes.*.disk",
         R"json({"description": "size to which the root disk is grown",
             "type": ["string", "integer"], "examples": ["20G"]})json",
         [](Settings& s, Name name, Value v) { s.sizes[name].disk = positive_size(v); }},
        {"defaults", R"json({"description": "what commands use when the option is not given"})json"},
        {"defaults.size",
         R"json({"description": "size of new machines", "type": "string", "minLength": 1, "default": "small",
             "examples": ["medium"]})json",
         [](Settings& s, Name, Value v) { s.default_size = v.get<std::string>(); }},
        {"hosts", R"json({"description": "other hosts by name, for spawn --host"})json"},
        {"hosts.*",
         R"json({"description": "a libvirt URI, or a mapping", "type": "string", "minLength": 1,
             "required": ["connection"], "examples": ["qemu+ssh://lab1/system"]})json",
         read_host},
        {"hosts.*.connection",
         R"json({"description": "libvirt URI of the host", "type": "string", "minLength": 1,
             "examples": ["qemu+ssh://lab1/system"]})json",
         [](Settings& s, Name name, Value v) { s.hosts[name].connection = v.get<std::string>(); }},
        {"hosts.*.pool",
         R"json({"description": "storage pool for the disks; default: the host's only pool, or the one named default",
             "type": "string", "minLength": 1, "examples": ["imgforge"]})json",
         [](Settings& s, Name name, Value v) { s.hosts[name].pool = v.get<std::string>(); }},
    };
}

/// The nightly refresh, the cache, and who may log in.
std::vector<SettingRow> refresh_setting_rows() {
    return {
        {"jobs",
         R"json({"description": "how many images a refresh processes in parallel; default: half the cores",
             "type": "integer", "minimum": 1, "maximum": 256, "examples": [3]})json",
         [](Settings& s, Name, Value v) { s.jobs = v.get<int>(); }},
        {"budget", R"json({"description": "what all jobs of a refresh together may use of this host"})json"},
        {"budget.memory",
         R"json({"description": "memory; default: 80 % of what is free", "type": ["string", "integer"],
             "examples": ["6G"]})json",
         [](Settings& s, Name, Value v) { s.budget.memory = positive_size(v); }},
        {"budget.cpus",
         R"json({"description": "processors; default: all",
             "type": "integer", "minimum": 1, "maximum": 4096,
             "examples": [4]})json",
         [](Settings& s, Name, Value v) { s.budget.cpus = v.get<int>(); }},
        {"budget.disk",
         R"json({"description": "disk space; default: 90 % of what is free", "type": ["string", "integer"],
             "examples": ["40G"]})json",
         [](Settings& s, Name, Value v) { s.budget.disk = positive_size(v); }},
        {"cache", R"json({"description": "when results of stages leave the cache"})json"},
        {"cache.max-age",
         R"json({"description": "time since the last use, 24h or 30d",
             "type": ["string", "integer"], "default": "30d",
             "examples": ["7d"]})json",
         [](Settings& s, Name, Value v) { s.cache.max_age = parse_duration(scalar_text(v)); }},
        {"cache.max-size",
         R"json({"description": "size of all cached disks together",
             "type": ["string", "integer"], "default": "60G",
             "examples": ["20G"]})json",
         [](Settings& s, Name, Value v) { s.cache.max_size = size(v); }},
        {"ssh_keys",
         R"json({
             "description": "who else may log in to new machines: public keys, or files of them",
             "type": "array", "items": {"type": "string", "minLength": 1},
             "examples": [["/etc/imgforge/admins.pub"]]})json",
         [](Settings& s, Name, Value v) { s.ssh_keys = words(v); }},
    };
}

/// What is reported of a refresh, and what machines run with.
std::vector<SettingRow> report_setting_rows() {
    return {
        {"notify",
         R"json({
             "description": "command that gets the report of a refresh on its standard input",
             "type": ["string", "array"], "minLength": 1, "minItems": 1, "items": {"type": "string"},
             "examples": [["mail", "-s", "imgforge", "root"]]})json",
         read_notify_command},
        {"notify.command",
         R"json({"description": "program and arguments",
             "type": ["string", "array"], "minLength": 1, "minItems": 1,
             "items": {"type": "string"}, "examples": [["mail", "-s", "imgforge", "root"]]})json",
         read_notify_command},
        {"notify.on",
         R"json({"description": "failure, change, always, or a list of these; default: failure and change",
             "type": ["string", "array"], "minItems": 1, "items": {"type": "string"},
             "examples": [["always"]]})json",
         read_notify_events},
        {"metrics",
         R"json({
             "description": "file for the Prometheus metrics of a refresh",
             "type": "string", "minLength": 1, "examples": ["/var/lib/node_exporter/imgforge.prom"]})json",
         [](Settings& s, Name, Value v) { s.metrics = user_path(v.get<std::string>()); }},
        {"acceleration",
         R"json({"description": "what machines of this host run with; auto measures it", "type": "string",
             "enum": ["auto", "kvm", "tcg"], "default": "auto", "examples": ["tcg"]})json",
         read_acceleration},
    };
}

}  // namespace

const std::vector<SettingRow>& setting_rows() {
    static const std::vector<SettingRow> rows = [] {
        std::vector<SettingRow> all = machine_setting_rows();
        for (const auto& rows_of : {refresh_setting_rows, report_setting_rows, image_setting_rows}) {
            const std::vector<SettingRow> more = rows_of();
            all.insert(all.end(), more.begin(), more.end());
        }
        return all;
    }();
    return rows;
}

}  // namespace imgforge
