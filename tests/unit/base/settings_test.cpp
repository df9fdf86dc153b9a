// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/settings_table.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;

class SettingsTest : public testing::Test {
protected:
    std::filesystem::path write(const std::string& name, const std::string& text) {
        write_file_atomically(folder_ / name, text);
        return folder_ / name;
    }
    Settings load(const std::string& text) { return load_settings({write("config.yaml", text)}); }
    /// What is reported, without the directory's name.
    std::string errors(const std::string& text) {
        try {
            load(text);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), Failure::recipe);
            std::string message = error.message();
            for (const std::string prefix = folder_.path().string() + "/";
                 message.find(prefix) != std::string::npos;) {
                message.erase(message.find(prefix), prefix.size());
            }
            return message;
        }
        return "accepted";
    }

    TempDir folder_{"settings-test"};
};

TEST_F(SettingsTest, a_tilde_in_a_path_is_the_users_home) {
    const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
    ::setenv("HOME", "/home/ann", 1);
    const Settings settings = load(
        "signing: {key: ~/keys/signing.pem}\nmetrics: ~/m.prom\nimages: {path: [~/store, /srv/store]}\n"
        "targets: {rack: {folder: ~/images, key: ~/index.key}, hub: {oci: 'host/~/{image}'}}\n");
    ::setenv("HOME", home.c_str(), 1);
    EXPECT_EQ(settings.signing_key, "/home/ann/keys/signing.pem");
    EXPECT_EQ(settings.metrics, "/home/ann/m.prom");
    EXPECT_THAT(settings.image_path, ElementsAre("/home/ann/store", "/srv/store"));
    EXPECT_EQ(settings.targets.at("rack").place(), "/home/ann/images");
    EXPECT_EQ(settings.targets.at("rack").option("key"), "/home/ann/index.key");
    EXPECT_EQ(settings.targets.at("hub").place(), "host/~/{image}") << "no path of this host";
}

TEST_F(SettingsTest, values_are_typed) {
    const Settings settings = load(
        "connection: embedded\n"
        "network: bridge=br0,vlan=7\n"
        "sizes: {huge: {memory: 64G, vcpus: 16, disk: 107374182400}}\n"
        "hosts:\n  lab1: qemu+ssh://lab1/system\n  lab2: {connection: 'qemu+ssh://lab2/system', pool: fast}\n"
        "budget: {memory: 6G}\n"
        "cache: {max-age: 7d, max-size: 20G}\n"
        "notify: {command: [mail, root], on: failure}\n"
        "acceleration: tcg\n");

    EXPECT_EQ(settings.connection, "embedded");
    EXPECT_THAT(settings.networks, ElementsAre("bridge=br0,vlan=7"));
    EXPECT_EQ(settings.sizes.at("huge"),
              (SizeSetting{.memory = ByteSize::gib(64), .vcpus = 16U, .disk = ByteSize::gib(100)}));
    EXPECT_EQ(settings.hosts.at("lab1").connection, "qemu+ssh://lab1/system");
    EXPECT_EQ(settings.hosts.at("lab2"), (HostSetting{"qemu+ssh://lab2/system", "fast"}));
    EXPECT_EQ(settings.budget.memory, ByteSize::gib(6));
    EXPECT_EQ(settings.cache, (CacheSetting{hours(24 * 7), ByteSize::gib(20)}));
    EXPECT_EQ(settings.notify, (NotifySetting{{"mail", "root"}, true, false, false}));
    EXPECT_EQ(settings.acceleration, AccelerationSetting::tcg);
}

TEST_F(SettingsTest, nothing_and_files_without_a_value_are_the_defaults) {
    EXPECT_EQ(load_settings({folder_ / "missing.yaml"}), Settings{});
    EXPECT_EQ(load("# connection: embedded\n"), Settings{});
}

TEST_F(SettingsTest, later_files_win_key_by_key) {
    const Settings settings = load_settings(
        {write("system.yaml", "budget: {memory: 6G, cpus: 2}\nssh_keys: [/a.pub]\nnotify: [mail, root]\n"),
         write("user.yaml", "budget: {cpus: 3}\nssh_keys: [/b.pub]\nnotify: {on: [always]}\n")});

    EXPECT_EQ(settings.budget.memory, ByteSize::gib(6));
    EXPECT_EQ(settings.budget.cpus, 3);
    EXPECT_THAT(settings.ssh_keys, ElementsAre("/b.pub"));
    EXPECT_EQ(settings.notify, (NotifySetting{{"mail", "root"}, false, false, true}));
}

TEST_F(SettingsTest, unknown_keys_are_errors_with_their_place_at_every_depth) {
    EXPECT_EQ(errors("conection: embedded\n"),
              "config.yaml:1:1: unknown setting 'conection' (did you mean 'connection'?)");
    EXPECT_EQ(errors("jobs: 2\nnotify: {comand: [mail]}\n"),
              "config.yaml:2:10: unknown key 'comand' in 'notify' (did you mean 'command'?)");
    EXPECT_EQ(errors("budget:\n  memroy: 6G\n"),
              "config.yaml:2:3: unknown key 'memroy' in 'budget' (did you mean 'memory'?)");
    EXPECT_EQ(errors("sizes: {own: {ram: 1G}}\n"), "config.yaml:1:15: unknown key 'ram' in 'own'");
    EXPECT_THAT(errors("hosts: {lab1: {conection: x}}\n"), HasSubstr("did you mean 'connection'"));
    EXPECT_THAT(errors("mirror: http://mirror.example/debian\n"), HasSubstr("unknown setting 'mirror'"));
}

TEST_F(SettingsTest, wrong_types_and_values_are_errors_with_their_place) {
    for (const auto& [text, place, part] : std::vector<std::array<std::string, 3>>{
             {"acceleration: 1\n", "1:15: ", "text"},
             {"acceleration: warp\n", "1:15: ", "kvm"},
             {"budget: {memory: many}\n", "1:18: ", "many"},
             {"budget: {cpus: 0}\n", "1:16: ", "0"},
             {"budget: 6G\n", "1:9: ", "map"},
             {"jobs: 0\n", "1:7: ", "1"},
             {"cache: {max-age: soon}\n", "1:18: ", "soon"},
             {"sizes: {own: 3}\n", "1:14: ", "map"},
             {"sizes: {own: {memory: true}}\n", "1:23: ", "memory"},
             {"sizes: {own: {memory: 0}}\n", "1:23: ", "0"},
             {"hosts: {lab1: {pool: x}}\n", "1:", "'connection' is missing"},
             {"network: nta\n", "1:10: ", "bridge=NAME"},
             {"network: [nat, nta]\n", "1:16: ", "bridge=NAME"},
             {"notify: {command: [3]}\n", "1:20: ", "text"},
             {"notify: {command: [mail], on: [faliure]}\n", "1:31: ", "did you mean 'failure'"},
             {"ssh_keys: /a.pub\n", "1:11: ", "list"},
             {"- connection\n", "1:1: ", "map"}}) {
        EXPECT_THAT(errors(text), testing::StartsWith("config.yaml:" + place)) << text;
        EXPECT_THAT(errors(text), HasSubstr(part)) << text;
    }
}

TEST_F(SettingsTest, all_errors_of_all_files_are_reported_at_once) {
    try {
        load_settings({write("a.yaml", "jobs: many\nbudget: {disk: much}\n"), write("b.yaml", "sizs: {}\n")});
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), testing::AllOf(HasSubstr("a.yaml:1:7"), HasSubstr("a.yaml:2:16"),
                                                    HasSubstr("b.yaml:1:1")));
    }
}

TEST_F(SettingsTest, a_target_is_one_place_with_its_options) {
    const Settings settings = load(
        "targets:\n  hub: {oci: 'reg.example/golden/{image}', format: containerdisk}\n"
        "  lab: {libvirt: ['qemu+ssh://a/system', 'qemu+ssh://b/system'], pool: golden}\n"
        "  web: {s3: 'https://s3.example/b', key: /k.pem, follow: true}\n");
    EXPECT_EQ(settings.targets.at("hub"),
              (TargetSetting{"oci", {"reg.example/golden/{image}"}, {{"format", "containerdisk"}}}));
    EXPECT_THAT(settings.targets.at("lab").places, ElementsAre("qemu+ssh://a/system", "qemu+ssh://b/system"));
    EXPECT_EQ(settings.targets.at("web").option("follow"), "true");
    EXPECT_THAT(errors("targets: {web: {key: /k.pem}}\n"), HasSubstr("exactly one"));
    EXPECT_THAT(errors("targets: {web: {folder: /a, s3: 'https://h/b'}}\n"), HasSubstr("names 2 places"));
    EXPECT_THAT(errors("targets: {web: {foldr: /a}}\n"), HasSubstr("did you mean 'folder'"));
    EXPECT_THAT(errors("targets: {web: {s3: bucket}}\n"), HasSubstr("https://HOST/BUCKET"));
    EXPECT_THAT(errors("targets: {web: {folder: /a, valid: soon}}\n"), HasSubstr("soon"));
}

TEST_F(SettingsTest, a_users_file_adds_options_to_a_target_of_the_systems) {
    const Settings settings = load_settings({write("system.yaml", "targets: {web: {folder: /srv/a}}\n"),
                                             write("user.yaml", "targets: {web: {key: /k.pem}}\n")});
    EXPECT_EQ(settings.targets.at("web"), (TargetSetting{"folder", {"/srv/a"}, {{"key", "/k.pem"}}}));
}

TEST_F(SettingsTest, other_stores_and_the_appliances_timeout_are_checked) {
    EXPECT_EQ(load("appliance: {timeout: 10m}\n").appliance_timeout, std::chrono::minutes(10));
    EXPECT_THAT(errors("appliance: {timeout: 0}\n"), HasSubstr("timeout of 0"));
    EXPECT_THAT(errors("images: {path: [imgforge]}\n"), HasSubstr("absolute"));
}

/// The value at the path of a row, as it would stand in a file: "hosts.*.pool" -> {hosts: {own: {pool: …}}}.
Json document_with(std::string path, const Json& value) {
    Json document = value;
    for (;;) {
        const std::size_t dot = path.rfind('.');
        const std::string key = path.substr(dot == std::string::npos ? 0 : dot + 1);
        document = Json{{key == "*" ? "own" : key, document}};
        if (dot == std::string::npos) {
            return document;
        }
        path.resize(dot);
    }
}

TEST_F(SettingsTest, every_key_that_is_accepted_is_read) {
    const Json schema = settings_schema();
    std::vector<std::string> maps;
    for (const SettingRow& row : setting_rows()) {
        const Json own = Json::parse(row.schema);
        EXPECT_TRUE(own.contains("description")) << row.path;
        if (row.read == nullptr) {
            maps.emplace_back(row.path);
            continue;
        }
        ASSERT_TRUE(own.contains("examples")) << row.path;
        for (const Json& example : own["examples"]) {
            Settings settings;
            row.read(settings, "own", example);
            EXPECT_NE(settings, Settings{}) << row.path << " is not read";
            YamlDocument document{.file = "x", .root = document_with(row.path, example), .positions = {}};
            Diagnostics found;
            check_schema(document, "", document.root, schema, found);
            if (std::string(row.path) != "hosts.*.pool") {  // needs its connection
                EXPECT_TRUE(found.empty()) << row.path << ": " << found.text();
            }
        }
    }
    for (const std::string& map : maps) {
        EXPECT_TRUE(
            std::any_of(setting_rows().begin(), setting_rows().end(),
                        [&](const SettingRow& row) { return std::string(row.path).starts_with(map + "."); }))
            << map << " has no keys";
    }
}

TEST(SettingsSchema, uses_only_keywords_that_are_checked) {
    const std::set<std::string>& known = known_schema_keywords();
    const std::function<void(const Json&, bool)> look = [&](const Json& node, bool names) {
        for (const auto& item : node.items()) {
            EXPECT_TRUE(names || known.contains(item.key())) << item.key();
            if (item.value().is_object()) {
                look(item.value(), item.key() == "properties" && !names);
            }
        }
    };
    look(settings_schema(), false);
}

}  // namespace
}  // namespace imgforge
