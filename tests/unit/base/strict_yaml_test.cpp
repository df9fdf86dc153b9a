// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/strict_yaml.hpp"

#include <gmock/gmock.h>

#include <string>

namespace imgforge {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Json read(const std::string& text) {
    Diagnostics diagnostics;
    const auto document = parse_yaml(text, "t.yaml", diagnostics);
    EXPECT_THAT(diagnostics.text(), IsEmpty());
    return document ? document->root : Json();
}

std::string faults(const std::string& text, const YamlLimits& limits = {}) {
    Diagnostics diagnostics;
    parse_yaml(text, "t.yaml", diagnostics, limits);
    return diagnostics.text();
}

TEST(StrictYaml, reads_core_schema_scalars_only) {
    const Json root =
        read("{a: true, b: yes, c: 010, d: 1e3, e: 0x10, f: ~, g: -5, h: 1.5, i: off, j: 1_000, k: .5}");

    EXPECT_EQ(root["a"], Json(true));
    EXPECT_EQ(root["b"], Json("yes"));
    EXPECT_EQ(root["c"], Json("010"));
    EXPECT_EQ(root["d"], Json(1000.0));
    EXPECT_EQ(root["e"], Json("0x10"));
    EXPECT_TRUE(root["f"].is_null());
    EXPECT_EQ(root["g"], Json(-5));
    EXPECT_EQ(root["h"], Json(1.5));
    EXPECT_EQ(root["i"], Json("off"));
    EXPECT_EQ(root["j"], Json("1_000"));
    EXPECT_EQ(root["k"], Json(".5"));
}

TEST(StrictYaml, quoted_text_is_always_text) {
    const Json root = read("a: \"1\"\nb: 'true'\nc: !!str 7\nd: |\n  x\n");

    EXPECT_EQ(root["a"], Json("1"));
    EXPECT_EQ(root["b"], Json("true"));
    EXPECT_EQ(root["c"], Json("7"));
    EXPECT_EQ(root["d"], Json("x\n"));
}

TEST(StrictYaml, keeps_the_order_of_keys_and_their_places) {
    Diagnostics diagnostics;
    const auto document = parse_yaml("b: 1\na:\n  - x: 2\n    y: 3\n", "t.yaml", diagnostics);

    ASSERT_TRUE(document);
    EXPECT_EQ(document->root.begin().key(), "b");
    EXPECT_EQ(document->position("/a/0/y").line, 4);
    EXPECT_EQ(document->position("/a/0/y").column, 8);
    EXPECT_EQ(document->key_position("/a/0/y").column, 5);
    EXPECT_EQ(document->position("/a/0/missing").line, 3);
}

TEST(StrictYaml, duplicate_keys_are_all_reported_with_the_first_place) {
    EXPECT_EQ(
        faults("a: 1\nb: 2\na: 3\nb: 4\n"),
        "t.yaml:3:1: duplicate key 'a' (first on line 1)\nt.yaml:4:1: duplicate key 'b' (first on line 2)\n");
}

TEST(StrictYaml, merges_and_aliases_expand) {
    const Json root = read("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b\n");

    EXPECT_EQ(root["use"], Json({{"x", 1}, {"y", 3}}));
    EXPECT_EQ(root["again"], Json({{"x", 1}, {"y", 2}}));
}

TEST(StrictYaml, a_yaml_bomb_ends_with_an_error) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const std::string n = std::to_string(i);
        const std::string p = std::to_string(i - 1);
        bomb += "a" + n + ": &a" + n + " [*a" + p + ", *a" + p + ", *a" + p + ", *a" + p + ", *a" + p +
                ", *a" + p + ", *a" + p + ", *a" + p + "]\n";
    }
    EXPECT_THAT(faults(bomb), HasSubstr("aliases expand to more than 200000 values"));
}

TEST(StrictYaml, deep_nesting_ends_with_an_error) {
    EXPECT_THAT(faults(std::string(5000, '[')), HasSubstr("t.yaml:1:"));
    EXPECT_THAT(faults(std::string(100, '[') + std::string(100, ']')),
                HasSubstr("nested deeper than 64 levels"));
}

TEST(StrictYaml, overlong_and_composite_keys_are_refused) {
    EXPECT_THAT(faults("? [a, b]\n: 1\n"), HasSubstr("a key must be plain text"));
    EXPECT_THAT(faults("? " + std::string(2000, 'k') + "\n: 1\n"),
                HasSubstr("a key of 2000 bytes is too long"));
}

TEST(StrictYaml, binary_bytes_are_named_with_their_place) {
    EXPECT_THAT(faults(std::string("a: 1\nb: \0x", 9)), HasSubstr("t.yaml:2:4: control character 0x00"));
    EXPECT_THAT(faults("a: \xff\n"), HasSubstr("not valid UTF-8"));
    EXPECT_THAT(faults("a: \xed\xa0\x80\n"), HasSubstr("not valid UTF-8"));
}

TEST(StrictYaml, syntax_errors_have_line_and_column) {
    EXPECT_THAT(faults("a: 1\nb: [1, 2\n"), HasSubstr("t.yaml:"));
    EXPECT_THAT(faults("a: 1\n\tb: 2\n"), HasSubstr("t.yaml:2:"));
    EXPECT_THAT(faults("a: 1\n---\nb: 2\n"), HasSubstr("second YAML document"));
    EXPECT_THAT(faults("a: !!python/object:os.system x\n"), HasSubstr("is not allowed"));
}

TEST(StrictYaml, syntax_errors_come_with_what_usually_mends_them) {
    const auto found = [](const char* text) {
        Diagnostics faults;
        parse_yaml(text, "x", faults);
        return faults.text();
    };
    EXPECT_THAT(found("name: a: b\n"),
                HasSubstr("x:1:8: illegal map value (try: put a text that holds ': ' in quotes"));
    EXPECT_THAT(found("a: [1, 2\nb: 3\n"), HasSubstr("(try: close the '[' with ']')"));
}

TEST(StrictYaml, quotes_that_are_never_closed_do_not_swallow_the_rest) {
    for (const char* const text : {"a: \"text\n", "a: \"text", "a: 'text\nb: 2\n", "a: [1, \"x]\n"}) {
        Diagnostics found;
        EXPECT_FALSE(parse_yaml(text, "x", found)) << text;
        EXPECT_THAT(found.text(), HasSubstr("(try: close the quotes)")) << text;
    }
    EXPECT_EQ(read("a: |\n  text\n")["a"], "text\n");
    EXPECT_EQ(read("a: |\n  text")["a"], "text");
    EXPECT_EQ(read("a: >-\n  text\n  # no comment\n")["a"], "text # no comment");
}

TEST(StrictYaml, an_empty_file_is_null) {
    EXPECT_TRUE(read("").is_null());
    EXPECT_TRUE(read("# only a comment\n").is_null());
}

TEST(StrictYaml, unknown_alias_is_an_error) {
    EXPECT_THAT(faults("a: *nowhere\n"), HasSubstr("t.yaml:1:"));
}

}  // namespace
}  // namespace imgforge
