// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "seeds/mime_parts.hpp"
#include "seeds/network_checks.hpp"
#include "seeds/seed.hpp"
#include "seeds/user_data.hpp"
#include "seeds/user_data_checks.hpp"

namespace imgforge::seeds {

namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(SeedChecks, name_the_header_mistake) {
    EXPECT_THAT(check_user_data("", "u").text(), HasSubstr("empty"));
    EXPECT_THAT(check_user_data("# cloud-config\npackages: [a]\n", "u").text(),
                HasSubstr("u:1:1: the first line is '# cloud-config'"));
    EXPECT_THAT(check_user_data("\xef\xbb\xbf#cloud-config\n", "u").text(), HasSubstr("byte order mark"));
    EXPECT_THAT(check_user_data("\n#cloud-config\n", "u").text(), HasSubstr("not written exactly"));
    EXPECT_EQ(check_user_data("#!/bin/sh\ntrue\n", "u").text(), "");
    EXPECT_EQ(check_user_data("## template: jinja\n#cloud-config\n{% if x %}", "u").text(), "");
}

TEST(SeedChecks, tell_line_of_unknown_keys_and_wrong_types) {
    const std::string found =
        check_user_data(
            "#cloud-config\nhostnam: a\nruncmd: echo\nwrite_files:\n  - path: /a\n    permissions: 644\n",
            "u")
            .text();

    EXPECT_THAT(found, HasSubstr("u:2:1: warning: unknown key 'hostnam'"));
    EXPECT_THAT(found, HasSubstr("'hostname'"));
    EXPECT_THAT(found, HasSubstr("u:3:9: 'runcmd' must be a list, not the text 'echo'"));
    EXPECT_THAT(found, HasSubstr("u:6:"));
    EXPECT_EQ(check_user_data("#cloud-config\npackage_update: yes\n", "u").text(), "");
}

TEST(SeedChecks, look_into_the_parts_of_a_mime_message) {
    const std::string message =
        "Content-Type: multipart/mixed; boundary=\"XX\"\nMIME-Version: 1.0\n\n--XX\nContent-Type: "
        "text/cloud-config\n\n"
        "#cloud-config\npackage: [vim]\n--XX\nContent-Type: text/x-shellscript\n\n#!/bin/sh\npackage: "
        "x\n--XX\n"
        "Content-Type: text/cloud-config; name=\"late\"\nContent-Transfer-Encoding: base64\n\n" +
        base64_encode("#cloud-config\nruncmd: 7\n") + "\n--XX--\n";

    const std::string found = check_user_data(message, "ud").text();

    EXPECT_THAT(
        found,
        HasSubstr("ud:8:1: warning: unknown key 'package', it will be ignored (did you mean 'packages'?)"));
    EXPECT_THAT(found, HasSubstr("ud part 3 (late):2:"));
    EXPECT_THAT(found, Not(HasSubstr("ud:13")));
}

TEST(SeedChecks, look_below_the_jinja_line) {
    EXPECT_THAT(check_user_data("## template: jinja\npackages: [vim]\n", "ud").text(),
                HasSubstr("ud:2: below the jinja line"));
    const Diagnostics found = check_user_data(
        "## template: jinja\n#cloud-config\nhostname: {{ v1.local_hostname }}\n{% if x %}\npackage: "
        "[vim]\n{% endif %}\n",
        "ud");
    EXPECT_FALSE(found.has_errors());
    EXPECT_THAT(found.text(), HasSubstr("ud:5:1: warning: unknown key 'package'"));
    EXPECT_TRUE(check_user_data("## template: jinja\n#!/bin/sh\necho {{ v1.region }}\n", "ud").empty());
}

TEST(SeedChecks, remedies_are_no_misspellings) {
    EXPECT_THAT(check_seed({.hostname = "no_name"}).text(), HasSubstr("(try: letters, digits and hyphens"));
}

TEST(SeedChecks, tell_faults_of_network_config) {
    const std::string found =
        check_network_text("version: 2\nethernets:\n  eth0:\n    dhcp: true\n    addresses: [192.0.2.5]\n",
                           "n", {})
            .text();

    EXPECT_THAT(found, HasSubstr("n:4:5: warning: unknown key 'dhcp' in 'eth0'"));
    EXPECT_THAT(found, HasSubstr("n:5:"));
    EXPECT_THAT(found, HasSubstr("prefix length"));
}

TEST(SeedChecks, refuse_hostile_values) {
    SeedSpec spec{.instance_id = "../../etc", .hostname = "a b"};
    spec.users.push_back(
        {.name = "x\ny", .ssh_keys = {"-----BEGIN OPENSSH PRIVATE KEY-----"}, .password_hash = "plain"});
    const std::string found = check_seed(spec).text();

    EXPECT_THAT(found, HasSubstr("host name"));
    EXPECT_THAT(found, HasSubstr("instance-id"));
    EXPECT_THAT(found, HasSubstr("private key"));
    EXPECT_THAT(found, HasSubstr("password hash"));
    EXPECT_THAT(found, Not(HasSubstr("plain\n")));
}

}  // namespace

}  // namespace imgforge::seeds
