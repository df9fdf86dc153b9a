// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed.hpp"
#include "seeds/mime_parts.hpp"
#include "seeds/user_data.hpp"
#include "seeds/user_data_checks.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/cloud_yaml.hpp"
#include "seeds/network_checks.hpp"
#include "seeds/passwords.hpp"
#include "seeds/seed_checks.hpp"
#include "seeds/seed_reader.hpp"
#include "seeds/ssh_keys.hpp"

namespace imgforge::seeds {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

SeedFiles odd_files() {
    return {{"meta-data", "instance-id: x\n"},
            {"user-data", "#cloud-config\n{}\n"},
            {"empty", ""},
            {"a-name-much-longer-than-eight-plus-three.data.json", std::string(1U << 20U, 'x')},
            {"openstack/latest/meta_data.json", "{}"}};
}

TEST(SeedIso, reads_back_with_all_files_and_label) {
    const TempDir folder("seed");
    write_seed_iso(odd_files(), "cidata", folder / "a.iso");
    const FoundSeed found = read_seed(folder / "a.iso");
    struct stat info {};
    ::stat((folder / "a.iso").c_str(), &info);

    EXPECT_EQ(found.files, odd_files());
    EXPECT_EQ(found.label, "cidata");
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

TEST(SeedIso, is_the_same_whenever_it_is_made) {
    const std::string first = seed_iso(odd_files(), "cidata", 1000000000);
    ::sleep(1);  // libarchive would stamp the second
    const std::string second = seed_iso(odd_files(), "cidata", 1000000000);
    ASSERT_EQ(second.size(), first.size());
    for (std::size_t at = 0; at < first.size(); ++at) {
        ASSERT_EQ(second[at], first[at]) << "in sector " << at / 2048 << " at " << at % 2048;
    }
    EXPECT_FALSE(seed_iso(odd_files(), "cidata", 1000000001) == first);
}

TEST(SeedReader, refuses_damaged_images) {
    const TempDir folder("seed");
    const std::string whole = seed_iso(odd_files(), "cidata", 0);
    write_file_atomically(folder / "short.iso", whole.substr(0, 50000));
    write_file_atomically(folder / "text.iso", std::string(100000, 'x'));

    EXPECT_THROW(static_cast<void>(read_seed(folder / "short.iso")), Error);
    EXPECT_THROW(static_cast<void>(read_seed(folder / "text.iso")), Error);
}

TEST(SeedVfat, reads_back_with_all_files_and_label) {
    const TempDir folder("seed");
    SeedFiles files = odd_files();
    files["a/b/\xc3\xa4\xf0\x9f\x98\x80 with blanks.txt"] = "x";
    write_seed_vfat(files, "cidata", folder / "a.img");

    const FoundSeed found = read_seed(folder / "a.img");

    EXPECT_EQ(found.label, "CIDATA");
    EXPECT_TRUE(found.files == files);
}

TEST(SeedVfat, hostile_images_end_in_an_error) {
    const TempDir folder("seed");
    const std::string good =
        seed_vfat({{"meta-data", std::string(9000, 'x')}, {"user-data", "#cloud-config\n"}}, "cidata", 0);
    const auto kind_of = [&](const std::string& bytes) -> std::optional<Failure> {
        write_file_atomically(folder / "bad.img", bytes);
        try {
            static_cast<void>(read_seed(folder / "bad.img"));
            return std::nullopt;
        } catch (const Error& error) {
            return error.kind();
        }
    };
    ASSERT_EQ(kind_of(good), std::nullopt);

    std::string circle = good;  // cluster 2 of the first FAT names itself
    circle[512 + 4] = 2;
    circle[512 + 5] = 0;
    EXPECT_EQ(kind_of(circle), Failure::integrity);
    std::string outside = good;
    outside[512 + 4] = '\x00';
    outside[512 + 5] = '\x7f';
    EXPECT_EQ(kind_of(outside), Failure::integrity);
    std::string no_cluster = good;
    no_cluster[13] = 0;
    EXPECT_EQ(kind_of(no_cluster), Failure::integrity);
    EXPECT_EQ(kind_of(good.substr(0, 600)), Failure::integrity);
    for (std::size_t at = 11; at < 40;
         ++at) {  // any number of the boot sector may be absurd: an answer, never a crash
        std::string odd = good;
        odd[at] = '\xff';
        static_cast<void>(kind_of(odd));
    }
}

TEST(SeedReader, a_file_that_is_no_image_gets_a_remedy_about_seeds) {
    const TempDir folder("seed");
    write_file_atomically(folder / "x.iso", std::string(1U << 17U, 'x'));
    try {
        static_cast<void>(read_seed(folder / "x.iso"));
        FAIL() << "no error";
    } catch (const Error& error) {
        EXPECT_THAT(error.hint(), Not(HasSubstr("publisher")));
    }
}

TEST(SeedReader, tells_what_a_seed_lacks) {
    EXPECT_THAT(judge_seed({{"user-data", "#cloud-config\n{}\n"}}, "CIDATA").problems.text(),
                HasSubstr("meta-data: missing"));
    EXPECT_THAT(judge_seed({{"user-data", "#cloud-config\n{}\n"}, {"meta-data", "instance-id: a"}}, "seed")
                    .problems.text(),
                HasSubstr("labelled 'seed'"));
    EXPECT_EQ(judge_seed({{"readme", ""}}, "x").datasource, "unknown");
}

TEST(SeedFilesOf, fresh_instance_ids_differ) {
    EXPECT_NE(seed_files(SeedSpec{}).at("meta-data"), seed_files(SeedSpec{}).at("meta-data"));
}

TEST(SeedFilesOf, configdrive_has_latest_and_a_dated_copy) {
    SeedSpec spec{.datasource = Datasource::configdrive, .instance_id = "i-1", .hostname = "web-1"};
    spec.network = network_v2({{.mac = "52:54:00:00:00:01",
                                .dhcp4 = false,
                                .addresses = {"192.0.2.5/24"},
                                .gateway4 = "192.0.2.1"}});
    const SeedFiles files = seed_files(spec);

    EXPECT_EQ(files.at("openstack/latest/meta_data.json"), files.at("openstack/2018-08-27/meta_data.json"));
    const Json network = Json::parse(files.at("openstack/latest/network_data.json"));
    EXPECT_EQ(network["links"][0]["ethernet_mac_address"], "52:54:00:00:00:01");
    EXPECT_EQ(network["networks"][0]["netmask"], "255.255.255.0");
    EXPECT_EQ(network["networks"][0]["routes"][0]["gateway"], "192.0.2.1");
}

TEST(SeedFilesOf, bonds_and_vlans_go_into_both_datasources) {
    const std::string config = R"(version: 2
ethernets:
  one: {match: {macaddress: "52:54:00:00:00:01"}}
  two: {match: {macaddress: "52:54:00:00:00:02"}}
bonds:
  bond0: {interfaces: [one, two], parameters: {mode: active-backup, mii-monitor-interval: 100},
      addresses: [192.0.2.5/24]}
vlans:
  vlan7: {id: 7, link: bond0, dhcp4: true}
)";
    SeedSpec spec{.datasource = Datasource::configdrive};
    spec.network_config = config;
    const Json network = Json::parse(seed_files(spec).at("openstack/latest/network_data.json"));
    ASSERT_EQ(network["links"].size(), 4U);
    EXPECT_EQ(network["links"][2]["bond_links"], Json({"one", "two"}));
    EXPECT_EQ(network["links"][2]["bond_mode"], "active-backup");
    EXPECT_EQ(network["links"][2]["ethernet_mac_address"], "52:54:00:00:00:01");
    EXPECT_EQ(network["links"][3]["vlan_id"], 7);
    EXPECT_EQ(network["links"][3]["vlan_link"], "bond0");
    EXPECT_EQ(network["networks"][0]["link"], "bond0");
    EXPECT_EQ(network["networks"][1]["type"], "ipv4_dhcp");

    spec.datasource = Datasource::nocloud;
    Diagnostics warnings;
    EXPECT_EQ(seed_files(spec, warnings).at("network-config"), config);
    EXPECT_TRUE(warnings.list().empty());
}

TEST(SeedFilesOf, configdrive_refuses_a_card_without_mac) {
    SeedSpec spec{.datasource = Datasource::configdrive};
    spec.network = {{"version", 2}, {"ethernets", {{"eth0", {{"dhcp4", true}}}}}};
    EXPECT_THROW(static_cast<void>(seed_files(spec)), Error);
}

TEST(SeedFilesOf, user_data_is_merged_as_a_second_part_and_kept_byte_for_byte) {
    const std::string own = "#cloud-config\npackage_update: yes\nruncmd: [touch /own]\n";
    SeedSpec spec{.hostname = "web-1"};
    spec.user_data = own;
    const std::string merged = seed_files(spec).at("user-data");

    EXPECT_THAT(merged, StartsWith("Content-Type: multipart/mixed"));
    EXPECT_THAT(merged, HasSubstr("\n\n" + own + "\n--"));
    EXPECT_THAT(merged, HasSubstr("Merge-Type: list(append)+dict(no_replace,recurse_list)+str()"));
    spec.verbatim = true;
    spec.packages = {"vim"};
    EXPECT_THROW(static_cast<void>(seed_files(spec)), Error);
}

TEST(UserData, part_beyond_ascii_travels_as_base64_and_reads_back_as_it_was) {
    const std::string users = "#cloud-config\nwrite_files: [{path: /etc/x, content: \"own ü 😀\"}]\n";

    const std::string message =
        merged_user_data({{.bytes = users, .name = "user-data"}}, Json{{"hostname", "web-1"}});

    EXPECT_TRUE(std::all_of(message.begin(), message.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    })) << message;
    EXPECT_EQ(mime_parts(message).at(0).bytes, users);
    EXPECT_THAT(
        message,
        HasSubstr("Content-Transfer-Encoding: 7bit\nContent-Disposition: attachment; filename=\"imgforge\""));
}

TEST(Passwords, hashes_are_fresh_yescrypt_and_verify) {
    const std::string one = hash_password("correct horse");
    EXPECT_THAT(one, StartsWith("$y$"));
    EXPECT_NE(one, hash_password("correct horse"));
    EXPECT_FALSE(password_hash_fault(one).has_value());
    EXPECT_FALSE(password_hash_fault(hash_password("x", "$6$")).has_value());
    EXPECT_TRUE(password_hash_fault("correct horse").has_value());
    EXPECT_TRUE(password_hash_fault(one.substr(0, 40)).has_value());
    EXPECT_THROW(static_cast<void>(hash_password("a\nb")), Error);
}

TEST(Passwords, a_guest_whose_crypt_lacks_yescrypt_is_given_another_hash) {
    SeedSpec spec{.instance_id = "i-1", .hostname = "web-1"};
    spec.users.push_back({.name = "ann", .password_hash = hash_password("correct horse")});
    EXPECT_EQ(check_seed(spec).text(), "");
    spec.guest = guest_named("alpine");
    EXPECT_THAT(check_seed(spec).text(), HasSubstr("the crypt(3) of alpine does not know yescrypt"));
    spec.users.front().password_hash = hash_password("correct horse", "$6$");
    EXPECT_EQ(check_seed(spec).text(), "");
}

TEST(HostKeys, are_valid_public_keys_of_their_types) {
    for (const HostKey& key : make_host_keys({"ed25519", "ecdsa", "rsa"})) {
        EXPECT_FALSE(public_key_fault(key.public_key).has_value()) << key.type;
        EXPECT_THAT(key.private_key, StartsWith("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    }
    EXPECT_NE(make_host_keys({"ed25519"})[0].public_key, make_host_keys({"ed25519"})[0].public_key);
}

TEST(PublicKeys, errors_do_not_quote_the_key) {
    const std::string good = make_host_keys({"ed25519"})[0].public_key;
    EXPECT_FALSE(public_key_fault("from=\"10.0.0.0/8\",command=\"a b\" " + good).has_value());
    EXPECT_TRUE(public_key_fault(good.substr(0, 50)).has_value());
    EXPECT_TRUE(public_key_fault("ssh-rsa " + good.substr(12)).has_value());
    EXPECT_TRUE(public_key_fault("ssh-dss AAAA").has_value());
}

TEST(Base64, survives_both_ways) {
    for (const std::string& text :
         {std::string(), std::string("a"), std::string("ab"), std::string("abc\0d", 5)}) {
        EXPECT_EQ(base64_decode(base64_encode(text)), text);
    }
    EXPECT_FALSE(base64_decode("====").has_value());
    EXPECT_FALSE(base64_decode("QQ").has_value());
    EXPECT_FALSE(base64_decode("Q Q=").has_value());
}

TEST(CloudYaml, escapes_what_yaml_readers_refuse_or_fold) {
    EXPECT_THAT(yaml_text({{"a", "\x7f\xc2\x85\xe2\x80\xa8\xef\xbb\xbf\xf0\x9f\x98\x80"}}),
                HasSubstr("\"\\u007f\\u0085\\u2028\\ufeff\xf0\x9f\x98\x80\""));
    EXPECT_THROW(static_cast<void>(yaml_text({{"a", "\xff"}})), Error);
}

}  // namespace
}  // namespace imgforge::seeds
