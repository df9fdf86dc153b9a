// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/generation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::store {
namespace {

TEST(ImageSpec, reads_name_and_generation) {
    EXPECT_EQ(parse_image_spec("debian13").name, "debian13");
    EXPECT_FALSE(parse_image_spec("debian13").generation.has_value());
    EXPECT_EQ(parse_image_spec("debian13@7").generation, 7);
}

TEST(ImageSpec, refuses_names_that_could_leave_the_folder_and_odd_numbers) {
    for (const char* text :
         {"", "..", ".hidden", "a/b", "A", "a b", "a@", "a@0", "a@-1", "a@1x", "a@99999999999", "@1"}) {
        EXPECT_THROW(parse_image_spec(text), Error) << text;
    }
    EXPECT_THROW(parse_image_spec(std::string(65, 'a')), Error);
}

TEST(GenerationState, words_survive_a_round_trip) {
    for (const GenerationState state : {GenerationState::candidate, GenerationState::current,
                                        GenerationState::retired, GenerationState::quarantined}) {
        EXPECT_EQ(parse_state(to_string(state)), state);
    }
    EXPECT_THROW(parse_state("broken"), Error);
}

}  // namespace
}  // namespace imgforge::store
