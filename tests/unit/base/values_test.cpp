// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "builder/base/byte_size.hpp"
#include "builder/base/clock.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/suggestion.hpp"
#include "tests/support/fake_clock.hpp"

namespace imgforge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

TEST(ByteSize, reads_the_suffixes_of_qemu_img) {
    EXPECT_EQ(ByteSize::parse("1536M").in_mib(), 1536U);
    EXPECT_EQ(ByteSize::parse("10G"), ByteSize::gib(10));
    EXPECT_EQ(ByteSize::parse("1.5 GiB"), ByteSize::mib(1536));
    EXPECT_EQ(ByteSize::parse("4096").in_bytes(), 4096U);
    EXPECT_EQ(ByteSize::parse("2k"), ByteSize::kib(2));
}

TEST(ByteSize, refuses_what_is_no_size) {
    for (const char* text : {"", "-1", "10X", "G", "1e3M", "inf", "nan", "9999999P", "10 G B", "0x10"}) {
        EXPECT_THROW(static_cast<void>(ByteSize::parse(text)), Error) << text;
    }
}

TEST(ByteSize, text_is_for_people) {
    EXPECT_EQ(ByteSize::bytes(17).text(), "17 B");
    EXPECT_EQ(ByteSize::mib(1536).text(), "1.5 GiB");
    EXPECT_EQ(ByteSize::mib(512).text(), "512 MiB");
}

TEST(Digest, agrees_with_the_standard) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(Hasher(Hasher::Algorithm::sha512).add("a").add("bc").hex().substr(0, 16), "ddaf35a193617aba");
}

TEST(Duration, reads_and_writes) {
    EXPECT_EQ(parse_duration("90s"), std::chrono::seconds(90));
    EXPECT_EQ(parse_duration("1d"), std::chrono::hours(24));
    EXPECT_EQ(parse_duration("7"), std::chrono::seconds(7));
    EXPECT_THROW(static_cast<void>(parse_duration("soon")), Error);
    EXPECT_EQ(duration_text(std::chrono::milliseconds(400)), "0.4s");
    EXPECT_EQ(duration_text(std::chrono::seconds(185)), "3m05s");
    EXPECT_EQ(duration_text(std::chrono::seconds(3720)), "1h02m");
    EXPECT_EQ(iso_time(1795242561), "2026-11-21T06:29:21Z");
}

TEST(WaitUntil, says_what_was_last_seen_at_the_deadline) {
    test::FakeClock clock;
    EXPECT_THAT(
        [&] {
            wait_until(
                clock, "IP address of web-1", std::chrono::seconds(60), [] { return false; },
                [] { return "no lease"; });
        },
        ThrowsMessage<Error>(HasSubstr("IP address of web-1: not after 1m00s; last seen: no lease")));
}

TEST(Random, uuids_and_macs_are_well_formed_and_differ) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string uuid = random_uuid();
        EXPECT_TRUE(std::regex_match(
            uuid, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")))
            << uuid;
        EXPECT_TRUE(seen.insert(uuid).second);
        EXPECT_TRUE(std::regex_match(random_mac(), std::regex("52:54:00(:[0-9a-f]{2}){3}")));
    }
}

TEST(Suggestion, finds_typing_mistakes_and_nothing_else) {
    const std::vector<std::string> words = {"install", "customize", "sysprep", "audit"};
    EXPECT_EQ(nearest("instal", words), "install");
    EXPECT_EQ(nearest("sysprpe", words), "sysprep");
    EXPECT_EQ(nearest("CUSTOMISE", words), "customize");
    EXPECT_EQ(nearest("zebra", words), std::nullopt);
    EXPECT_EQ(nearest("", words), std::nullopt);
}

TEST(Redact, masks_what_a_command_hands_to_chpasswd) {
    for (const char* const line :
         {"echo root:hunter2 | chpasswd", "echo 'root:hunter2' |chpasswd -e",
          "printf \"%s\" \"root:hunter2\" | /usr/sbin/chpasswd",
          "true; echo root:hunter2 | sudo chpasswd; true", "chpasswd <<< root:hunter2",
          R"({"message":"'echo \"root:hunter2\" | chpasswd' failed"})"}) {
        EXPECT_THAT(redact(line), testing::Not(testing::HasSubstr("hunter2"))) << line;
    }
    EXPECT_EQ(redact(R"({"a":"x","b":"echo root:hunter2 | chpasswd"})"), R"({"a":"x","b":"*** | chpasswd"})");
    EXPECT_EQ(redact("man chpasswd"), "man chpasswd");
}

TEST(Redact, leaves_errors_about_the_program_chpasswd_readable) {
    const std::string line = "chroot: can't execute 'chpasswd': No such file or directory";
    EXPECT_EQ(redact(line), line);
    EXPECT_EQ(redact("passwd: geheim"), "passwd: ***");
}

TEST(Redact, masks_keys_hashes_and_values) {
    EXPECT_EQ(redact("password: hunter2, user: joe"), "password: ***, user: joe");
    EXPECT_THAT(redact("d-i passwd/root-password password s3cret word"), Not(HasSubstr("s3cret")));
    EXPECT_THAT(redact("root:$y$j9T$abc$def:19000"), HasSubstr("root:***:19000"));
    EXPECT_EQ(redact("a\n-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\nb"),
              "a\n***private key***\nb");
    EXPECT_EQ(redact("nothing here"), "nothing here");
}

TEST(Redact, leaves_terms_of_ours_alone_and_only_those) {
    never_redact("secret:test-term");

    EXPECT_EQ(redact("FOUND secret:test-term /x and secret: hunter2"),
              "FOUND secret:test-term /x and secret: ***");
    EXPECT_EQ(redact("secret:test-terms"), "secret:***");
}

TEST(Redact, remembers_values_it_was_given) {
    remember_secret("correct horse");
    EXPECT_EQ(redact("say correct horse battery"), "say *** battery");
}

TEST(Error, context_grows_outwards_and_the_type_stays) {
    struct Special : Error {
        using Error::Error;
    };
    try {
        in_context([] { return std::string("recipe line 4"); },
                   [] {
                       in_context([] { return std::string("stage 'install'"); },
                                  []() -> void { throw Special(Failure::guest, "no kernel", "add one"); });
                   });
        FAIL();
    } catch (const Special& error) {
        EXPECT_EQ(error.describe(), "no kernel\n  in stage 'install'\n  in recipe line 4\n  try: add one");
    }
}

TEST(Error, kinds_map_to_the_exit_codes_of_the_contract) {
    EXPECT_EQ(static_cast<int>(exit_code(Failure::usage)), 2);
    EXPECT_EQ(static_cast<int>(exit_code(Failure::recipe)), 3);
    EXPECT_EQ(static_cast<int>(exit_code(Failure::host)), 4);
    EXPECT_EQ(static_cast<int>(exit_code(Failure::integrity)), 5);
    EXPECT_EQ(static_cast<int>(exit_code(Failure::timeout)), 1);
}

}  // namespace
}  // namespace imgforge
