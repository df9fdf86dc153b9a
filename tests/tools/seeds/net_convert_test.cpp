// SPDX-License-Identifier: GPL-3.0-or-later
// What imgforge writes or calls fine as network-config goes through cloud-init's renderers without an
// exception.
#include <gmock/gmock.h>

#include <array>
#include <chrono>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/network_checks.hpp"
#include "seeds/seed.hpp"
#include "seeds/seed_nics.hpp"
#include "tests/support/require.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::array corpus{
    "version: 2\nethernets: {eth1: {match: {macaddress: '52:54:00:00:00:01'}, set-name: eth1, dhcp4: yes}}",
    "version: 2\nethernets:\n  eth1:\n    match: {macaddress: '52:54:00:00:00:01'}\n    addresses: "
    "[192.0.2.5/24, "
    "'2001:db8::5/64']\n    routes: [{to: 0.0.0.0/0, via: 192.0.2.1}, {to: '::/0', via: '2001:db8::1'}]\n"
    "    nameservers: {addresses: [192.0.2.53], search: [example.org]}",
    "version: 2\nethernets:\n  eth1: {match: {macaddress: '52:54:00:00:00:01'}, dhcp4: true, mtu: 9000}\n  "
    "eth2: "
    "{match: {macaddress: '52:54:00:00:00:02'}, addresses: [10.0.0.5/8], routes: [{to: 10.1.0.0/16, via: "
    "10.0.0.1, "
    "metric: 7}]}",
    "version: 2\nethernets:\n  eth1: {match: {macaddress: '52:54:00:00:00:01'}}\n  eth2: {match: "
    "{macaddress: "
    "'52:54:00:00:00:02'}}\nbonds: {bond0: {interfaces: [eth1, eth2], parameters: {mode: 802.3ad, lacp-rate: "
    "fast, "
    "mii-monitor-interval: 100}, dhcp4: true}}",
    "version: 2\nethernets:\n  eth1: {match: {macaddress: '52:54:00:00:00:01'}, dhcp4: true}\nvlans: "
    "{eth1.7: {id: 7, "
    "link: eth1, addresses: [192.0.2.9/24]}}",
    "version: 1\nconfig:\n- {type: physical, name: eth1, mac_address: '52:54:00:00:00:01', subnets: [{type: "
    "static, "
    "address: 192.0.2.5/24, gateway: 192.0.2.1, dns_nameservers: [192.0.2.53]}]}\n- {type: nameserver, "
    "address: "
    "[192.0.2.54], search: [example.org]}\n- {type: route, destination: 10.0.0.0/8, gateway: 192.0.2.2}",
    "version: 1\nconfig:\n- {type: physical, name: eth1}\n- {type: physical, name: eth2}\n- {type: bond, "
    "name: bond0, "
    "bond_interfaces: [eth1, eth2], params: {bond-mode: active-backup}, subnets: [{type: dhcp}]}\n- {type: "
    "vlan, "
    "name: bond0.7, vlan_link: bond0, vlan_id: 7, subnets: [{type: static, address: 10.0.7.5, netmask: "
    "255.255.255.0}]}",
    "network:\n  version: 2\n  ethernets: {eth1: {match: {macaddress: '52:54:00:00:00:01'}, dhcp6: true, "
    "accept-ra: "
    "true}}",
};

void write_corpus(const TempDir& folder) {
    for (std::size_t i = 0; i < corpus.size(); ++i) {
        const std::string text = std::string(corpus[i]) + "\n";
        EXPECT_FALSE(check_network_text(text, "n", guest_named("debian12")).has_errors()) << text;
        write_file_atomically(folder / fmt::format("own-{}.yaml", i), text);
    }
    const std::vector<SeedNic> nics{
        parse_nic("52:54:00:00:00:01,ip=192.0.2.5/24,gw=192.0.2.1,dns=192.0.2.53", 1),
        parse_nic("52:54:00:00:00:02,ip=2001:db8::5/64,gw=2001:db8::1,mtu=1400", 2),
        parse_nic("52:54:00:00:00:03,dhcp6", 3)};
    write_file_atomically(folder / "nics.yaml", yaml_text(network_v1(nics)));
    SeedSpec drive{.datasource = Datasource::configdrive};
    drive.network = network_v2(nics);
    write_file_atomically(folder / "nics.json", seed_files(drive).at("openstack/latest/network_data.json"));
}

TEST(NetConvert, renders_our_network_for_every_distribution_without_an_exception) {
    SystemProcessRunner runner;
    if (!runner.run({.program = "/usr/bin/python3", .args = {"-c", "import cloudinit"}}).ok()) {
        IMGFORGE_SKIP("tools", "cloud-init is missing");
    }
    const TempDir folder("net-convert");
    write_corpus(folder);
    const std::string out =
        run_checked(runner, {.program = "/usr/bin/python3",
                             .args = {(data_path("tests/tools/seeds") / "net_convert.py").string(),
                                      folder.path().string()},
                             .timeout = std::chrono::minutes(2)})
            .out;
    std::size_t rendered = 0;
    std::size_t begin = 0;
    while (begin < out.size()) {
        const std::string line = out.substr(begin, out.find('\n', begin) - begin);
        begin += line.size() + 1;
        EXPECT_TRUE(line.ends_with(" ok")) << line;
        ++rendered;
    }
    EXPECT_EQ(rendered, (corpus.size() + 2) * 4);
}

TEST(NetConvert, a_gateway_of_ours_needs_no_route_command_in_a_guest_with_ifupdown) {
    SystemProcessRunner runner;
    if (!runner.run({.program = "/usr/bin/python3", .args = {"-c", "import cloudinit"}}).ok()) {
        IMGFORGE_SKIP("tools", "cloud-init is missing");
    }
    const TempDir folder("net-convert");
    write_file_atomically(
        folder / "network.yaml",
        yaml_text(network_v1({parse_nic("52:54:00:00:00:01,ip=192.0.2.5/24,gw=192.0.2.1,name=lan0", 1)})));
    static_cast<void>(run_checked(
        runner, {.program = "/usr/bin/python3",
                 .args = {"-m", "cloudinit.cmd.main", "devel", "net-convert", "-p",
                          (folder / "network.yaml").string(), "-k", "yaml", "-d", (folder / "out").string(),
                          "-D", "debian", "-O", "eni", "-m", "lan0,52:54:00:00:00:01"}}));

    const std::string text = read_file(folder / "out/etc/network/interfaces.d/50-cloud-init");

    EXPECT_NE(text.find("    gateway 192.0.2.1\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("route add"), std::string::npos) << text;
}

}  // namespace
}  // namespace imgforge::seeds
