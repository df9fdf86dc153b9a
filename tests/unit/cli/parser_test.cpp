// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/parser.hpp"

#include <gmock/gmock.h>

#include <set>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/cli/help.hpp"

namespace imgforge::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<Command> sample() {
    const auto nothing = [](const Arguments&, CommandContext&) { return 0; };
    return {
        {.name = "spawn",
         .group = "Machines",
         .summary = "new machine",
         .positionals = {{.name = "IMAGE", .help = "image"},
                         {.name = "NAME", .help = "name", .required = false}},
         .options = {{.names = {"--count", "-n"}, .value = "N", .help = "how many"},
                     {.names = {"--network"}, .value = "NET", .help = "network", .repeatable = true},
                     {.names = {"--wait"}, .value = "SIGNAL", .help = "signal", .choices = {"none", "ssh"}},
                     {.names = {"--thick"}, .help = "thick"}},
         .run = nothing},
        {.name = "ssh",
         .group = "Machines",
         .summary = "log in",
         .positionals = {{.name = "NAME", .help = "machine"},
                         {.name = "COMMAND", .help = "command", .required = false, .repeatable = true}},
         .options = {{.names = {"--user"}, .value = "NAME", .help = "user"}},
         .run = nothing},
        {.name = "images", .group = "Images", .summary = "list", .run = nothing},
        {.name = "images list", .group = "Images", .summary = "list", .run = nothing},
    };
}

Parsed parse_line(const std::string& line, const std::vector<Command>& commands) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return parse(words, commands);
}

/// The usage error that a line ends in, or "accepted".
std::string message(const std::string& line) {
    try {
        parse_line(line, sample());
        return "accepted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::usage);
        return error.message();
    }
}

TEST(Parser, words_behind_the_machine_belong_to_the_other_program) {
    const std::vector<Command> commands = sample();

    EXPECT_THAT(parse_line("ssh web-1 ls -la --help", commands).arguments.all("COMMAND"),
                ElementsAre("ls", "-la", "--help"));
    EXPECT_THAT(parse_line("ssh -c qemu:///system web-1 -L 80:x:80 -- ls", commands).arguments.all("COMMAND"),
                ElementsAre("-L", "80:x:80", "--", "ls"));
    const Parsed own = parse_line("ssh web-1 --user root --json id -u", commands);
    EXPECT_EQ(own.arguments.get("user"), "root");
    EXPECT_TRUE(own.arguments.has("json"));
    EXPECT_THAT(own.arguments.all("COMMAND"), ElementsAre("id", "-u"));
    EXPECT_EQ(parse_line("ssh --help", commands).kind, Parsed::Kind::help);
    EXPECT_EQ(parse_line("ssh web-1", commands).arguments.all("COMMAND").size(), 0U);
}

TEST(Parser, reads_positionals_options_and_flags_in_any_order) {
    const std::vector<Command> commands = sample();
    const Parsed parsed =
        parse_line("spawn --count 3 debian13 --network nat web-{n} --network user --thick --json", commands);

    ASSERT_EQ(parsed.kind, Parsed::Kind::run);
    EXPECT_EQ(parsed.command->name, "spawn");
    EXPECT_EQ(parsed.arguments.get("IMAGE"), "debian13");
    EXPECT_EQ(parsed.arguments.get("NAME"), "web-{n}");
    EXPECT_EQ(parsed.arguments.integer("count", 1, 100), 3);
    EXPECT_THAT(parsed.arguments.all("network"), ElementsAre("nat", "user"));
    EXPECT_TRUE(parsed.arguments.has("thick"));
    EXPECT_TRUE(parsed.arguments.has("json"));
    EXPECT_FALSE(parsed.arguments.has("quiet"));
}

TEST(Parser, two_word_commands_win_over_their_group) {
    const std::vector<Command> commands = sample();
    EXPECT_EQ(parse_line("images list", commands).command->name, "images list");
    EXPECT_EQ(parse_line("images", commands).command->name, "images");
    EXPECT_EQ(parse_line("images --help", commands).help_group, "images");
}

TEST(Parser, every_usage_fault_is_named) {
    EXPECT_EQ(message("spwan x"), "unknown command 'spwan' (did you mean 'spawn'?)");
    EXPECT_EQ(message("spawn x --cout 3"), "'spawn' has no option --cout (did you mean '--count'?)");
    EXPECT_THAT(message("spawn"), HasSubstr("IMAGE"));
    EXPECT_THAT(message("spawn x --wait never"), HasSubstr("never"));
    EXPECT_THAT(message("spawn a b c"), HasSubstr("c"));
    EXPECT_THAT(message("spawn x --count"), HasSubstr("--count"));
}

TEST(Parser, common_options_may_stand_before_the_command) {
    const std::vector<Command> commands = sample();
    const Parsed parsed = parse_line("--json -c test:///default spawn debian13 --wait ssh", commands);
    ASSERT_EQ(parsed.kind, Parsed::Kind::run);
    EXPECT_EQ(parsed.command->name, "spawn");
    EXPECT_TRUE(parsed.arguments.has("json"));
    EXPECT_EQ(parsed.arguments.get("connect"), "test:///default");
    EXPECT_EQ(parsed.arguments.get("IMAGE"), "debian13");

    EXPECT_EQ(parse_line("--connect=x images list", commands).arguments.get("connect"), "x");
    EXPECT_EQ(parse_line("--quiet", commands).kind, Parsed::Kind::help);
    // Words behind "--" belong to the program in the guest: nothing of ours may land there.
    const Parsed behind = parse_line("-q spawn x -- --flag", commands);
    EXPECT_TRUE(behind.arguments.has("quiet"));
    EXPECT_EQ(behind.arguments.get("NAME"), "--flag");
}

TEST(Parser, words_of_other_tools_are_answered_with_ours) {
    EXPECT_EQ(message("ls"), "unknown command 'ls'; here it is 'list'");
    EXPECT_EQ(message("rm web-1"), "unknown command 'rm'; here it is 'destroy'");
    EXPECT_EQ(message("pull x"), "unknown command 'pull'; here it is 'images pull'");
    EXPECT_EQ(message("images lst"), "unknown command 'images lst' (did you mean 'images list'?)");
    EXPECT_EQ(message("image"), "unknown command 'image'; here it is 'images'");
    EXPECT_EQ(message("spawn x --net nat"), "'spawn' has no option --net (here it is --network)");
    EXPECT_EQ(message("spawn x --ram=2G"), "'spawn' has no option --ram (here it is --memory)");
}

TEST(Parser, words_of_the_parsing_library_are_never_shown) {
    EXPECT_EQ(message("spawn"), "'spawn' needs IMAGE: image");
    EXPECT_EQ(message("spawn a b c"), "'spawn' takes no argument 'c'");
    EXPECT_EQ(message("spawn x --count"), "--count needs a value: --count N");
    EXPECT_EQ(message("spawn x --wait shh"),
              "--wait: invalid value 'shh' (did you mean 'ssh'?); one of none, ssh");
}

TEST(Arguments, integers_are_checked_against_their_range) {
    const std::vector<Command> commands = sample();
    const Parsed parsed = parse_line("spawn x --count 3x", commands);
    EXPECT_THAT([&] { parsed.arguments.integer("count", 1, 10); },
                ThrowsMessage<Error>(HasSubstr("--count '3x' is not a whole number from 1 to 10")));
}

TEST(Help, words_after_two_dashes_are_not_ours) {
    const std::vector<Command> commands = sample();
    const Parsed parsed = parse({"spawn", "x", "--", "--help"}, commands);
    EXPECT_EQ(parsed.kind, Parsed::Kind::run);
    EXPECT_EQ(parsed.arguments.get("NAME"), "--help");
}

TEST(Commands, have_distinct_names_help_and_examples) {
    std::set<std::string> names;
    for (const Command& command : all_commands()) {
        EXPECT_TRUE(names.insert(command.name).second) << command.name << " is listed twice";
        EXPECT_FALSE(command.summary.empty()) << command.name;
        EXPECT_TRUE(command.run) << command.name;
        if (!command.hidden) {
            EXPECT_FALSE(command.examples.empty()) << command.name << " has no example";
        }
        for (const Option& option : command.options) {
            EXPECT_FALSE(option.help.empty()) << command.name << " " << option.names.front();
        }
    }
}

}  // namespace
}  // namespace imgforge::cli
