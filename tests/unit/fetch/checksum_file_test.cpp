// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/checksum_file.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "pipelines/fetch/download.hpp"
#include "pipelines/fetch/signature.hpp"

namespace imgforge::fetch {
namespace {

const std::string a64(64, 'a');
const std::string b64(64, 'b');
const std::string c128(128, 'c');

TEST(ChecksumFile, reads_every_form_that_distributions_publish) {
    const auto list = parse_checksums(
        "# comment\r\n" + a64 + "  one.iso\r\n" + b64 + " *./dir/two.iso\nSHA512 (three.iso) = " + c128 +
        "\nSHA256 (four.iso) = " + std::string(64, 'D') + "\nd41d8cd98f00b204e9800998ecf8427e  weak.iso\n");
    ASSERT_EQ(list.size(), 4U);
    EXPECT_EQ(checksum_for(list, "one.iso", "x").hex, a64);
    EXPECT_EQ(checksum_for(list, "two.iso", "x").hex, b64);
    EXPECT_EQ(checksum_for(list, "three.iso", "x").algorithm, Hasher::Algorithm::sha512);
    EXPECT_EQ(checksum_for(list, "four.iso", "x").hex, std::string(64, 'd'));
    EXPECT_THROW(checksum_for(list, "weak.iso", "x"), Error);
    EXPECT_EQ(checksum_for(parse_checksums(a64 + "\n"), "any.iso", "x").hex, a64);
}

TEST(ChecksumFile, refuses_two_digests_for_one_name_and_ignores_the_signature) {
    EXPECT_THROW(checksum_for(parse_checksums(a64 + "  x\n" + b64 + "  x\n"), "x", "s"), Error);
    const auto list = parse_checksums("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + a64 +
                                      "  x\n-----BEGIN PGP SIGNATURE-----\n" + b64 + "  x\n");
    EXPECT_EQ(checksum_for(list, "x", "s").hex, a64);
}

TEST(Signature, expired_and_revoked_keys_and_one_bad_signature_do_not_count) {
    const std::string valid = "[GNUPG:] VALIDSIG F1 2026-01-01 1 0 4 0 1 10 00 PRIMARY\n";
    EXPECT_TRUE(good_signer("[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG K name\n" + valid));
    EXPECT_FALSE(good_signer("[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG K name\n" + valid));
    EXPECT_FALSE(good_signer("[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG K name\n" + valid));
    EXPECT_FALSE(good_signer("[GNUPG:] GOODSIG K name\n" + valid + "[GNUPG:] BADSIG K name\n"));
    EXPECT_TRUE(good_signer("[GNUPG:] GOODSIG K name\n" + valid +
                            "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG K 1 10 00 1 9 F\n"))
        << "a second key we do not have";
    EXPECT_FALSE(good_signer("[GNUPG:] GOODSIG K name\n" + valid, "OTHER"));
    EXPECT_TRUE(good_signer("[GNUPG:] GOODSIG K name\n" + valid, "f1"));
}

TEST(Location, names_the_file_without_query) {
    EXPECT_EQ(base_name("https://x/a/b.iso?y=/z#f"), "b.iso");
    EXPECT_EQ(base_name("/a/b?c.iso"), "b?c.iso");
}

}  // namespace
}  // namespace imgforge::fetch
