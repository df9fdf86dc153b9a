// SPDX-License-Identifier: GPL-3.0-or-later
// The values are those of PyYAML 6.0's yaml.safe_load().
#include "builder/base/guest_yaml.hpp"

#include <gmock/gmock.h>

#include "builder/base/yaml_scalar.hpp"

namespace imgforge {
namespace {

using ::testing::HasSubstr;

Json guest_value(const std::string& text) {
    Diagnostics found;
    const auto yaml = parse_guest_yaml("a: " + text + "\n", "g.yaml", found);
    EXPECT_TRUE(yaml.has_value()) << text << "\n" << found.text();
    return yaml ? yaml->document.root["a"] : Json();
}

std::string guest_fault(const std::string& text) {
    Diagnostics found;
    const auto yaml = parse_guest_yaml(text, "g.yaml", found);
    return yaml ? "read" : found.text();
}

TEST(GuestYaml, reads_scalars_of_yaml_1_1) {
    EXPECT_EQ(guest_value("yes"), Json(true));
    EXPECT_EQ(guest_value("Off"), Json(false));
    EXPECT_EQ(guest_value("y"), Json("y"));
    EXPECT_EQ(guest_value("012345"), Json(5349));
    EXPECT_EQ(guest_value("08"), Json("08"));
    EXPECT_EQ(guest_value("0x1F"), Json(31));
    EXPECT_EQ(guest_value("0b11"), Json(3));
    EXPECT_EQ(guest_value("0o17"), Json("0o17"));
    EXPECT_EQ(guest_value("1_000"), Json(1000));
    EXPECT_EQ(guest_value("1:30"), Json(90));
    EXPECT_EQ(guest_value("52:54:00:12:34:56"), Json(41135085296LL));
    EXPECT_EQ(guest_value("52:54:00:ab:34:56"), Json("52:54:00:ab:34:56"));
    EXPECT_EQ(guest_value("1e3"), Json("1e3"));
    EXPECT_EQ(guest_value("1.5e+3"), Json(1500.0));
    EXPECT_EQ(guest_value("1.5.2"), Json("1.5.2"));
    EXPECT_EQ(guest_value("'yes'"), Json("yes"));
    EXPECT_EQ(guest_value("!!str 1"), Json("1"));
    EXPECT_EQ(guest_value("!!binary aGVsbG8="), Json("hello"));
    EXPECT_TRUE(is_yaml_date(guest_value("2026-12-31")));
    EXPECT_EQ(guest_value("2026-12"), Json("2026-12"));
}

TEST(GuestYaml, refuses_what_pyyaml_raises_on) {
    EXPECT_THAT(guest_fault("hostname:\tx\n"), HasSubstr("a tab stands where"));
    EXPECT_THAT(guest_fault("a:\n  - b\t# c\n"), HasSubstr("g.yaml:2:5: a tab stands where"));
    EXPECT_THAT(guest_fault("a: =\n"), HasSubstr("quotes"));
    EXPECT_THAT(guest_fault("a: 2026-13-01\n"), HasSubstr("date"));
    EXPECT_THAT(guest_fault("a: 1\n---\nb: 2\n"), HasSubstr("second YAML document"));
    EXPECT_THAT(guest_fault("[a]: 1\n"), HasSubstr("key"));
    EXPECT_THAT(guest_fault("a: !foo x\n"), HasSubstr("tag"));
    EXPECT_THAT(guest_fault("a: &x 1\nb: &x 2\n"), HasSubstr("twice"));
    EXPECT_THAT(guest_fault("a: *x\n"), HasSubstr("no anchor"));
    EXPECT_THAT(guest_fault("%x\n---\na: 1\n%y\n"), HasSubstr("g.yaml:"));
    EXPECT_THAT(guest_fault("<<: 5\n"), HasSubstr("merge"));
}

TEST(GuestYaml, keeps_tabs_where_pyyaml_takes_them) {
    EXPECT_EQ(guest_value("\"x\ty\""), Json("x\ty"));
    EXPECT_EQ(guest_value("|\n  \tmake:\n  \t\tx"), Json("\tmake:\n\t\tx\n"));
    EXPECT_EQ(guest_value("1 # a\tcomment"), Json(1));
}

TEST(GuestYaml, merges_as_the_constructor_does_and_the_last_of_two_keys_counts) {
    Diagnostics found;
    const auto yaml = parse_guest_yaml(
        "base: &b {x: 1, y: 2}\nmore: &m {x: 3, z: 4}\nuse: {<<: [*b, *m], y: 5}\nk: 1\nk: 2\n", "g.yaml",
        found);
    ASSERT_TRUE(yaml);
    EXPECT_EQ(yaml->document.root["use"], Json({{"y", 5}, {"x", 1}, {"z", 4}}));
    EXPECT_EQ(yaml->document.root["k"], Json(2));
    EXPECT_FALSE(found.has_errors());
    EXPECT_THAT(found.text(), HasSubstr("g.yaml:5:1: warning: duplicate key 'k'"));
}

TEST(GuestYaml, remembers_what_was_written) {
    Diagnostics found;
    const auto yaml = parse_guest_yaml("a: 010\non: x\n", "g.yaml", found);
    ASSERT_TRUE(yaml);
    EXPECT_EQ(yaml->written.at("/a"), "010");
    EXPECT_THAT(found.text(), HasSubstr("the key 'on' is not text"));
}

TEST(GuestYaml, ends_bombs_and_depth) {
    std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    for (char c = 'b'; c < 'j'; ++c) {
        const auto before = static_cast<char>(c - 1);
        bomb += std::string(1, c) + ": &" + c + " [*" + before + ",*" + before + ",*" + before + ",*" +
                before + ",*" + before + ",*" + before + ",*" + before + ",*" + before + "]\n";
    }
    EXPECT_THAT(guest_fault(bomb), HasSubstr("expand"));
    EXPECT_THAT(guest_fault("a: " + std::string(100, '[') + std::string(100, ']') + "\n"),
                HasSubstr("deeper"));
    EXPECT_THAT(guest_fault("a: &a [*a]\n"), HasSubstr("inside"));
}

}  // namespace
}  // namespace imgforge
