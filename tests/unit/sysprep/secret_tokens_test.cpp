// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens are put together here: a scanner of repositories must not take this file for a leak.
#include <gmock/gmock.h>

#include <set>

#include "sysprep/audit/matcher.hpp"
#include "sysprep/audit/secret_patterns.hpp"

namespace imgforge::sysprep::audit {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;

const Matcher& matcher() {
    static const Matcher all(generic_patterns());
    return all;
}

/// Rules that fire on a text; `path` empty: as raw bytes of a disk.
std::set<std::string> rules(const std::string& text, const std::string& path = "") {
    Matcher::Scratch scratch(matcher());
    std::set<std::string> out;
    for (const Hit& hit : matcher().scan(scratch, text, 0, text.size(), path)) {
        out.insert(hit.pattern->rule);
    }
    return out;
}

std::string random_text(std::size_t count, const std::string& alphabet) {
    std::string out;
    unsigned state = 12345;
    while (out.size() < count) {
        state = state * 1103515245U + 12345U;
        out += alphabet[(state >> 16U) % alphabet.size()];
    }
    return out;
}
const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const std::string hex = "0123456789abcdef";

TEST(Tokens, of_published_prefixes_are_found_in_raw_bytes) {
    const std::vector<std::pair<std::string, std::string>> tokens{
        {"secret:gitlab-token", "glpat-" + random_text(20, letters)},
        {"secret:npm-token", "npm_" + random_text(36, letters)},
        {"secret:stripe-key", "sk_live_" + random_text(24, letters)},
        {"secret:digitalocean-token", "dop_v1_" + random_text(64, hex)},
        {"secret:vault-token", "hvs." + random_text(90, letters)},
        {"secret:anthropic-key", "sk-ant-" + random_text(95, letters)},
        {"secret:openai-key", "sk-" + random_text(48, letters)},
        {"secret:age-key", "AGE-SECRET-KEY-1" + random_text(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")},
        {"secret:slack-token", "xoxb-1234567890-" + random_text(30, letters)},
        {"secret:aws-key", "AKIA" + random_text(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")},
        {"secret:aws-key", "aws_secret_access_key = " + random_text(40, letters)},
        {"secret:azure-key", "AccountKey=" + random_text(86, letters) + "=="},
        {"secret:wireguard-key", "PrivateKey = " + random_text(43, letters) + "="},
        {"secret:k3s-token", "K10" + random_text(64, hex) + "::server:" + random_text(32, hex)},
        {"secret:url-password", "https://builder:Xz1nhSsax@pypi.corp/simple"}};
    for (const auto& [rule, token] : tokens) {
        EXPECT_THAT(rules("x = \"" + token + "\"\n"), Contains(rule)) << rule;
    }
}

TEST(Tokens, of_github_are_told_from_made_up_ones_by_their_checksum) {
    // From GitHub's own description of the format.
    const std::string body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ";
    EXPECT_THAT(rules("ghp_" + body + "0mLq17"), Contains("secret:github-token"));
    EXPECT_THAT(rules("ghp_" + body + "0mLq18"), IsEmpty());
    EXPECT_THAT(rules("ghp_" + body + "0mLq18", "/etc/app.conf"), Contains("secret:github-token"));
}

TEST(Tokens, of_manuals_are_none) {
    for (const std::string& text :
         {"ghp_" + std::string(36, 'x'), "sk_live_" + std::string(24, '1'), "glpat-" + std::string(20, 'a'),
          std::string("https://user:password@example.com/"), std::string("https://user:pass@host/x"),
          std::string("http://$USER:$PASS@proxy/"), std::string("PrivateKey = <your key>"),
          std::string("https://host.example:8080/a@b"), std::string("AKIA") + "I44QH8DHBEXAMPLE",
          std::string("oracle://scott:tiger@db1.corp/x")}) {
        EXPECT_THAT(rules(text), IsEmpty()) << text;
    }
}

TEST(Settings, with_passwords_and_keys_are_found_by_their_names) {
    for (const std::string text :
         {"password = CMqXXQ8agOMTNwnc\n", "DB_PASSWORD=Hunter2-db\n", "psk=\"correct horse\"\n",
          "api_key: 4f9572b85a8e48f687ab165c58ac5831\n", "  token: qZe2qpUWnoVPDF2yeE6RsX\n",
          "<password>Hunter2-maven</password>\n", "{\"auth\":\"c01T5GOBUSZGi6HWGK10Zb0R\"}",
          "authorization = \"Basic gy1CJdObOIRpFqaDZeV7\"\n", "nexusPassword=Hunter2-gradle\n"}) {
        EXPECT_THAT(rules(text, "/etc/app/app.conf"), Contains("secret:setting")) << text;
        EXPECT_THAT(rules(text, "/usr/share/doc/app/app.conf"), IsEmpty()) << text;
    }
}

TEST(Settings, without_a_value_or_with_a_word_are_none) {
    for (const std::string text :
         {"# password = CMqXXQ8agOMTNwnc\n", "passwd: files systemd\n", "password = ${DB_PASSWORD}\n",
          "password: <your password>\n", "token: required\n", "password_file: /etc/app/secret.txt\n",
          "secret = /run/secrets/app\n", "PasswordAuthentication no\n", "password=\n",
          "auth: plain-login\n"}) {
        EXPECT_THAT(rules(text, "/etc/app/app.conf"), IsEmpty()) << text;
    }
}

TEST(Settings, without_an_equals_sign_are_found_at_the_start_of_a_line) {
    EXPECT_THAT(rules("base dc=corp\nbindpw " + random_text(16, letters) + "1\n", "/etc/nslcd.conf"),
                Contains("secret:setting"));
    EXPECT_THAT(rules("x\npassword requisite pam_pwquality.so\n", "/etc/app/app.conf"), IsEmpty());
    EXPECT_THAT(rules("x\nsecret /run/secrets/app\n", "/etc/app/app.conf"), IsEmpty());
}

TEST(Commands, with_passwords_in_their_arguments_are_found) {
    for (const std::string text :
         {"0 3 * * * root curl -fsS -u builder:Hunter2-web https://backup.corp/run\n",
          "sshpass -p Hunter2-ssh ssh ops@db\n", "mysqldump -u backup -pHunter2-db --all-databases\n",
          "ExecStart=/opt/agent --url https://x --token Hunter2-agent\n"}) {
        EXPECT_THAT(rules(text, "/etc/cron.d/backup"), Contains("secret:setting")) << text;
        EXPECT_THAT(rules(text, "/usr/share/doc/backup/example"), IsEmpty()) << text;
    }
    for (const std::string text :
         {"curl -u \"$USER:$PASSWORD\" https://x\n", "curl -u user: https://x\n", "mysql -p\"$PASSWORD\"\n",
          "app --password --verbose\n", "app --token ${TOKEN}\n"}) {
        EXPECT_THAT(rules(text, "/etc/cron.d/backup"), IsEmpty()) << text;
    }
}

TEST(Hashes, of_grub_are_found_with_salt_and_hash_only) {
    const std::string field = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
    EXPECT_THAT(rules("password_pbkdf2 root grub.pbkdf2.sha512.10000." + field + "." + field + "\n"),
                Contains("secret:password-hash"));
    EXPECT_THAT(rules("grub.pbkdf2.sha512.10000.salt.hash\n"), IsEmpty());
}

TEST(PrivateKeys, are_found_in_every_encoding) {
    EXPECT_THAT(rules("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\n"),
                Contains("secret:private-key"));
    EXPECT_THAT(rules("{\"kty\":\"EC\",\"d\":\"" + random_text(43, letters) + "\"}"),
                Contains("secret:private-key"));
    const std::string pkcs8(
        "\x30\x82\x04\xbe\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04\x82",
        24);
    EXPECT_THAT(rules(pkcs8 + random_text(300, letters)), Contains("secret:private-key"));
    EXPECT_THAT(rules(pkcs8 + std::string(300, '\0')), IsEmpty());
}

TEST(Tokens, a_network_share_in_fstab_is_no_comment) {
    const std::string share =
        "//nas/data /srv cifs username=ann,password=" + random_text(12, letters) + " 0 0\n";
    EXPECT_THAT(rules(share, "/etc/fstab"), Not(IsEmpty()));
    EXPECT_THAT(rules("// " + share.substr(2), "/etc/fstab"), IsEmpty());
}

}  // namespace
}  // namespace imgforge::sysprep::audit
