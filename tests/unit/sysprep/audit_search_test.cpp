// SPDX-License-Identifier: GPL-3.0-or-later
// The search for secrets: patterns, packed content, waivers. All keys, hashes and tokens here were made up
// for the tests.
#include <archive.h>
#include <archive_entry.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sysprep/audit/block_locator.hpp"
#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/matcher.hpp"
#include "sysprep/audit/report.hpp"
#include "sysprep/audit/secret_patterns.hpp"

namespace imgforge::sysprep::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string repeat(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

const Matcher& generic() {
    static const Matcher matcher(generic_patterns());
    return matcher;
}

std::vector<std::string> rules_in(const std::string& text, const std::string& path = {}) {
    Matcher::Scratch scratch(generic());
    std::vector<std::string> rules;
    for (const Hit& hit : generic().scan(scratch, text, 0, text.size(), path)) {
        rules.push_back(hit.pattern->rule);
    }
    return rules;
}

TEST(SecretPatterns, find_each_kind_of_secret) {
    const std::string b64 = repeat("Ab1+", 20);
    const std::vector<std::pair<std::string, std::string>> secrets{
        {"-----BEGIN RSA PRIVATE KEY-----\n" + b64, "secret:private-key"},
        {"-----BEGIN PRIVATE KEY-----\r\n" + b64, "secret:private-key"},
        {"key: \"-----BEGIN EC PRIVATE KEY-----\\n" + b64, "secret:private-key"},
        {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n" + b64,
         "secret:private-key"},
        {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + b64, "secret:private-key"},
        {"  -----BEGIN OPENSSH PRIVATE KEY-----\n  " + b64, "secret:private-key"},
        {"b3BlbnNzaC1rZXktdjEA" + b64, "secret:private-key"},
        {std::string("openssh-key-v1\0\0\0\0\4none\0\0\0\4none", 31), "secret:private-key"},
        {"$6$abcdefgh$" + std::string(86, 'k'), "secret:password-hash"},
        {"$6$rounds=5000$abcdefgh$" + std::string(86, 'k'), "secret:password-hash"},
        {"$5$abcdefgh$" + std::string(43, 'k'), "secret:password-hash"},
        {"$y$j9T$abcdefgh$" + std::string(43, 'k'), "secret:password-hash"},
        {"$2b$12$" + std::string(53, 'k'), "secret:password-hash"},
        {"AKIAABCDEFGHIJKLMNOP", "secret:aws-key"},
        {"ghp_"
         "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17",
         "secret:github-token"},
        {"glpat-"
         "gwJuZMhc76RpqwmSCb1L",
         "secret:gitlab-token"},
        {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0." + std::string(43, 'a'), "secret:jwt"},
        {"d-i passwd/root-password password hunter22\n", "secret:installer-password"},
        {"d-i passwd/user-password-crypted password xyzzyxyzzy\n", "secret:installer-password"},
        {"Name: passwd/root-password\nTemplate: passwd/root-password\nValue: hunter22\n",
         "secret:installer-password"},
        {"\nrootpw --plaintext hunter22\n", "secret:installer-password"},
    };
    for (const auto& [text, rule] : secrets) {
        EXPECT_THAT(rules_in("before " + text + "\nafter"), Contains(rule)) << text;
    }
}

TEST(SecretPatterns, names_of_formats_in_programs_are_no_secrets) {
    const std::vector<std::string> harmless{
        "-----BEGIN PRIVATE KEY-----",
        std::string("-----BEGIN RSA PRIVATE KEY-----\0-----END RSA PRIVATE KEY-----", 61),
        "-----BEGIN %s PRIVATE KEY-----\n" + repeat("Ab1+", 4),
        std::string("openssh-key-v1\0ssh-rsa", 22),
        "$6$",
        "$6$salt$short",
        "$1$%s$",
        "AKIAIOSFODNN7EXAMPLE",
        "xAKIAABCDEFGHIJKLMNOP",
        "AKIAABCDEFGHIJKLMNOPQ",
        "ghp_short",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJub3RhbGdvcml0aG0iOjF9.eyJzdWIiOiIxIn0." + std::string(43, 'a'),
        "passwd/root-password-again",
        "Name: passwd/root-password\nTemplate: passwd/root-password\nOwners: d-i\n\nName: x\nValue: yes\n",
        "rootpw --lock\n",
    };
    for (const std::string& text : harmless) {
        EXPECT_THAT(rules_in("before\n" + text + "\nafter"), IsEmpty()) << text;
    }
}

TEST(SecretPatterns, keys_that_share_their_first_line_are_told_apart) {
    const std::string first =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA" + repeat("AAAA", 12) + "\n";
    Matcher::Scratch scratch(generic());
    const auto prints = [&](const std::string& text) {
        std::vector<std::string> out;
        for (const Hit& hit : generic().scan(scratch, text, 0, text.size())) {
            out.push_back(hit.fingerprint);
        }
        return out;
    };
    const auto one = prints(first + repeat("Qx1z", 12) + "\n-----END");
    const auto other = prints(first + repeat("Zz9y", 12) + "\n-----END");

    ASSERT_THAT(one, SizeIs(2));
    ASSERT_THAT(other, SizeIs(2));
    EXPECT_NE(one[0], other[0]);
    EXPECT_NE(one[1], other[1]);
}

TEST(SecretPatterns, assigned_passwords_count_in_files_of_installers_only) {
    EXPECT_THAT(rules_in("password=hunter22\n", "/var/log/installer/syslog"),
                ElementsAre("secret:installer-password"));
    EXPECT_THAT(rules_in("  Password: \"hunter22\"\n", "/root/original-ks.cfg"),
                Contains("secret:installer-password"));
    EXPECT_THAT(rules_in("password=hunter22\n", "/usr/share/doc/x"), IsEmpty());
    EXPECT_THAT(rules_in("password=hunter22\n"), IsEmpty());
    EXPECT_THAT(rules_in("password=true\npassword: ****\n", "/var/log/installer/syslog"), IsEmpty());
}

Matcher needles(std::vector<Needle> items) {
    return Matcher(needle_patterns(Needles{std::move(items)}));
}

TEST(NeedlePatterns, binary_needles_and_words) {
    const std::string raw("\x01\x00\xff.[*", 6);
    const Matcher matcher({[&] {
        Needles all;
        all.items = {{"machine-id", "raw id", raw, "/etc/machine-id"},
                     {"hostname", "old name", "builder7", "/etc/hostname"},
                     {"ip", "address", "10.0.2.15", "/x"}};
        return needle_patterns(all);
    }()});
    Matcher::Scratch scratch(matcher);
    const auto count = [&](const std::string& text) {
        return matcher.scan(scratch, text, 0, text.size()).size();
    };

    EXPECT_EQ(count("xx" + raw + "yy"), 1U);
    EXPECT_EQ(count("host builder7."), 1U);
    EXPECT_EQ(count("mybuilder7"), 0U);
    EXPECT_EQ(count("builder71"), 0U);
    EXPECT_EQ(count("10.0.2.15/24"), 1U);
    EXPECT_EQ(count("10.0.2.150"), 0U);
    EXPECT_EQ(count("1.10.0.2.15"), 0U);
}

TEST(Matcher, only_secrets_that_start_in_the_piece_are_reported) {
    const Matcher matcher = needles({{"key", "k", "SECRETSECRET", ""}});
    Matcher::Scratch scratch(matcher);
    const std::string text = "..SECRETSECRET..SECRETSECRET..";

    EXPECT_THAT(matcher.scan(scratch, text, 0, 10), SizeIs(1));
    EXPECT_THAT(matcher.scan(scratch, text, 3, 16), IsEmpty());
    EXPECT_THAT(matcher.scan(scratch, text, 16, 17), SizeIs(1));
}

/// Packs files with libarchive: format by name, filter by name ("none" for no filter).
std::string packed(const std::string& format, const std::string& filter,
                   const std::vector<std::pair<std::string, std::string>>& files) {
    std::string out(4U << 20U, '\0');
    std::size_t used = 0;
    archive* const writer = archive_write_new();
    archive_write_set_format_by_name(writer, format.c_str());
    if (filter != "none") {
        archive_write_add_filter_by_name(writer, filter.c_str());
    }
    archive_write_set_bytes_in_last_block(writer, 1);
    archive_write_open_memory(writer, out.data(), out.size(), &used);
    for (const auto& [name, content] : files) {
        archive_entry* const entry = archive_entry_new();
        archive_entry_set_pathname(entry, name.c_str());
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
        archive_write_header(writer, entry);
        archive_write_data(writer, content.data(), content.size());
        archive_entry_free(entry);
    }
    archive_write_close(writer);
    archive_write_free(writer);
    out.resize(used);
    return out;
}

std::vector<std::string> places(const std::string& path, const std::string& bytes) {
    const Matcher matcher = needles({{"key", "k", "SECRETSECRET", ""}});
    ContentScan scan(matcher);
    scan.file(path, bytes);
    std::vector<std::string> out;
    for (const Finding& finding : scan.take_findings()) {
        out.push_back(finding.path);
    }
    return out;
}

TEST(ContentScan, looks_inside_every_kind_of_packed_file) {
    const std::vector<std::pair<std::string, std::string>> file{{"etc/x", "....SECRETSECRET...."}};
    for (const std::string filter : {"gzip", "xz", "zstd", "bzip2", "lz4", "lzma"}) {
        EXPECT_THAT(places("/a", packed("raw", filter, file)), Contains("/a!")) << filter;
        EXPECT_THAT(places("/a", packed("ustar", filter, file)), Contains("/a!etc/x")) << filter;
    }
    for (const std::string format : {"zip", "7zip", "newc", "ustar", "ar"}) {
        EXPECT_THAT(places("/a", packed(format, "none", {{"x", file[0].second}})), Contains("/a!x"))
            << format;
    }
}

TEST(ContentScan, looks_into_every_part_of_an_initramfs) {
    const std::string microcode =
        packed("newc", "none", {{"kernel/x86/microcode/GenuineIntel.bin", "bytes"}});
    const std::string main_part = packed("newc", "zstd", {{"init", "x"}, {"etc/hostname", "SECRETSECRET"}});

    EXPECT_THAT(places("/boot/initrd", microcode + std::string(512, '\0') + main_part),
                ElementsAre("/boot/initrd!etc/hostname"));

    const std::string twice = packed(
        "raw", "gzip",
        {{"x", packed("newc", "none", {{"a", "x"}}) + packed("newc", "none", {{"b", "SECRETSECRET"}})}});
    EXPECT_THAT(places("/boot/initrd", twice), ElementsAre("/boot/initrd!b")) << "two archives in one stream";
}

TEST(ContentScan, packed_in_packed_and_a_name_count) {
    const std::string inner = packed("raw", "gzip", {{"x", "SECRETSECRET"}});
    EXPECT_THAT(places("/a", packed("ustar", "xz", {{"b.gz", inner}})), ElementsAre("/a!b.gz!"));
    EXPECT_THAT(places("/a", packed("zip", "none", {{"SECRETSECRET", "x"}})), Contains("/a!SECRETSECRET"));
}

TEST(ContentScan, damaged_archives_end_with_a_warning_and_not_an_error) {
    const Matcher matcher = needles({{"key", "k", "SECRETSECRET", ""}});
    ContentScan scan(matcher);
    std::string damaged = packed("ustar", "gzip", {{"a", std::string(100000, 'x') + "SECRETSECRET"}});
    damaged.resize(damaged.size() - 20);
    EXPECT_NO_THROW(scan.file("/a", damaged));
    EXPECT_NO_THROW(scan.file("/b", "070701" + std::string(200, 'f')));
    EXPECT_THAT(scan.warnings(), ::testing::Not(IsEmpty()));
}

TEST(Waivers, cover_by_pattern_need_a_use_and_carry_their_reason) {
    std::vector<Finding> findings{{.rule = "secret:private-key",
                                   .path = "/opt/demo/key.pem",
                                   .layer = "content",
                                   .detail = "private key",
                                   .fingerprint = "aa"},
                                  {.rule = "secret:private-key",
                                   .path = "partition 1 (ext4)",
                                   .offset = 5,
                                   .layer = "disk",
                                   .detail = "private key",
                                   .fingerprint = "aa"},
                                  {.rule = "secret:private-key",
                                   .path = "partition 1 (ext4)",
                                   .offset = 9,
                                   .layer = "disk",
                                   .detail = "private key",
                                   .fingerprint = "bb"}};

    const auto warnings =
        apply_waivers(findings, {{"secret:*", "/opt/demo/*", "demo key"}, {"logs", "*", "never there"}});

    EXPECT_TRUE(findings[0].waived);
    EXPECT_EQ(findings[0].reason, "demo key");
    EXPECT_TRUE(findings[1].waived) << "the file's own blocks";
    EXPECT_FALSE(findings[2].waived) << "another secret on the same partition";
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("'logs'")));
}

TEST(Waivers, by_package_and_digest_cover_no_other_file) {
    const std::string digest(64, 'a');
    std::vector<Finding> findings{
        {.rule = "secret:private-key", .path = "/a", .package = "openssl-tests"},
        {.rule = "secret:private-key", .path = "/b", .package = "other"},
        {.rule = "secret:private-key", .path = "/c", .sha256 = digest},
        {.rule = "secret:private-key", .path = "/d", .sha256 = std::string(64, 'b')}};
    const Json list = Json::parse(R"([{"rule": "secret:*", "package": "openssl-*", "reason": "test keys"},
                                      {"rule": "secret:*", "reason": "a known file"}])");
    auto waivers = waivers_from_json(list);
    waivers.back().sha256 = digest;

    apply_waivers(findings, waivers);

    EXPECT_TRUE(findings[0].waived);
    EXPECT_FALSE(findings[1].waived);
    EXPECT_TRUE(findings[2].waived);
    EXPECT_FALSE(findings[3].waived);
}

TEST(Report, json_has_the_fields_of_the_contract_and_no_fingerprint) {
    Report report;
    report.findings = {{.rule = "machine-id",
                        .path = "/etc/machine-id",
                        .layer = "structure",
                        .detail = "holds 33 bytes",
                        .fingerprint = "aa"}};

    const Json json = report.to_json();

    EXPECT_EQ(json.at("clean"), false);
    const Json& finding = json.at("findings").at(0);
    for (const char* key : {"rule", "path", "offset", "layer", "waived", "reason"}) {
        EXPECT_TRUE(finding.contains(key)) << key;
    }
    EXPECT_TRUE(finding.at("offset").is_null());
    EXPECT_FALSE(finding.contains("fingerprint"));
    EXPECT_THAT(report.text(), HasSubstr("1 leftover found"));
}

TEST(MatchesPattern, star_and_question_mark) {
    EXPECT_TRUE(matches_pattern("/etc/*", "/etc/a/b"));
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_TRUE(matches_pattern("a?c*", "abc"));
    EXPECT_FALSE(matches_pattern("a?c", "ac"));
    EXPECT_FALSE(matches_pattern("", "a"));
}

TEST(BlockLocator, reads_debugfs_tables) {
    EXPECT_THAT(parse_icheck("Block\tInode number\n12\t34\n56\t<block not found>\n"),
                ElementsAre(std::pair(12U, 34U)));
    EXPECT_THAT(parse_ncheck("Inode\tPathname\n34\t/usr/a\tb\n34\t/usr/c\n"),
                ElementsAre(std::pair(34U, std::string("/usr/a\tb"))));
}

}  // namespace
}  // namespace imgforge::sysprep::audit
