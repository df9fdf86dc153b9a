// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/secrets.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/temp_dir.hpp"

using testing::HasSubstr;

namespace imgforge::compose {
namespace {

SecretSet set(const std::string& block, const std::filesystem::path& folder) {
    Diagnostics diagnostics;
    return {parse_yaml("secrets: " + block + "\n", (folder / "x.recipe").string(), diagnostics).value(),
            folder};
}

TEST(Secrets, come_from_a_file_a_variable_or_a_program_and_are_masked_from_then_on) {
    const TempDir home("secrets-test");
    write_file_atomically(home / "token.txt", "from-the-file\n", 0600);
    ::setenv("IMGFORGE_TEST_SECRET", "from-the-variable", 1);
    const SecretSet secrets =
        set("{a: {file: token.txt}, b: {env: IMGFORGE_TEST_SECRET}, "
            "c: {command: [printf, \"%s $HOME\", from-the-program]}}",
            home.path());
    EXPECT_EQ(secrets.value("a"), "from-the-file");
    EXPECT_EQ(secrets.value("b"), "from-the-variable");
    EXPECT_EQ(secrets.value("c"), "from-the-program $HOME") << "no shell reads the arguments";
    EXPECT_THAT(redact("x from-the-file y"), testing::Not(HasSubstr("from-the-file")));
}

TEST(Secrets, that_cannot_be_read_are_named_and_never_shown) {
    const TempDir home("secrets-test");
    write_file_atomically(home / "empty", "\n");
    const SecretSet secrets =
        set("{a: {file: none}, b: {env: IMGFORGE_NOT_SET}, c: {file: empty}, "
            "d: {command: [sh, -c, \"echo hush-hush; exit 7\"]}}",
            home.path());
    for (const char* const name : {"a", "b", "c", "d", "e"}) {
        try {
            secrets.value(name);
            ADD_FAILURE() << name;
        } catch (const Error& error) {
            EXPECT_THAT(error.describe(), HasSubstr("'" + std::string(name) + "'"));
            EXPECT_THAT(error.describe(), testing::Not(HasSubstr("hush-hush\n")));
        }
    }
}

TEST(Secrets, digest_depends_on_a_key_of_the_store_that_only_its_owner_reads) {
    const TempDir home("secrets-test");
    write_file_atomically(home / "t", "value-of-it");
    const SecretSet secrets = set("{t: {file: t}}", home.path());
    const std::string key = digest_key(home / "keys");
    EXPECT_EQ(key, digest_key(home / "keys"));
    EXPECT_NE(key, digest_key(home / "other"));
    EXPECT_EQ(secrets.digest("t", key), secrets.digest("t", key));
    EXPECT_NE(secrets.digest("t", key), secrets.digest("t", digest_key(home / "other")));
    struct stat status {};
    ASSERT_EQ(::stat((home / "keys/secret-digest").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(Secrets, need_exactly_one_source) {
    Diagnostics diagnostics;
    const auto document =
        parse_yaml("secrets: {a: {}, b: {file: x, env: Y}, c: {env: Z}}\n", "x", diagnostics);
    check_secrets(*document, diagnostics);
    EXPECT_EQ(diagnostics.list().size(), 2U);
}

}  // namespace
}  // namespace imgforge::compose
