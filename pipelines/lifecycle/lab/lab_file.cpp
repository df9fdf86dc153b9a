// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lab/lab_file.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/json_schema_words.hpp"
#include "builder/base/strict_yaml.hpp"
#include "pipelines/lifecycle/expiry.hpp"
#include "pipelines/lifecycle/machine_name.hpp"
#include "pipelines/lifecycle/ports.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

Json text_of(const char* description) {
    return {{"type", "string"}, {"description", description}};
}

Json texts(const char* description) {
    return {{"type", "array"}, {"items", {{"type", "string"}}}, {"description", description}};
}

Json machine_schema() {
    return {{"type", "object"},
            {"description", "a machine, or several of one kind"},
            {"additionalProperties", false},
            {"required", {"image"}},
            {"properties",
             {{"image", text_of("NAME or NAME@GENERATION")},
              {"count",
               {{"type", "integer"},
                {"minimum", 1},
                {"maximum", 100},
                {"description", "so many, called NAME-1, NAME-2, …"}}},
              {"size", text_of("small, medium, large, or one of the settings")},
              {"memory", text_of("such as 2G")},
              {"vcpus", {{"type", "integer"}, {"minimum", 1}, {"maximum", 512}, {"description", "CPUs"}}},
              {"disk", text_of("the root disk grows to this")},
              {"data-disks", texts("sizes of further empty disks")},
              {"networks", texts("networks of this lab, or as for spawn --network; one NIC each")},
              {"user-data", text_of("cloud-init user-data: a file, relative to this one")},
              {"publish", texts("[ADDRESS:]HOSTPORT:GUESTPORT[/udp]")},
              {"needs", texts("machines that must be up first")},
              {"wait",
               {{"type", "string"},
                {"enum", {"none", "ip", "agent", "cloud-init", "ssh"}},
                {"description", "the signal by which it counts as up"}}},
              {"ttl", text_of("destroyed after this time, such as 8h")},
              {"hostname", text_of("host name of the guest, with its domain")},
              {"comment", text_of("shown by imgforge list")}}}};
}

Json network_schema() {
    return {{"type", "object"},
            {"description", "a network of libvirt: NAT, or isolated"},
            {"additionalProperties", false},
            {"properties",
             {{"isolated", {{"type", "boolean"}, {"description", "no way out of the lab"}}},
              {"subnet",
               {{"type", "string"},
                {"pattern", "^[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.0/24$"},
                {"x-message", "must be a /24 network such as 192.168.150.0/24"},
                {"description", "addresses of the network"}}}}}};
}

std::vector<std::string> list_of(const Json& object, const char* key) {
    return object.value(key, std::vector<std::string>());
}

/// Reads a lab; errors go to `diagnostics` at their place.
class LabReader {
public:
    LabReader(const YamlDocument& document, fs::path folder, Diagnostics& diagnostics)
        : document_(document), folder_(std::move(folder)), diagnostics_(diagnostics) {}

    Lab read(const std::string& fallback_name) {
        const Json& root = document_.root;
        lab_.name = root.value("lab", fallback_name);
        guarded("/lab", [&] { check_machine_name(lab_.name); });
        const Json networks = root.value("networks", Json::object());
        for (const auto& [name, value] : networks.items()) {
            read_network(name, value);
        }
        for (const auto& [name, value] : root.at("machines").items()) {
            read_group(name, value);
        }
        order();
        return std::move(lab_);
    }

private:
    /// An error of some reader becomes a diagnostic at its place.
    template <class Body>
    void guarded(const std::string& pointer, Body&& body) {
        try {
            body();
        } catch (const Error& error) {
            diagnostics_.add(document_.at(
                pointer, fmt::format("{}: {}", json_schema::named(pointer), error.message()), error.hint()));
        }
    }

    void read_network(const std::string& name, const Json& value) {
        guarded("/networks/" + pointer_token(name), [&] { check_machine_name(name); });
        lab_.networks.push_back({name, fmt::format("imgforge-{}-{}", lab_.name, name),
                                 value.is_object() && value.value("isolated", false),
                                 value.is_object() ? value.value("subnet", "") : ""});
    }

    NetworkSpec network(const std::string& text) const {
        const auto own = std::find_if(lab_.networks.begin(), lab_.networks.end(),
                                      [&](const auto& net) { return net.name == text; });
        return parse_network(own == lab_.networks.end() ? text : "network=" + own->domain);
    }

    void read_sizes(const std::string& at, const Json& value, SpawnOptions& options) {
        const auto size = [&](const char* key, std::optional<ByteSize>& target) {
            if (value.contains(key)) {
                guarded(at + "/" + key, [&] { target = ByteSize::parse(value[key].get<std::string>()); });
            }
        };
        size("memory", options.memory);
        size("disk", options.disk);
        if (value.contains("vcpus")) {
            options.vcpus = value["vcpus"].get<unsigned>();
        }
        for (const auto& text : list_of(value, "data-disks")) {
            guarded(at + "/data-disks", [&] { options.data_disks.push_back(ByteSize::parse(text)); });
        }
    }

    SpawnOptions read_options(const std::string& at, const Json& value, Json& spec) {
        SpawnOptions options;
        options.image = value.at("image").get<std::string>();
        options.size = value.value("size", "");
        options.comment = value.value("comment", "");
        options.hostname = value.value("hostname", "");
        options.lab = lab_.name;
        read_sizes(at, value, options);
        for (const auto& text : list_of(value, "networks")) {
            guarded(at + "/networks", [&] { options.networks.push_back(network(text)); });
        }
        for (const auto& text : list_of(value, "publish")) {
            guarded(at + "/publish", [&] { options.published.push_back(parse_published(text)); });
        }
        if (value.contains("ttl")) {
            guarded(at + "/ttl", [&] { options.ttl = parse_ttl(value["ttl"].get<std::string>()); });
        }
        options.wait = parse_wait(value.value("wait", "ssh"));
        if (value.contains("user-data")) {
            guarded(at + "/user-data", [&] {
                constexpr std::uintmax_t limit = 16U << 20U;
                options.user_data = folder_ / value["user-data"].get<std::string>();
                spec["user-data"] = sha256_hex(read_file(*options.user_data, limit));
            });
        }
        return options;
    }

    void read_group(const std::string& name, const Json& value) {
        const std::string at = "/machines/" + pointer_token(name);
        guarded(at, [&] { check_machine_name(name); });
        Json spec = value;
        for (const char* const key : {"count", "needs", "wait"}) {
            spec.erase(key);
        }
        const SpawnOptions options = read_options(at, value, spec);
        const int count = value.value("count", 1);
        if (count > 1 && !options.published.empty()) {
            diagnostics_.add(document_.at(at + "/publish", "a published port fits one machine only"));
        }
        for (int number = 1; number <= count; ++number) {
            LabMachine machine{count == 1 ? name : fmt::format("{}-{}", name, number), name,
                               list_of(value, "needs"), options, spec};
            machine.options.name = machine.name;
            machine.options.lab_digest = spec.dump();
            lab_.machines.push_back(std::move(machine));
        }
    }

    /// Needed ones first; stable otherwise.
    void order() {
        std::set<std::string> groups;
        for (const auto& machine : lab_.machines) {
            groups.insert(machine.group);
        }
        std::vector<LabMachine> sorted;
        std::set<std::string> done;
        while (sorted.size() < lab_.machines.size()) {
            std::set<std::string> next;
            for (const auto& machine : lab_.machines) {
                const bool ready = std::all_of(
                    machine.needs.begin(), machine.needs.end(),
                    [&](const auto& need) { return done.count(need) != 0 || groups.count(need) == 0; });
                if (done.count(machine.group) == 0 && ready) {
                    sorted.push_back(machine);
                    next.insert(machine.group);
                }
            }
            if (next.empty()) {
                diagnostics_.add(document_.at("/machines", "machines need each other in a circle"));
                return;
            }
            done.insert(next.begin(), next.end());
        }
        check_needs(groups);
        lab_.machines = std::move(sorted);
    }

    void check_needs(const std::set<std::string>& groups) {
        for (const auto& machine : lab_.machines) {
            for (const auto& need : machine.needs) {
                if (groups.count(need) == 0) {
                    diagnostics_.add(document_.at("/machines/" + pointer_token(machine.group) + "/needs",
                                                  fmt::format("no machine '{}' in this lab", need)));
                }
            }
        }
    }

    const YamlDocument& document_;
    fs::path folder_;
    Diagnostics& diagnostics_;
    Lab lab_;
};

}  // namespace

Json lab_schema() {
    return {{"$schema", "http://json-schema.org/draft-07/schema#"},
            {"title", "imgforge lab"},
            {"type", "object"},
            {"additionalProperties", false},
            {"required", {"machines"}},
            {"properties",
             {{"lab", text_of("name of the lab; without it the file's name")},
              {"networks",
               {{"type", "object"},
                {"additionalProperties", network_schema()},
                {"x-kind", "network"},
                {"description", "networks of libvirt that come and go with the lab"}}},
              {"machines",
               {{"type", "object"},
                {"additionalProperties", machine_schema()},
                {"x-kind", "machine"},
                {"description", "its machines by name"}}}}}};
}

Lab load_lab(const fs::path& file) {
    const YamlDocument document = load_yaml(file.string());
    Diagnostics diagnostics;
    check_schema(document, "", document.root, lab_schema(), diagnostics, {.whole = "the lab"});
    diagnostics.throw_if_errors();
    Lab lab = LabReader(document, fs::absolute(file).parent_path(), diagnostics).read(file.stem().string());
    diagnostics.sort();
    diagnostics.throw_if_errors();
    return lab;
}

}  // namespace imgforge::lifecycle
