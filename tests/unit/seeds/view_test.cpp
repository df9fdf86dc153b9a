// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_view.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "seeds/seed_nics.hpp"
#include "seeds/seed_reader.hpp"
#include "seeds/ssh_keys.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

TEST(SeedView, nothing_foreign_steers_the_terminal) {
    EXPECT_EQ(terminal_safe("a\x1b[31mb\tc\n"), "a?[31mb\tc\n");
    EXPECT_EQ(terminal_safe("\xc2\x9b\x7f\xe2\x80\xae\xff\xc3\xbc"), "????\xc3\xbc");
}

TEST(SeedView, secrets_are_masked_in_every_form) {
    const std::string key =
        base64_encode("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n");
    const std::string shown = without_secrets(
        "#cloud-config\nchpasswd:\n  list: |\n    root:gehe1mnis\n    ann:ab\npassword: hunter22\nusers:\n- "
        "name: ann\n"
        "  plain_text_passwd: \"\\x67eheim\"\nwrite_files:\n- {path: /k, encoding: b64, content: " +
        key + "}\n");

    EXPECT_THAT(shown, Not(HasSubstr("gehe1mnis")));
    EXPECT_THAT(shown, Not(HasSubstr("ann:ab\n")));
    EXPECT_THAT(shown, Not(HasSubstr("hunter22")));
    EXPECT_THAT(shown, Not(HasSubstr("eheim")));
    EXPECT_THAT(shown, Not(HasSubstr(key.substr(0, 40))));
    EXPECT_THAT(shown, HasSubstr("name: ann"));
}

TEST(SeedView, parts_are_decoded_before_they_are_shown) {
    const std::string message =
        merged_user_data({{.bytes = "#cloud-config\nhostname: \xc3\xbc\n", .name = "a.yaml"},
                          {.bytes = "#!/bin/sh\ntrue\n", .name = "b.sh"}},
                         Json{{"runcmd", {"x"}}});

    const std::string shown = readable(message, "user-data");

    EXPECT_THAT(shown,
                HasSubstr("--- part 1: text/cloud-config, a.yaml\n#cloud-config\nhostname: \xc3\xbc\n"));
    EXPECT_THAT(shown, HasSubstr("--- part 2: text/x-shellscript, b.sh\n#!/bin/sh\n"));
    EXPECT_THAT(shown, HasSubstr("--- part 3: text/cloud-config, imgforge\n"));
}

TEST(SeedMerge, gives_what_cloud_init_will_have) {
    const std::string message = merged_user_data(
        {{.bytes = "#cloud-config\nruncmd: [a]\npackages: [vim]\nhostname: own\n", .name = "a"},
         {.bytes = "#!/bin/sh\n", .name = "b"},
         {.bytes = "#cloud-config\nntp: {enabled: true}\npackages: [git, jq]\n", .name = "c"}},
        Json{{"runcmd", {"b"}}, {"hostname", "ours"}, {"ntp", {{"servers", {"x"}}}}});
    std::vector<std::string> others;

    const Json merged = merged_config(message, "user-data", others);

    // Without a Merge-Type a later part replaces whole keys (dict(replace)); ours joins.
    EXPECT_EQ(merged["packages"], Json({"git", "jq"}));
    EXPECT_EQ(merged["runcmd"], Json({"a", "b"}));
    EXPECT_EQ(merged["hostname"], "own");
    EXPECT_EQ(merged["ntp"], Json({{"enabled", true}, {"servers", {"x"}}}));
    ASSERT_THAT(others, SizeIs(1));
    EXPECT_THAT(others[0], HasSubstr("text/x-shellscript"));
}

TEST(SeedReader, judges_meta_data_vendor_data_and_the_label) {
    const SeedFiles good{{"meta-data", "instance-id: i-1\n"}, {"user-data", "#cloud-config\nruncmd: [a]\n"}};
    EXPECT_TRUE(judge_seed(good, "CIDATA").problems.empty());

    SeedFiles bad = good;
    bad["meta-data"] = "- a\n";
    bad["vendor-data"] = "#cloud-config\nruncmd: 7\n";
    const std::string found = judge_seed(bad, "data").problems.text();
    EXPECT_THAT(found, HasSubstr("meta-data is a map"));
    EXPECT_THAT(found, HasSubstr("vendor-data:2:"));
    EXPECT_THAT(found, HasSubstr("looks for cidata"));
    EXPECT_TRUE(judge_seed({{"a", "b"}}, "").problems.has_errors());
}

TEST(SeedReader, reads_tar_and_never_hangs_on_a_fifo) {
    const TempDir folder("view");
    const SeedFiles files{{"meta-data", "instance-id: i-1\n"}, {"user-data", "#cloud-config\nruncmd: [a]\n"}};
    write_file_atomically(folder / "s.tar", seed_tar(files, 1577836800));
    EXPECT_EQ(read_seed(folder / "s.tar").files, files);
    EXPECT_EQ(seed_tar(files, 1577836800), seed_tar(files, 1577836800));

    ASSERT_EQ(::mkfifo((folder / "f").c_str(), 0600), 0);
    EXPECT_THROW(static_cast<void>(read_seed(folder / "f")), Error);
}

TEST(SeedNics, are_read_from_one_word) {
    const SeedNic nic =
        parse_nic("52:54:00:AB:CD:EF,name=lan0,ip=192.0.2.5/24,gw=192.0.2.1,dns=192.0.2.53,mtu=9000", 0);
    EXPECT_EQ(nic.mac, "52:54:00:ab:cd:ef");
    EXPECT_FALSE(nic.dhcp4);
    EXPECT_EQ(nic.gateway4, "192.0.2.1");
    EXPECT_EQ(nic.mtu, 9000);
    EXPECT_TRUE(parse_nic("52:54:00:ab:cd:ef", 3).dhcp4);
    EXPECT_EQ(parse_nic("52:54:00:ab:cd:ef", 3).name, "eth3");
    EXPECT_THROW(static_cast<void>(parse_nic("52:54:00:ab:cd:ef,ip=192.0.2.5", 0)), Error);
    EXPECT_THROW(static_cast<void>(parse_nic("eth0,ip=192.0.2.5/24", 0)), Error);
}

TEST(SshKeys, one_bad_line_costs_that_line_and_a_warning) {
    const std::string good = make_host_keys().front().public_key;
    Diagnostics warnings;

    EXPECT_EQ(public_keys_of(good + "\nssh-rsa cut\n# a\n" + good + "\n", "keys", warnings).size(), 2U);
    EXPECT_THAT(warnings.text(), HasSubstr("keys:2: warning: this line is left out"));
    EXPECT_FALSE(warnings.has_errors());
    EXPECT_THROW(static_cast<void>(public_keys_of("ssh-rsa cut\n", "keys", warnings)), Error);
}

TEST(SeedFilesOf, verbatim_user_data_leaves_the_name_to_meta_data) {
    SeedSpec spec{.instance_id = "i-1", .hostname = "web-1", .fqdn = "web-1.example.org"};
    spec.user_data = "#cloud-config\nruncmd: 7\n";
    EXPECT_THROW(static_cast<void>(seed_files(spec)), Error);
    spec.verbatim = true;
    spec.checks = SeedChecks::warn;
    Diagnostics warnings;

    const SeedFiles files = seed_files(spec, warnings);

    EXPECT_EQ(files.at("user-data"), *spec.user_data);
    EXPECT_THAT(files.at("meta-data"), HasSubstr("web-1.example.org"));
    EXPECT_FALSE(warnings.has_errors());
    EXPECT_FALSE(warnings.empty());
    spec.checks = SeedChecks::none;
    Diagnostics none;
    static_cast<void>(seed_files(spec, none));
    EXPECT_TRUE(none.empty()) << none.text();
}

TEST(SeedFilesOf, own_meta_data_is_kept_and_completed) {
    SeedSpec spec{};
    spec.meta_data = "instance-id: own\nlocal-hostname: a\n";
    EXPECT_EQ(seed_files(spec).at("meta-data"), *spec.meta_data);
    spec.dsmode = "local";
    EXPECT_THAT(seed_files(spec).at("meta-data"), HasSubstr("\"dsmode\": \"local\""));
    EXPECT_THAT(seed_files(spec).at("meta-data"), HasSubstr("own"));
}

}  // namespace
}  // namespace imgforge::seeds
