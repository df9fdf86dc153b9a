// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/variables.hpp"

#include <gmock/gmock.h>

#include "pipelines/compose/references.hpp"

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace imgforge::compose {
namespace {

struct Made {
    Json root;
    YamlDocument document;
    std::vector<std::string> faults;
};

Made make(const std::string& text, std::size_t image = 0) {
    Diagnostics diagnostics;
    const YamlDocument source = parse_yaml(text, "x.recipe", diagnostics).value();
    const std::vector<Combination> images = combinations(source, diagnostics);
    Made made;
    if (image < images.size()) {
        made.document = resolved(source, images[image], diagnostics);
        made.root = made.document.root;
    }
    for (const Diagnostic& one : diagnostics.list()) {
        made.faults.push_back(to_text(one));
    }
    return made;
}

TEST(Variables, keep_their_type_alone_and_are_text_within_text) {
    const Made made = make(R"(vars: {n: 3, yes: true, list: [a, b], name: web, both: "${name}-${n}"}
a: ${n}
b: ${yes}
c: ${list}
d: x ${n} ${name}
e: ${both}
"${name}.conf": ${name}
)");
    EXPECT_THAT(made.faults, IsEmpty());
    EXPECT_EQ(made.root["a"], 3);
    EXPECT_EQ(made.root["b"], true);
    EXPECT_EQ(made.root["c"], Json::array({"a", "b"}));
    EXPECT_EQ(made.root["d"], "x 3 web");
    EXPECT_EQ(made.root["e"], "web-3");
}

TEST(Variables, members_of_maps_and_escapes) {
    const Made made = make(
        "vars: {net: {proxy: {host: p, port: 80}}}\n"
        "a: ${net.proxy.port}\nb: \"$${HOME} $HOME ${net.proxy.host}\"\n");
    EXPECT_THAT(made.faults, IsEmpty());
    EXPECT_EQ(made.root["a"], 80);
    EXPECT_EQ(made.root["b"], "${HOME} $HOME p");
}

TEST(Variables, unknown_names_are_faults_with_place_and_the_nearest_name) {
    const Made made = make("vars: {release: trixie}\na:\n  - ${relase}\nb: ${HOME}\nc: ${release.x}\n");
    ASSERT_THAT(made.faults, SizeIs(3));
    EXPECT_THAT(made.faults[0], HasSubstr("x.recipe:3:5: unknown variable 'relase'"));
    EXPECT_THAT(made.faults[0], HasSubstr("did you mean 'release'?"));
    EXPECT_THAT(made.faults[1], HasSubstr("a plain ${HOME} is written $${HOME}"));
    EXPECT_THAT(made.faults[2], HasSubstr("'release' has no member 'x'"));
}

TEST(Variables, circles_lists_in_texts_and_open_braces_are_faults) {
    EXPECT_THAT(make("vars: {a: \"${b}\", b: \"${a}\"}\nx: ${a}\n").faults,
                ElementsAre(HasSubstr("the variable 'a' needs itself: a -> b -> a")));
    EXPECT_THAT(make("vars: {l: [1]}\nx: a ${l}\n").faults,
                ElementsAre(HasSubstr("'l' is a list, which cannot stand within a text")));
    EXPECT_THAT(make("x: a ${l\n").faults, ElementsAre(HasSubstr("'${' without '}'")));
    EXPECT_THAT(make("x: \"${HOME:-/root}\"\n").faults,
                ElementsAre(HasSubstr("is not the name of a variable")));
}

TEST(Variables, that_multiply_without_end_are_stopped) {
    std::string text = "vars:\n  a0: [x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        text += "  a" + std::to_string(i) + ": [";
        for (int n = 0; n < 8; ++n) {
            text += "\"${a" + std::to_string(i - 1) + "}\", ";
        }
        text += "]\n";
    }
    EXPECT_THAT(make(text + "x: ${a11}\n").faults, testing::Contains(HasSubstr("expand to more than")));
}

TEST(Variables, a_value_that_is_a_variable_stands_where_the_variable_is_defined) {
    const Made made = make("vars:\n  memory: 2X\nmachine:\n  memory: ${memory}\n  disk: a ${memory}\n");
    EXPECT_THAT(to_text(made.document.at("/machine/memory", "bad")), HasSubstr("x.recipe:2:11"));
    EXPECT_THAT(to_text(made.document.at("/machine/disk", "bad")), HasSubstr("x.recipe:5:9"));
}

TEST(Variables, secrets_stay_for_the_stage_and_must_be_known) {
    const Made made = make("secrets: {token: {env: T}}\nvars: {line: \"t=${secrets.token}\"}\na: ${line}\n");
    EXPECT_THAT(made.faults, IsEmpty());
    EXPECT_EQ(made.root["a"], "t=${secrets.token}");
    EXPECT_THAT(secrets_in(made.root["a"]), ElementsAre("token"));
    EXPECT_THAT(make("secrets: {token: {env: T}}\na: ${secrets.tokne}\n").faults,
                ElementsAre(AllOf(HasSubstr("unknown secret 'tokne'"), HasSubstr("'token'"))));
    EXPECT_THAT(make("a: $${secrets.x}\n").faults, ElementsAre(HasSubstr("cannot be written here")));
    EXPECT_EQ(
        with_secrets("a ${HOME:-x} ${secrets.b}!", [](const std::string& name) { return "<" + name + ">"; }),
        "a ${HOME:-x} <b>!");
}

TEST(Matrix, every_combination_gets_a_name_of_its_own) {
    const std::string text =
        "name: web\nmatrix: {release: [bookworm, trixie], size: [1, 2]}\na: ${release}${size}\n";
    EXPECT_EQ(make(text, 0).root["name"], "web-bookworm-1");
    EXPECT_EQ(make(text, 3).root["name"], "web-trixie-2");
    EXPECT_EQ(make(text, 3).root["a"], "trixie2");
    EXPECT_TRUE(make(text, 4).root.is_null());
    EXPECT_EQ(make("name: web-${release}\nmatrix: {release: [a, b]}\n", 1).root["name"], "web-b");
    EXPECT_EQ(make("name: ${n}\nvars: {n: \"w${release}\"}\nmatrix: {release: [a, b]}\n", 1).root["name"],
              "wb");
}

TEST(Matrix, of_maps_lists_the_images_and_variables_serve_in_it) {
    const std::string text =
        "name: web\nvars: {all: [debian12, debian13]}\nmatrix:\n"
        "  - {os: debian12, suite: bookworm}\n  - {os: debian13, suite: trixie}\nos: ${os}\n";
    EXPECT_EQ(make(text, 1).root["name"], "web-debian13-trixie");
    EXPECT_EQ(make(text, 1).root["os"], "debian13");
    EXPECT_EQ(make("name: a\nvars: {all: [x, y]}\nmatrix: {v: \"${all}\"}\n", 1).root["name"], "a-y");
    EXPECT_EQ(make("name: a\nmatrix: {os: [{name: d12, id: debian12}]}\nos: ${os.id}\n", 0).root["os"],
              "debian12");
}

TEST(Matrix, of_another_kind_or_without_values_is_a_fault) {
    EXPECT_THAT(make("matrix: 3\n").faults, ElementsAre(HasSubstr("x.recipe:1:9: 'matrix' must be")));
    EXPECT_THAT(make("matrix: {a: []}\n").faults, ElementsAre(HasSubstr("'a' has no value")));
    EXPECT_THAT(make("matrix: [1]\n").faults, ElementsAre(HasSubstr("is a map of variables")));
}

}  // namespace
}  // namespace imgforge::compose
