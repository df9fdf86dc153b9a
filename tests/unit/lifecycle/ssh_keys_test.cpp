// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ssh_keys.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST(SshKeys, two_keys_are_never_the_same) {
    const SshKeyPair one = make_ssh_key("web-1");
    const SshKeyPair two = make_ssh_key("web-1");

    EXPECT_THAT(one.public_key, StartsWith("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
    EXPECT_NE(one.public_key, two.public_key);
    EXPECT_NE(one.private_key, two.private_key);
}

TEST(SshKeys, the_stores_key_is_made_once_and_private) {
    const TempDir folder("imgforge-test");

    const StoreKey first = store_ssh_key(folder / "keys");
    const StoreKey second = store_ssh_key(folder / "keys");

    EXPECT_EQ(first.public_key, second.public_key);
    struct stat info {};
    ASSERT_EQ(stat(first.private_file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(PublicKeyFile, gives_every_key_and_skips_comments) {
    const TempDir folder("imgforge-test");
    const std::string key = make_ssh_key("me").public_key;
    write_file_atomically(folder / "keys.pub", "# mine\n\n" + key + "\r\n" + make_ssh_key("you").public_key);

    EXPECT_THAT(read_public_keys(folder / "keys.pub"), SizeIs(2));
    EXPECT_EQ(read_public_keys(folder / "keys.pub").at(0), key);
}

TEST(PublicKeyFile, a_private_key_is_refused_without_showing_it) {
    const TempDir folder("imgforge-test");
    const std::string secret = make_ssh_key("me").private_key;
    write_file_atomically(folder / "id", secret, 0600);
    try {
        read_public_keys(folder / "id");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::recipe);
        EXPECT_THAT(error.hint(), HasSubstr("id.pub"));
        EXPECT_THAT(error.describe(), Not(HasSubstr(secret.substr(60, 20))));
    }
}

TEST(PublicKeyFile, garbage_is_named_with_its_line) {
    const TempDir folder("imgforge-test");
    for (const char* text :
         {"# c\nssh-ed25519\n", "# c\nssh-ed25519 nonsense\n", "# c\ncommand=\"x\" ssh-ed25519 AAAA\n"}) {
        write_file_atomically(folder / "k", text);
        try {
            read_public_keys(folder / "k");
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_THAT(error.message(), HasSubstr("k:2:")) << text;
        }
    }
    write_file_atomically(folder / "k", "\n");
    EXPECT_THROW(read_public_keys(folder / "k"), Error);
    EXPECT_THROW(read_public_keys(folder / "missing"), Error);
}

}  // namespace
}  // namespace imgforge::lifecycle
