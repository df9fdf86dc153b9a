// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/lazy_library.hpp"

#include <array>
#include <cstddef>
#include <string>

#include <gmock/gmock.h>

#include "builder/base/error.hpp"

namespace imgforge {
namespace {

using testing::HasSubstr;

constinit const LazyLibrary c_library{"libc.so.6", "libc6", "Printing"};
constinit const LazyLibrary absent_library{"libimgforge-absent.so.7", "imgforge-absent", "A test"};

using Print = int(char*, std::size_t, const char*, ...);
constinit const LazyFunction<Print> print{c_library, "snprintf"};
constinit const LazyFunction<int()> unheard_of{c_library, "imgforge_no_such_function"};
constinit const LazyFunction<int()> absent{absent_library, "anything"};

TEST(LazyLibrary, a_function_is_called_as_if_it_were_linked) {
    std::array<char, 32> text{};
    EXPECT_EQ(print(text.data(), text.size(), "%d-%s", 7, "x"), 3);
    EXPECT_STREQ(text.data(), "7-x");
    Print* const address = print;
    EXPECT_EQ(address, static_cast<Print*>(print));
}

Error error_of(const LazyFunction<int()>& function) {
    try {
        static_cast<void>(function());
    } catch (const Error& error) {
        return error;
    }
    return {Failure::usage, "no error"};
}

TEST(LazyLibrary, a_missing_library_names_its_package) {
    const Error error = error_of(absent);
    EXPECT_EQ(error.kind(), Failure::host);
    EXPECT_THAT(error.message(), HasSubstr("A test needs libimgforge-absent.so.7, which cannot be loaded"));
    EXPECT_EQ(error.hint(), "apt install imgforge-absent");
}

TEST(LazyLibrary, a_library_without_the_function_is_too_old) {
    const Error error = error_of(unheard_of);
    EXPECT_EQ(error.kind(), Failure::host);
    EXPECT_THAT(error.message(), HasSubstr("libc.so.6 on this host is too old: it has no "
                                           "imgforge_no_such_function"));
    EXPECT_THAT(error.hint(), HasSubstr("libc6"));
}

}  // namespace
}  // namespace imgforge
