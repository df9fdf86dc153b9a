// SPDX-License-Identifier: GPL-3.0-or-later
// What we write, read by other programs: blkid, isoinfo, mtools, ssh-keygen, PyYAML and cloud-init's own
// code.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/host_keys.hpp"
#include "seeds/seed.hpp"
#include "tests/support/require.hpp"

namespace imgforge::seeds {
namespace {

using testing::HasSubstr;

SeedFiles odd_files() {
    return {{"meta-data", "{}\n"},
            {"empty", ""},
            {"a-name-much-longer-than-eight-plus-three.data.json", std::string(1U << 20U, 'x')},
            {"openstack/latest/meta_data.json", "{}"}};
}

std::string output(const std::string& program, std::vector<std::string> args, const std::string& input = {}) {
    SystemProcessRunner runner;
    return run_checked(runner, {.program = program, .args = std::move(args), .stdin_text = input}).out;
}

#define NEED(program)                                                 \
    if (!find_program(program)) {                                     \
        IMGFORGE_SKIP("tools", std::string(program) + " is missing"); \
    }

bool has_python_module(const std::string& module) {
    SystemProcessRunner runner;
    return runner.run({.program = "/usr/bin/python3", .args = {"-c", "import " + module}}).ok();
}

TEST(SeedIso, is_recognised_by_blkid_and_isoinfo) {
    NEED("blkid");
    NEED("isoinfo");
    const TempDir folder("seed");
    write_seed_iso(odd_files(), "cidata", folder / "s.iso");

    EXPECT_THAT(output("blkid", {"-p", "-o", "export", (folder / "s.iso").string()}),
                HasSubstr("LABEL=cidata\n"));
    EXPECT_THAT(output("isoinfo", {"-d", "-i", (folder / "s.iso").string()}),
                HasSubstr("Volume id: cidata\n"));
    for (const char* const names : {"-R", "-J"}) {
        const std::string listing = output("isoinfo", {names, "-f", "-i", (folder / "s.iso").string()});
        for (const auto& [path, bytes] : odd_files()) {
            EXPECT_THAT(listing, HasSubstr("/" + path + "\n")) << names;
            EXPECT_EQ(output("isoinfo", {names, "-i", (folder / "s.iso").string(), "-x", "/" + path}), bytes)
                << names << path;
        }
    }
}

TEST(SeedVfat, is_clean_for_fsck_and_readable_by_mtools) {
    NEED("fsck.vfat");
    NEED("mtype");
    NEED("blkid");
    const TempDir folder("seed");
    const std::string image = (folder / "s.img").string();
    write_seed_vfat(odd_files(), "cidata", image);

    EXPECT_THAT(output("blkid", {"-p", "-o", "export", image}), HasSubstr("LABEL=CIDATA\n"));
    static_cast<void>(output("fsck.vfat", {"-n", image}));
    for (const auto& [path, bytes] : odd_files()) {
        EXPECT_EQ(output("mtype", {"-i", image, "::" + path}), bytes) << path;
    }
}

TEST(HostKeys, are_what_ssh_keygen_derives_from_the_private_half) {
    NEED("ssh-keygen");
    const TempDir folder("seed");
    for (const HostKey& key : make_host_keys({"ed25519", "ecdsa", "rsa"})) {
        write_file_atomically(folder / key.type, key.private_key, 0600);
        EXPECT_EQ(output("ssh-keygen", {"-y", "-f", (folder / key.type).string()}), key.public_key + "\n")
            << key.type;
    }
}

std::string random_text(std::mt19937& random) {
    static const std::vector<std::string> pieces{"yes",        "no",
                                                 "0644",       "1e3",
                                                 "null",       "~",
                                                 "\"",         "'",
                                                 "\\",         "\n",
                                                 "\t",         ": ",
                                                 "#",          " ",
                                                 "- ",         "{",
                                                 "}",          "&a",
                                                 "*a",         "!",
                                                 "%",          "\xf0\x9f\x98\x80",
                                                 "\xc3\xa4",   "\xe2\x80\xa8",
                                                 "\x7f",       "\x01",
                                                 "\xc2\x85",   "\r",
                                                 "|",          ">",
                                                 "@",          "`",
                                                 "a",          "Z",
                                                 "0x1f",       "1:30",
                                                 "2020-01-01", "\xef\xbb\xbf",
                                                 "<<",         "=",
                                                 ".inf"};
    std::string out;
    for (std::size_t i = random() % 6; i > 0; --i) {
        out += pieces[random() % pieces.size()];
    }
    return out;
}

TEST(CloudYaml, random_strings_survive_pyyaml_unchanged) {
    if (!has_python_module("yaml")) {
        IMGFORGE_SKIP("tools", "python3-yaml is missing");
    }
    std::mt19937 random(20261121);
    Json tree = Json::array();
    for (int i = 0; i < 3000; ++i) {
        tree.push_back({{"k" + random_text(random), random_text(random)}});
    }
    const std::string script =
        "import sys,json,yaml; json.dump(yaml.safe_load(sys.stdin.buffer.read()), sys.stdout)";

    EXPECT_TRUE(Json::parse(output("/usr/bin/python3", {"-c", script}, cloud_config_text(tree))) == tree);
}

SeedSpec spec_of(Datasource datasource) {
    SeedSpec spec{.datasource = datasource, .instance_id = "i-7", .hostname = "web-1"};
    spec.user_data = "#cloud-config\nruncmd: [own]\ntimezone: Asia/Tokyo\n";
    spec.timezone = "UTC";
    spec.commands = {"ours"};
    spec.network = network_v2({{.mac = "52:54:00:00:00:01", .dhcp4 = false, .addresses = {"192.0.2.5/24"}}});
    return spec;
}

TEST(CloudInit, merges_the_two_parts_as_promised) {
    if (!has_python_module("cloudinit")) {
        IMGFORGE_SKIP("tools", "cloud-init is missing");
    }
    const std::string script =
        "import sys,json\nfrom cloudinit import helpers,user_data,handlers\nfrom "
        "cloudinit.handlers.cloud_config import "
        "CloudConfigPartHandler\n"
        "import tempfile,os\nd=tempfile.mkdtemp()\np=helpers.Paths({'cloud_dir':d,'run_dir':d})\n"
        "m=user_data.UserDataProcessor(p).process(sys.stdin.buffer.read())\nh=CloudConfigPartHandler(p)\nh."
        "cloud_buf={}\n"
        "[h._merge_part(x.get_payload(decode=True).decode(),x) for x in m.walk() if "
        "x.get_content_type()=='text/cloud-config']\n"
        "print(json.dumps(h.cloud_buf))\nimport shutil; shutil.rmtree(d)";
    const Json merged = Json::parse(
        output("/usr/bin/python3", {"-c", script}, seed_files(spec_of(Datasource::nocloud)).at("user-data")));

    EXPECT_EQ(merged["runcmd"], Json::array({"own", "ours"}));
    EXPECT_EQ(merged["timezone"], "Asia/Tokyo");
    EXPECT_EQ(merged["hostname"], "web-1");
}

TEST(CloudInit, configdrive_code_reads_our_drive_and_network) {
    if (!has_python_module("cloudinit")) {
        IMGFORGE_SKIP("tools", "cloud-init is missing");
    }
    const TempDir folder("seed");
    write_seed_dir(seed_files(spec_of(Datasource::configdrive)), folder / "drive");
    const std::string script =
        "import sys,json\nfrom cloudinit.sources.DataSourceConfigDrive import read_config_drive\nfrom "
        "cloudinit.sources.helpers import "
        "openstack\n"
        "r=read_config_drive(sys.argv[1])\nn=openstack.convert_net_json(r['networkdata'],known_macs={'52:54:"
        "00:00:00:01':'eth0'})\n"
        "print(json.dumps({'id':r['metadata']['uuid'],'host':r['metadata']['hostname'],'net':n['config'],'"
        "user':len(r['userdata'])}))";
    const Json read = Json::parse(output("/usr/bin/python3", {"-c", script, (folder / "drive").string()}));

    EXPECT_EQ(read["id"], "i-7");
    EXPECT_EQ(read["host"], "web-1");
    EXPECT_EQ(read["net"][0]["name"], "eth0");
    EXPECT_EQ(read["net"][0]["subnets"][0]["address"], "192.0.2.5");
    EXPECT_GT(read["user"].get<int>(), 100);
}

TEST(CloudInit, schema_command_accepts_our_cloud_config) {
    NEED("cloud-init");
    const TempDir folder("seed");
    SeedSpec spec = spec_of(Datasource::nocloud);
    spec.user_data.reset();
    spec.users.push_back({.name = "ann", .gecos = "Ann", .groups = {"adm"}, .sudo = true});
    spec.files.push_back({.path = "/etc/x", .content = "\xff"});
    spec.disks.push_back({.device = "/dev/vdb", .mountpoint = "/data"});
    spec.repositories.push_back({.name = "extra", .source = "deb http://example.org/ x main"});
    spec.host_keys = make_host_keys({"ed25519"});
    spec.packages = {"vim"};
    spec.keyboard = "de";
    write_seed_dir(seed_files(spec), folder / "s");

    EXPECT_THAT(output("cloud-init", {"schema", "-c", (folder / "s" / "user-data").string()}),
                HasSubstr("Valid"));
}

}  // namespace
}  // namespace imgforge::seeds
