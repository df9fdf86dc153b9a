// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/unix_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge {
namespace {

namespace fs = std::filesystem;

TEST(UnixSocket, connects_to_what_listens_and_is_private) {
    const TempDir folder;
    const Fd listener = listen_unix(folder / "s");
    EXPECT_EQ(fs::status(folder / "s").permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const Fd here = connect_unix(folder / "s");
    ASSERT_TRUE(here);
    EXPECT_TRUE(Fd(accept(listener.get(), nullptr, nullptr)));
}

TEST(UnixSocket, a_path_that_no_address_holds_is_an_error_to_listen_on) {
    const TempDir folder;
    const fs::path longest = folder / std::string(108, 'x');
    try {
        listen_unix(longest);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::host);
        EXPECT_THAT(error.message(), testing::HasSubstr(longest.string()));
    }
}

TEST(UnixSocket, the_directory_may_be_longer_than_an_address) {
    const TempDir folder;
    const fs::path deep = folder / std::string(120, 'd');
    fs::create_directory(deep);
    const Fd listener = listen_unix(folder / "s");
    fs::rename(folder / "s", deep / "s");
    EXPECT_TRUE(connect_unix(deep / "s"));
    EXPECT_FALSE(connect_unix(deep / "missing"));
}

}  // namespace
}  // namespace imgforge
