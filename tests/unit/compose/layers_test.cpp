// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/layers.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

namespace imgforge::compose {
namespace {

class Layers : public testing::Test {
protected:
    std::optional<Layered> lay(const std::string& name) {
        return layered(read_file(home / name), home / name, home / "shipped", diagnostics);
    }
    void write(const std::string& name, const std::string& text) {
        make_directories((home / name).parent_path());
        write_file_atomically(home / name, text);
    }
    std::vector<std::string> faults() const {
        std::vector<std::string> lines;
        for (const Diagnostic& one : diagnostics.list()) {
            lines.push_back(to_text(one));
        }
        return lines;
    }

    TempDir home{"layers-test"};
    Diagnostics diagnostics;
};

TEST_F(Layers, three_levels_maps_merge_lists_replace_and_plus_appends) {
    write("base.recipe", "os: debian12\nmachine: {memory: 1G, disk: 10G}\nlist: [a, b]\nmore: [x]\n");
    write("middle.recipe", "extends: base\nmachine: {memory: 2G}\nlist: [c]\nmore+: [y]\n");
    write("child.recipe", "extends: middle.recipe\nname: child\nmachine: {vcpus: 4}\nmore+: [z]\n");
    const auto made = lay("child.recipe");
    ASSERT_TRUE(made) << diagnostics.text();
    EXPECT_EQ(canonical(made->document.root),
              canonical(Json::parse(R"({"os":"debian12","name":"child","machine":{"memory":"2G","disk":"10G",
                  "vcpus":4},"list":["c"],"more":["x","y","z"]})")));
    EXPECT_THAT(made->files, SizeIs(3));
    EXPECT_THAT(faults(), testing::IsEmpty());
}

TEST_F(Layers, a_value_stands_in_the_file_it_came_from) {
    write("base.recipe", "os: debian12\nmachine:\n  memory: 1G\nmore:\n  - x\n");
    write("child.recipe", "extends: base\nname: child\nmore+:\n  - y\n");
    const auto made = lay("child.recipe");
    ASSERT_TRUE(made);
    const YamlDocument& document = made->document;
    EXPECT_THAT(to_text(document.at("/machine/memory", "bad")), HasSubstr("base.recipe:3:11: bad"));
    EXPECT_THAT(to_text(document.at("/more/0", "bad")), HasSubstr("base.recipe:5:5: bad"));
    EXPECT_THAT(to_text(document.at("/more/1", "bad")), HasSubstr("child.recipe:4:5: bad"));
    EXPECT_THAT(to_text(document.at("/name", "bad")), HasSubstr("child.recipe:2:7: bad"));
}

TEST_F(Layers, null_takes_a_key_away_and_is_a_value_of_a_variable) {
    write("base.recipe", "installer: {archive: trixie}\nvars: {proxy: http://p}\n");
    write("child.recipe", "extends: base\ninstaller:\nvars: {proxy: null}\n");
    const auto made = lay("child.recipe");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->document.root, (Json{{"vars", {{"proxy", nullptr}}}}));
}

TEST_F(Layers, anchors_of_free_keys_serve_the_whole_file_and_free_keys_are_gone_afterwards) {
    write("child.recipe", "x-common: &common\n  memory: 2G\nmachine:\n  <<: *common\n  vcpus: 2\n");
    const auto made = lay("child.recipe");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->document.root, (Json{{"machine", {{"memory", "2G"}, {"vcpus", 2}}}}));
    EXPECT_THAT(to_text(made->document.at("/machine/memory", "bad")), HasSubstr("child.recipe:2:11"));
}

TEST_F(Layers, a_name_is_looked_for_beside_the_recipe_and_then_among_the_shipped_ones) {
    write("shipped/debian12.recipe", "os: debian12\n");
    write("one/child.recipe", "extends: debian12\nname: a\n");
    const auto made = lay("one/child.recipe");
    ASSERT_TRUE(made) << diagnostics.text();
    EXPECT_EQ(made->document.root["os"], "debian12");
}

TEST_F(Layers, circles_missing_files_and_wrong_kinds_are_faults_at_the_extends) {
    write("a.recipe", "extends: b\n");
    write("b.recipe", "name: b\nextends: a\n");
    EXPECT_FALSE(lay("a.recipe"));
    EXPECT_THAT(faults(),
                Contains(AllOf(HasSubstr("b.recipe:2:10"), HasSubstr("a.recipe -> b.recipe -> a.recipe"))));

    write("c.recipe", "extends: bb\n");
    EXPECT_FALSE(lay("c.recipe"));
    EXPECT_THAT(faults(), Contains(AllOf(HasSubstr("c.recipe:1:10"), HasSubstr("no recipe 'bb' to extend"),
                                         HasSubstr("did you mean 'b'?"))));

    write("d.recipe", "extends: [a, b]\n");
    EXPECT_FALSE(lay("d.recipe"));
    write("e.recipe", "- a\n");
    write("f.recipe", "extends: e\n");
    EXPECT_FALSE(lay("f.recipe"));
    EXPECT_THAT(faults(), Contains(HasSubstr("e.recipe:1:1: a recipe must be a map")));
}

TEST_F(Layers, appending_to_what_is_no_list_is_a_fault) {
    write("base.recipe", "machine: {memory: 1G}\n");
    write("child.recipe", "extends: base\nmachine+: [a]\nother+: b\n");
    lay("child.recipe");
    EXPECT_THAT(faults(), ElementsAre(HasSubstr("child.recipe:2:1: 'machine+' appends to a list"),
                                      HasSubstr("child.recipe:3:1: 'other+' appends to a list")));
}

TEST_F(Layers, a_file_of_variables_must_be_a_map) {
    write("good.yaml", "a: 1\n");
    write("bad.yaml", "- a\n");
    EXPECT_EQ(read_variables(home / "good.yaml").root, (Json{{"a", 1}}));
    EXPECT_THROW(read_variables(home / "bad.yaml"), Error);
    EXPECT_THROW(read_variables(home / "none.yaml"), Error);
}

}  // namespace
}  // namespace imgforge::compose
