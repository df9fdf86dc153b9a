// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/provision/steps.hpp"

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

namespace imgforge::provision {
namespace {

std::vector<std::string> names_of(const std::vector<Step>& steps) {
    std::vector<std::string> names;
    for (const Step& step : steps) {
        names.push_back(step.name);
    }
    return names;
}

TEST(ProvisionSteps, keys_of_the_stage_come_in_their_written_order_and_before_the_list) {
    const Json options = Json::parse(R"({
        "network": "user", "run": ["true"], "upload": {"motd": "/etc/motd"}, "reboot": true,
        "steps": [{"script": "a.sh"}, {"wait-for": 80}, {"run": "echo b", "name": "say b"}]})");
    const std::vector<Step> steps = parse_steps(options, "/recipes");
    EXPECT_THAT(names_of(steps), ElementsAre("run true", "upload /etc/motd", "reboot", "script a.sh",
                                             "wait for port 80", "say b"));
    EXPECT_EQ(std::get<ScriptStep>(steps[3].action).file, "/recipes/a.sh");
    EXPECT_EQ(steps[5].pointer, "/steps/2");
}

TEST(ProvisionSteps, the_environment_of_the_stage_comes_before_the_steps_own) {
    const Json options = Json::parse(R"({"env": {"A": 1, "B": "x"}, "steps": [
        {"script": {"file": "a.sh", "args": ["--fast"], "env": {"A": "2"}, "timeout": "90s"}}]})");
    const std::vector<Step> steps = parse_steps(options, "/r");
    ASSERT_THAT(steps, SizeIs(1));
    EXPECT_THAT(steps[0].env, ElementsAre(Pair("A", "1"), Pair("B", "x"), Pair("A", "2")));
    EXPECT_EQ(steps[0].timeout, std::chrono::seconds(90));
    EXPECT_THAT(std::get<ScriptStep>(steps[0].action).args, ElementsAre("--fast"));
}

TEST(ProvisionSteps, several_scripts_and_playbooks_of_one_key_are_several_steps) {
    const Json options = Json::parse(R"({"script": ["a.sh", {"file": "b.sh"}],
        "ansible": {"playbook": "site.yml", "extra-vars": {"port": 80}, "requirements": "req.yml"}})");
    const std::vector<Step> steps = parse_steps(options, "/r");
    EXPECT_THAT(names_of(steps), ElementsAre("script a.sh", "script b.sh", "ansible site.yml"));
    EXPECT_EQ(std::get<AnsibleStep>(steps[2].action).requirements, "/r/req.yml");
}

TEST(ProvisionSteps, identity_has_order_arguments_and_environment_but_no_name_place_or_deadline) {
    const auto identity = [](const char* text) {
        return canonical(steps_identity(parse_steps(Json::parse(text), "/r")));
    };
    const std::string base =
        identity(R"({"steps": [{"run": "a"}, {"script": {"file": "x.sh", "args": ["1"]}}]})");
    EXPECT_EQ(base, identity(R"({"steps": [{"run": "a", "name": "first", "timeout": "1h"},
                                           {"script": {"file": "y/z.sh", "args": ["1"]}}]})"));
    EXPECT_NE(base, identity(R"({"steps": [{"script": {"file": "x.sh", "args": ["1"]}}, {"run": "a"}]})"));
    EXPECT_NE(base, identity(R"({"steps": [{"run": "a"}, {"script": {"file": "x.sh", "args": ["2"]}}]})"));
    EXPECT_NE(
        base,
        identity(
            R"({"env": {"A": "1"}, "steps": [{"run": "a"}, {"script": {"file": "x.sh", "args": ["1"]}}]})"));
}

TEST(ProvisionSteps, faults_name_the_step) {
    const TempDir folder;
    const Json options = Json::parse(R"({"steps": [
        {"script": "missing.sh"}, {"run": "a", "reboot": true}, {"name": "nothing"},
            {"upload": {"f": "etc/f"}},
        {"run": ["  "]}, {"ansible": {"playbook": "no.yml"}}, {"wait-for": {"timeout": "5s"}}]})");
    write_file_atomically(folder / "f", "x");
    std::string all;
    for (const auto& [pointer, message] : check_steps(options, folder.path())) {
        all += pointer + " " + message + "\n";
    }
    EXPECT_THAT(all, HasSubstr("/steps/0 " + (folder / "missing.sh").string() + " does not exist"));
    EXPECT_THAT(all, HasSubstr("/steps/1 a step has one action, not 2"));
    EXPECT_THAT(all, HasSubstr("/steps/2 a step has one action, not 0"));
    EXPECT_THAT(all, HasSubstr("/steps/3 'etc/f' is not an absolute path"));
    EXPECT_THAT(all, HasSubstr("/steps/4 an empty command"));
    EXPECT_THAT(all, HasSubstr("/steps/5 " + (folder / "no.yml").string() + " does not exist"));
    EXPECT_THAT(all, HasSubstr("/steps/6 wait-for needs one of port, file, service and command"));
    EXPECT_THAT(check_steps(Json::object(), folder.path()), SizeIs(1));
    EXPECT_THAT(check_steps(Json::parse(R"({"reboot": true})"), folder.path()), IsEmpty());
}

TEST(ProvisionSteps, a_playbook_brings_the_folders_ansible_reads_by_itself) {
    const TempDir folder;
    write_file_atomically(folder / "site.yml", "[]");
    make_directories(folder / "roles" / "web");
    make_directories(folder / "unrelated");
    const auto files = step_files(parse_steps(Json::parse(R"({"ansible": "site.yml"})"), folder.path()));
    EXPECT_THAT(files,
                ElementsAre(Pair("playbook", folder / "site.yml"), Pair("playbook roles", folder / "roles")));
}

}  // namespace
}  // namespace imgforge::provision
