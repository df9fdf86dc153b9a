// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/fetch/download.hpp"
#include "pipelines/fetch/keyrings.hpp"
#include "pipelines/fetch/own_addresses.hpp"
#include "pipelines/fetch/response_head.hpp"
#include "pipelines/fetch/signature.hpp"

namespace imgforge::fetch {
namespace {

TEST(Url, credentials_are_no_part_of_its_name) {
    EXPECT_EQ(without_credentials("https://user:pa%40ss@host/a/b.iso?x"), "https://host/a/b.iso?x");
    EXPECT_EQ(without_credentials("https://host/a@b"), "https://host/a@b");
    EXPECT_EQ(without_credentials("/a:b@c"), "/a:b@c");
    EXPECT_EQ(base_name("https://user:secret@host"), "download");
    EXPECT_EQ(base_name("https://user:secret@host/a/b.iso?token=1"), "b.iso");
    EXPECT_EQ(base_name("folder/b.iso"), "b.iso");
}

TEST(Url, a_password_that_was_seen_is_masked_wherever_it_turns_up) {
    EXPECT_EQ(redact("GET https://user:first-secret@host/x"), "GET https://***@host/x");
    remember_credentials("https://user:second%2Dsecret@host/x");
    EXPECT_EQ(redact("authorisation second-secret and second%2Dsecret"), "authorisation *** and ***");
    EXPECT_EQ(redact("qemu+ssh://root@host/system"), "qemu+ssh://root@host/system");
}

bool own(const char* text) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        return is_own_address(reinterpret_cast<const sockaddr&>(four));
    }
    EXPECT_EQ(::inet_pton(AF_INET6, text, &six.sin6_addr), 1) << text;
    return is_own_address(reinterpret_cast<const sockaddr&>(six));
}

TEST(OwnAddress, loopback_link_local_and_mapped_ones_are_ours) {
    for (const char* text : {"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1",
                             "::ffff:127.0.0.1", "::ffff:169.254.169.254"}) {
        EXPECT_TRUE(own(text)) << text;
    }
    for (const char* text : {"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}) {
        EXPECT_FALSE(own(text)) << text;
    }
}

TEST(ResponseHead, gathers_what_a_part_is_compared_by) {
    ResponseHead head;
    for (const char* line :
         {"HTTP/1.1 302 Found\r\n", "ETag: \"old\"\r\n", "\r\n", "HTTP/1.1 206 Partial Content\r\n",
          "last-modified: yesterday\r\n", "etag: \"a\"\r\n", "Content-Range: bytes 300-999/1000\r\n",
          "Content-Length: 700\r\n", "\r\n"}) {
        head.add(line);
    }
    EXPECT_EQ(head.status, 206);
    EXPECT_EQ(head.validator, "\"a\"");
    EXPECT_EQ(head.start, 300U);
    EXPECT_EQ(head.size, 1000U);
    const ResponseHead back = ResponseHead::from_record(head.record());
    EXPECT_EQ(back.validator, "\"a\"");
    EXPECT_EQ(back.size, 1000U);
    EXPECT_EQ(ResponseHead::from_record("\"v1\"").size, std::nullopt);
    ResponseHead weak;
    weak.add("ETag: W/\"x\"\r\n");
    EXPECT_EQ(weak.validator, "") << "weak tags do not serve If-Range";
}

TEST(Keyrings, every_row_is_complete) {
    EXPECT_GE(keyring_rows().size(), 5U);
    for (const auto& [name, row] : keyring_rows()) {
        EXPECT_TRUE(is_keyring_name(name)) << name;
        EXPECT_FALSE(row.files.empty() || row.package.empty() || row.publisher.empty()) << name;
        EXPECT_EQ(row.source.rfind("https://", 0), 0U) << name;
        ASSERT_FALSE(row.fingerprints.empty()) << name;
        for (const std::string& fingerprint : row.fingerprints) {
            EXPECT_EQ(fingerprint.size(), 40U) << name;
            EXPECT_EQ(fingerprint.find_first_not_of("0123456789ABCDEF"), std::string::npos) << name;
        }
    }
}

TEST(Keyrings, armour_is_taken_off_and_anything_else_refused) {
    const std::string key = "\x99\x01keydata";
    const std::string block = "-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n" + base64_encode(key) +
                              "\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
    EXPECT_EQ(binary_keyring(block, "f"), key);
    EXPECT_EQ(binary_keyring("text\n" + block + block, "f"), key + key);
    EXPECT_EQ(binary_keyring(key, "f"), key);
    EXPECT_THROW(binary_keyring("hello", "f"), Error);
    EXPECT_THROW(binary_keyring("", "f"), Error);
    EXPECT_THROW(binary_keyring(block.substr(0, block.size() / 2), "f"), Error);
}

TEST(Signature, says_that_a_key_has_expired_or_was_revoked) {
    const std::string signer(40, 'A');
    EXPECT_NE(why_not_good("[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG AAAA x\n[GNUPG:] VALIDSIG " + signer)
                  .find("expired"),
              std::string::npos);
    EXPECT_NE(why_not_good("[GNUPG:] REVKEYSIG AAAA x").find("revoked"), std::string::npos);
    EXPECT_NE(why_not_good("[GNUPG:] NO_PUBKEY AAAA").find("not in the keyring"), std::string::npos);
    EXPECT_NE(why_not_good("[GNUPG:] BADSIG AAAA x").find("changed"), std::string::npos);
    const std::string good = "[GNUPG:] GOODSIG AAAA x\n[GNUPG:] VALIDSIG " + signer + " 2026";
    EXPECT_EQ(good_signer(good, std::string(40, 'B') + " " + signer), signer);
    EXPECT_EQ(good_signer(good, std::string(40, 'B')), std::nullopt);
}

}  // namespace
}  // namespace imgforge::fetch
