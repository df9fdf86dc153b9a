// SPDX-License-Identifier: GPL-3.0-or-later
// Verdicts on user-data and network-config: refuse what cloud-init drops, warn of what it takes but nobody
// means, nothing else.
#include <gmock/gmock.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/places.hpp"
#include "seeds/findings.hpp"
#include "seeds/network_checks.hpp"
#include "seeds/seed.hpp"
#include "seeds/user_data_checks.hpp"
#include "tests/support/require.hpp"

namespace imgforge::seeds {
namespace {

using ::testing::HasSubstr;

struct JudgeCase {
    const char* text;
    const char* verdict;
    const char* says;
};

std::string verdict_of(const Diagnostics& found) {
    return found.has_errors() ? "refuse" : has_warnings(found) ? "warn" : "accept";
}

void expect_verdict(const JudgeCase& one, const Diagnostics& found) {
    EXPECT_EQ(verdict_of(found), one.verdict) << one.text << "\n" << found.text();
    EXPECT_THAT(found.text(), HasSubstr(one.says)) << one.text;
}

TEST(JudgeUserData, by_what_cloud_init_makes_of_the_values) {
    constexpr std::array cases{
        JudgeCase{"runcmd: [ls, [sh, -c, x]]", "accept", ""},
        JudgeCase{"runcmd: [[sleep, 5]]", "warn", "schema complains"},
        JudgeCase{"packages:", "accept", ""},
        JudgeCase{"bootcmd:", "warn", "empty"},
        JudgeCase{"hostname: 1234", "refuse", "quotes"},
        JudgeCase{"hostname: 'a b'", "refuse", "host name"},
        JudgeCase{"timezone: Europe/Atlantis", "refuse", "unknown time zone"},
        JudgeCase{"timezone: Europe/Berlin", "accept", ""},
        JudgeCase{"locale: false", "accept", ""},
        JudgeCase{"locale: true", "warn", "not the name of a locale"},
        JudgeCase{"network: {version: 2}", "refuse", "never reads 'network'"},
        JudgeCase{"users: [{name: ann, passwd: geheim, lock_passwd: false}]", "warn", "nobody can log in"},
        JudgeCase{"users: [{name: ann, plain_text_passwd: geheim}]", "warn", "stays locked"},
        JudgeCase{"users: [{name: '-ann'}]", "refuse", "useradd"},
        JudgeCase{"users: [{name: Ann.B}]", "accept", ""},
        JudgeCase{"users: [{name: t, expiredate: 2026-12-31}]", "refuse", "a date"},
        JudgeCase{"users: [{name: t, expiredate: '2026-12-31'}]", "accept", ""},
        JudgeCase{"ssh_authorized_keys: ['-----BEGIN OPENSSH PRIVATE KEY-----']", "warn", "private key"},
        JudgeCase{"write_files: [{path: /a, encoding: b64, content: abcde}]", "refuse", "not base64"},
        JudgeCase{"write_files: [{path: /a, encoding: b64, content: '%%'}]", "warn", "Python skips them"},
        JudgeCase{"write_files: [{path: /a, permissions: 0644}]", "warn", "in quotes"},
        JudgeCase{"write_files: [{path: /a, permissions: 644}]", "refuse", "octal"},
        JudgeCase{"write_files: [{content: a}]", "refuse", "'path' is missing"},
        JudgeCase{"chpasswd: {list: 'ann'}", "refuse", "user:password"},
        JudgeCase{"keyboard: {layout: no}", "refuse", "YAML 1.1 reads from no"},
        JudgeCase{"apt: {sources: {x: {sourc: deb}}}", "warn", "'source'"},
        JudgeCase{"ntp: {servers: a}", "refuse", "a list"},
        JudgeCase{"power_state: {mode: sleep}", "refuse", "must be one of"},
        JudgeCase{"yum_repos: {x: {name: a}}", "refuse", "missing"},
    };
    for (const JudgeCase& one : cases) {
        expect_verdict(one, check_user_data("#cloud-config\n" + std::string(one.text) + "\n", "u"));
    }
}

TEST(JudgeUserData, by_how_cloud_init_takes_it_apart) {
    constexpr std::array cases{
        JudgeCase{"#!/bin/bash\r\ntrue\r\n", "refuse", "CR LF"},
        JudgeCase{"\n  #Cloud-Config\nruncmd: [a]\n", "warn", "exactly"},
        JudgeCase{"## template:jinja\n#cloud-config\na: b\n", "refuse", "## template: jinja"},
        JudgeCase{"I2Nsb3VkLWNvbmZpZwpydW5jbWQ6IFthXQo=", "refuse", "base64"},
        JudgeCase{"\xfd\x37zXZ data", "refuse", "xz"},
        JudgeCase{"--XX\nContent-Type: text/cloud-config\nMIME-Version: 1.0\n\n#cloud-config\n--XX--\n",
                  "refuse", "without its header"},
        JudgeCase{"#cloud-config-archive\n- {type: text/cloud-config, content: 'runcmd: 7'}\n", "refuse",
                  "part 1"},
        JudgeCase{"#cloud-config-archive\n- {type: foo/bar, content: x}\n", "warn", "no handler"},
        JudgeCase{"#cloud-config-jsonp\n{}\n", "refuse", "JSON list"},
        JudgeCase{"#cloud-config\nwrite_files: [{path: /a, content: 'MIME-Version: 1.0'}]\nruncmd: 7\n",
                  "refuse", "runcmd"},
    };
    for (const JudgeCase& one : cases) {
        expect_verdict(one, check_user_data(one.text, "u"));
    }
}

TEST(JudgeUserData, by_the_version_of_the_guest) {
    const std::string text = "#cloud-config\nubuntu_pro: {token: x}\n";
    EXPECT_EQ(check_user_data(text, "u").text(), "");
    EXPECT_THAT(check_user_data(text, "u", guest_named("debian12")).text(), HasSubstr("this guest has 22.4"));
    EXPECT_THAT(
        check_user_data("#cloud-config\nca-certs: {trusted: [x]}\n", "u", guest_named("ubuntu2404")).text(),
        HasSubstr("deprecated"));
    EXPECT_THROW(static_cast<void>(guest_named("debain12")), Error);
}

TEST(JudgeNetwork, checks_addresses_links_and_routes) {
    constexpr std::array cases{
        JudgeCase{"version: 2\nethernets: {e: {dhcp4: yes}}", "accept", ""},
        JudgeCase{"ethernets: {e: {dhcp4: true}}", "refuse", "'version' is missing"},
        JudgeCase{"version: 3\n", "refuse", "no version 3"},
        JudgeCase{"network: {config: disabled}", "accept", ""},
        JudgeCase{"version: 2\nethernets: {e: {addresses: [192.0.2.555/24]}}", "refuse", "prefix length"},
        JudgeCase{"version: 2\nethernets: {e: {match: {macaddress: 52:54:00:12:34:56}}}", "refuse",
                  "YAML 1.1 reads from 52:54:00:12:34:56"},
        JudgeCase{"version: 2\nrenderer: networkd\nethernets: {e: {routes: [{to: default, via: 192.0.2.1}]}}",
                  "warn", "22.4"},
        JudgeCase{"version: 2\nethernets: {e: {routes: [{to: default, via: 192.0.2.1}]}}", "accept", "22.4"},
        JudgeCase{"version: 2\nethernets: {e: {routes: [{to: 10.0.0.0/8, via: '2001:db8::1'}]}}", "refuse",
                  "another family"},
        JudgeCase{"version: 2\nethernets: {e: {}}\nbonds: {b: {interfaces: [f]}}", "refuse",
                  "'f' is not defined"},
        JudgeCase{"version: 2\nvlans: {v: {id: 5, link: b}}", "refuse", "the link 'b'"},
        JudgeCase{"version: 2\nethernets: {e: {mtu: '9000'}}", "refuse", "a whole number"},
        JudgeCase{"version: 1\nconfig: [{type: physical}]", "refuse", "'name' is missing"},
        JudgeCase{"version: 1\nconfig: [{type: physical, name: e, subnets: [{type: static}]}]", "refuse",
                  "'address' is missing"},
        JudgeCase{"version: 1\nconfig: [{type: route, destination: 10.0.0.0/8, gateway: 192.0.2.1}]",
                  "accept", ""},
    };
    for (const JudgeCase& one : cases) {
        expect_verdict(one, check_network_text(std::string(one.text) + "\n", "n", {}));
    }
    const std::string route = "version: 2\nethernets: {e: {routes: [{to: default, via: 192.0.2.1}]}}\n";
    EXPECT_TRUE(check_network_text(route, "n", guest_named("debian12")).has_errors());
    EXPECT_TRUE(check_network_text(route, "n", guest_named("ubuntu2404")).empty());
}

/// The shared cases next to the checkout; the expectations are theirs.
TEST(JudgeCases, agree_with_the_shared_expectations) {
    const std::filesystem::path folder = data_path("seeds/schemas") / "../../../shared/cases/seeds";
    if (!std::filesystem::exists(folder / "expected.tsv")) {
        IMGFORGE_SKIP("shared", "../shared/cases/seeds is missing");
    }
    std::istringstream lines(read_file(folder / "expected.tsv"));
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
        std::istringstream fields(line);
        std::string file;
        std::string given;
        std::string verdict;
        std::getline(fields, file, '\t');
        std::getline(fields, given, '\t');
        std::getline(fields, verdict, '\t');
        Diagnostics found;
        const std::string bytes = read_file(folder / file);
        if (given == "user-data") {
            found = check_user_data(bytes, file);
        } else if (given == "network-config") {
            found = check_network_text(bytes, file, {});
        } else {
            SeedSpec spec{.datasource = Datasource::configdrive};
            spec.network_config = bytes;
            static_cast<void>(seed_files(spec, found));
        }
        EXPECT_EQ(verdict_of(found), verdict) << file << " wants " << verdict << "\n" << found.text();
    }
}

}  // namespace
}  // namespace imgforge::seeds
