// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_record.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

RecordState parse_record_state(const std::string& word) {
    for (const auto state : {RecordState::spawning, RecordState::ready, RecordState::destroyed}) {
        if (word == to_string(state)) {
            return state;
        }
    }
    throw Error(Failure::integrity, fmt::format("unknown machine state '{}'", word));
}

Json nics_json(const std::vector<Nic>& nics) {
    Json list = Json::array();
    for (const auto& nic : nics) {
        Json entry = {{"mac", nic.network.mac.value_or("")}, {"network", nic.network.text()}};
        if (nic.network.ip) {
            entry["fixed_ip"] = *nic.network.ip;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

/// Records of imgforge 0.1 say only whether the guest can do without CMPXCHG16B, which x86-64-v1 can.
std::optional<ProcessorLevel> processor_of(const Json& json) {
    if (!json.contains("processor")) {
        return json.value("needs_cx16", true) ? std::nullopt : std::optional(ProcessorLevel::v1);
    }
    const Json& level = json["processor"];
    return level.is_string() ? parse_processor_level(level.get<std::string>()) : std::nullopt;
}

std::vector<Nic> read_nics(const Json& list) {
    std::vector<Nic> nics;
    for (const auto& entry : list) {
        NetworkSpec network = parse_network(entry.at("network").get<std::string>());
        network.mac = normal_mac(entry.at("mac").get<std::string>());
        if (entry.contains("fixed_ip")) {
            network.ip = entry["fixed_ip"].get<std::string>();
        }
        nics.push_back({std::move(network)});
    }
    return nics;
}

Json paths_json(const std::vector<std::filesystem::path>& paths) {
    Json list = Json::array();
    for (const auto& path : paths) {
        list.push_back(path.string());
    }
    return list;
}

Json disks_json(const MachineRecord& record) {
    Json list = Json::array();
    for (const auto& disk : record.data_disks) {
        list.push_back(
            {{"path", disk.path.string()}, {"format", disk.format}, {"size", disk.size.in_bytes()}});
    }
    return list;
}

Json published_json(const MachineRecord& record) {
    Json list = Json::array();
    for (const auto& port : record.published) {
        list.push_back(to_json(port));
    }
    return list;
}

Json shares_json(const MachineRecord& record) {
    Json list = Json::array();
    for (const auto& share : record.shares) {
        list.push_back({{"path", share.path.string()},
                        {"tag", share.tag},
                        {"read_only", share.read_only},
                        {"driver", share.virtiofs ? "virtiofs" : "9p"}});
    }
    return list;
}

/// The parts that are lists of objects.
void read_lists(const Json& json, MachineRecord& record) {
    record.nics = read_nics(json.at("nics"));
    for (const auto& path : json.at("disk").at("chain")) {
        record.backing.emplace_back(path.get<std::string>());
    }
    for (const auto& disk : json.value("data_disks", Json::array())) {
        record.data_disks.push_back({disk.at("path").get<std::string>(), disk.at("format").get<std::string>(),
                                     ByteSize::bytes(disk.at("size").get<std::uint64_t>())});
    }
    for (const auto& share : json.value("shares", Json::array())) {
        record.shares.push_back({share.at("path").get<std::string>(), share.at("tag").get<std::string>(),
                                 share.at("read_only").get<bool>(),
                                 share.value("driver", "9p") == "virtiofs"});
    }
    for (const auto& port : json.value("published", Json::array())) {
        record.published.push_back(
            {port.at("address").get<std::string>(), port.at("host_port").get<std::uint16_t>(),
             port.at("guest_port").get<std::uint16_t>(), port.at("protocol").get<std::string>()});
    }
    record.xml = json.value("xml", std::vector<std::string>());
    record.host_keys = json.value("host_keys", std::vector<std::string>());
}

std::optional<CephRoot> read_ceph(const Json& json) {
    const Json ceph = json.value("ceph", Json());
    return ceph.is_object()
               ? std::optional(CephRoot{ceph.at("pool").get<std::string>(), ceph.value("secret", "")})
               : std::nullopt;
}

Json ceph_json(const std::optional<CephRoot>& ceph) {
    return ceph ? Json{{"pool", ceph->pool}, {"secret", ceph->secret}} : Json();
}

std::optional<LazyRoot> read_lazy(const Json& json) {
    const Json lazy = json.value("lazy", Json());
    if (!lazy.is_object()) {
        return std::nullopt;
    }
    return LazyRoot{.source = lazy.at("source").get<std::string>(),
                    .url = lazy.at("url").get<std::string>(),
                    .generation = lazy.at("generation").get<int>(),
                    .socket = lazy.at("socket").get<std::string>(),
                    .pid = lazy.at("pid").get<int>()};
}

Json lazy_json(const std::optional<LazyRoot>& lazy) {
    return lazy ? Json{{"source", lazy->source},
                       {"url", lazy->url},
                       {"generation", lazy->generation},
                       {"socket", lazy->socket.string()},
                       {"pid", lazy->pid}}
                : Json();
}

/// Fields that records of the first version do not have.
void read_later_fields(const Json& json, MachineRecord& record) {
    record.ceph = read_ceph(json);
    record.lazy = read_lazy(json);
    record.hardware = json.value("hardware", 0);
    record.size = json.value("size", "");
    record.os_id = json.value("os_id", "");
    record.graphics = json.value("graphics", "");
    record.hostname = json.value("hostname", "");
    record.protect = json.value("protect", false);
    record.expires = json.value("expires", std::int64_t{0});
    record.not_ready = json.value("not_ready", "");
    record.spool = json.value("spool", "");
    record.lab = json.value("lab", "");
    record.lab_digest = json.value("lab_digest", "");
}

MachineRecord read_record(const Json& json) {
    MachineRecord record;
    record.name = json.at("name").get<std::string>();
    record.state = parse_record_state(json.at("record_state").get<std::string>());
    record.image = json.at("image").get<std::string>();
    record.generation = json.at("generation").get<int>();
    record.uuid = json.at("uuid").get<std::string>();
    record.instance_id = json.at("instance_id").get<std::string>();
    record.generation_id = json.value("generation_id", "");
    record.connection = json.at("connection").get<std::string>();
    record.host = json.value("host", "");
    record.pool = json.value("pool", "");
    if (json.contains("ssh_port") && !json["ssh_port"].is_null()) {
        record.ssh_port = json["ssh_port"].get<std::uint16_t>();
    }
    record.user = json.at("user").get<std::string>();
    record.disk = json.at("disk").at("path").get<std::string>();
    record.disk_format = json.at("disk").at("format").get<std::string>();
    record.seed = json.value("seed", "");
    record.memory = ByteSize::bytes(json.at("memory").get<std::uint64_t>());
    record.vcpus = json.at("vcpus").get<unsigned>();
    record.firmware = parse_firmware(json.value("firmware", "bios"));
    record.tpm = json.value("tpm", false);
    record.cpu = json.value("cpu", "");
    record.processor = processor_of(json);
    read_later_fields(json, record);
    record.autostart = json.value("autostart", false);
    record.ephemeral = json.value("ephemeral", false);
    record.warm = json.value("warm", false);
    record.comment = json.value("comment", "");
    record.created = json.value("created", std::int64_t{0});
    record.destroyed = json.value("destroyed", std::int64_t{0});
    record.seconds = json.value("seconds", 0.0);
    read_lists(json, record);
    return record;
}

}  // namespace

std::string_view to_string(RecordState state) {
    switch (state) {
        case RecordState::spawning: return "spawning";
        case RecordState::ready: return "ready";
        case RecordState::destroyed: return "destroyed";
    }
    return "";
}

std::string PublishedPort::text() const {
    return fmt::format("{}:{}->{}/{}", address, host_port, guest_port, protocol);
}

Json to_json(const PublishedPort& port) {
    return {{"address", port.address},
            {"host_port", port.host_port},
            {"guest_port", port.guest_port},
            {"protocol", port.protocol}};
}

bool MachineRecord::is_embedded() const {
    return connection.rfind("qemu:///embed", 0) == 0;
}

bool MachineRecord::is_remote() const {
    const std::size_t slashes = connection.find("://");
    return !pool.empty() || (slashes != std::string::npos && slashes + 3 < connection.size() &&
                             connection[slashes + 3] != '/');
}

Json to_json(const MachineRecord& record) {
    Json json = {{"version", 1},
                 {"name", record.name},
                 {"record_state", to_string(record.state)},
                 {"image", record.image},
                 {"generation", record.generation},
                 {"uuid", record.uuid},
                 {"instance_id", record.instance_id},
                 {"generation_id", record.generation_id},
                 {"connection", record.connection},
                 {"host", record.host},
                 {"pool", record.pool},
                 {"nics", nics_json(record.nics)},
                 {"ssh_port", record.ssh_port ? Json(*record.ssh_port) : Json()},
                 {"user", record.user},
                 {"disk",
                  {{"path", record.disk.string()},
                   {"format", record.disk_format},
                   {"chain", paths_json(record.backing)}}},
                 {"ceph", ceph_json(record.ceph)},
                 {"lazy", lazy_json(record.lazy)},
                 {"seed", record.seed.string()},
                 {"data_disks", disks_json(record)},
                 {"shares", shares_json(record)},
                 {"memory", record.memory.in_bytes()},
                 {"vcpus", record.vcpus},
                 {"firmware", std::string(to_string(record.firmware))},
                 {"tpm", record.tpm},
                 {"cpu", record.cpu},
                 {"processor", record.processor ? Json(std::string(to_string(*record.processor))) : Json()},
                 {"hardware", record.hardware},
                 {"size", record.size},
                 {"os_id", record.os_id},
                 {"graphics", record.graphics},
                 {"xml", record.xml},
                 {"hostname", record.hostname},
                 {"published", published_json(record)},
                 {"protect", record.protect},
                 {"expires", record.expires},
                 {"not_ready", record.not_ready},
                 {"spool", record.spool},
                 {"lab", record.lab},
                 {"lab_digest", record.lab_digest},
                 {"autostart", record.autostart},
                 {"ephemeral", record.ephemeral},
                 {"warm", record.warm},
                 {"comment", record.comment},
                 {"host_keys", record.host_keys},
                 {"created", record.created},
                 {"destroyed", record.destroyed},
                 {"seconds", record.seconds}};
    return json;
}

MachineRecord machine_record(const Json& json, std::string_view source) {
    return in_context([&] { return fmt::format("machine record {}", source); },
                      [&] {
                          try {
                              return read_record(json);
                          } catch (const nlohmann::json::exception& fault) {
                              throw Error(Failure::integrity,
                                          fmt::format("the record of a machine is damaged: {}", fault.what()),
                                          "imgforge cleanup --repair");
                          }
                      });
}

}  // namespace imgforge::lifecycle
