// SPDX-License-Identifier: GPL-3.0-or-later
// Every `imgforge …` line that a document or a help text shows is a command line that the program takes: no
// command, option or argument that does not exist. (What the commands then do is run by tests/tools/docs and
// tests/boot.)
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/cli/parser.hpp"

namespace imgforge::cli {
namespace {

namespace fs = std::filesystem;

struct Line {
    std::string where;  ///< "docs/howto/x.md:12"
    std::string text;
};

fs::path source_tree() {
    return fs::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
}

std::vector<fs::path> documents() {
    std::vector<fs::path> found = {source_tree() / "README.md"};
    for (const auto& entry : fs::recursive_directory_iterator(source_tree() / "docs")) {
        if (entry.path().extension() == ".md") {
            found.push_back(entry.path());
        }
    }
    return found;
}

/// The lines of the blocks opened by ```sh (or ```sh MARK), those ended by a backslash joined.
std::vector<Line> shell_lines(const fs::path& file) {
    std::vector<Line> lines;
    std::istringstream text(read_file(file, 4U << 20U));
    bool inside = false;
    bool continued = false;
    std::size_t number = 0;
    for (std::string line; std::getline(text, line);) {
        ++number;
        if (line.starts_with("```")) {
            inside = !inside && (line == "```sh" || line.starts_with("```sh "));
            continued = false;
            continue;
        }
        if (!inside) {
            continue;
        }
        if (continued) {
            lines.back().text += " " + line;
        } else {
            lines.push_back(
                {fs::relative(file, source_tree()).string() + ":" + std::to_string(number), line});
        }
        continued = lines.back().text.ends_with("\\");
        if (continued) {
            lines.back().text.pop_back();
        }
    }
    return lines;
}

/// The words of a simple command, up to a pipe, a redirection, a list operator or a comment; quotes taken
/// off.
std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool has_word = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (quote == c) {
                quote = 0;
            } else {
                word += c;
            }
        } else if (c == '\'' || c == '"') {
            quote = c;
            has_word = true;
        } else if (c == ' ' || c == '|' || c == '>' || c == '<' || c == '&' || c == ';' || c == ')' ||
                   (c == '#' && !has_word)) {
            if (has_word) {
                words.push_back(word);
            }
            word.clear();
            has_word = false;
            if (c != ' ') {
                break;
            }
        } else {
            word += c;
            has_word = true;
        }
    }
    if (has_word) {
        words.push_back(word);
    }
    return words;
}

/// What the program says against the command line; empty when it takes it.
std::string problem_of(const std::string& line, const std::vector<Command>& commands) {
    static const std::regex program(R"((^ *|\$\(|[|;&] *)imgforge )");
    std::smatch match;
    if (!std::regex_search(line, match, program)) {
        return {};
    }
    std::vector<std::string> words = words_of(match.suffix().str());
    for (const char* const placeholder : {"…", "..."}) {
        std::erase(words, placeholder);
    }
    try {
        parse(words, commands);
    } catch (const Error& error) {
        return error.message();
    }
    return {};
}

TEST(Documents, show_only_command_lines_that_the_program_takes) {
    const std::vector<Command> commands = all_commands();
    std::size_t checked = 0;
    for (const fs::path& file : documents()) {
        for (const Line& line : shell_lines(file)) {
            const bool comment = line.text.find_first_not_of(' ') != std::string::npos &&
                                 line.text[line.text.find_first_not_of(' ')] == '#';
            if (!comment) {
                EXPECT_EQ(problem_of(line.text, commands), "") << line.where << ": " << line.text;
                ++checked;
            }
        }
    }
    EXPECT_GT(checked, 20U) << "the documents were not found";
}

TEST(Documents, examples_of_help_texts_are_command_lines_that_the_program_takes) {
    const std::vector<Command> commands = all_commands();
    for (const Command& command : commands) {
        for (const Example& example : command.examples) {
            EXPECT_EQ(problem_of(example.line, commands), "") << command.name << ": " << example.line;
        }
    }
}

TEST(Documents, a_command_line_that_does_not_exist_is_noticed) {
    const std::vector<Command> commands = all_commands();
    EXPECT_EQ(problem_of("imgforge list --json | jq .", commands), "");
    EXPECT_NE(problem_of("ip=$(imgforge ipp web-1)", commands), "");
    EXPECT_NE(problem_of("imgforge list --no-such-option", commands), "");
    EXPECT_EQ(problem_of("echo imgforgery", commands), "");
    EXPECT_EQ(problem_of("adduser --system imgforge --no-such-option", commands), "");
}

TEST(Documents, links_between_them_lead_somewhere) {
    static const std::regex link(R"(\]\(([^)#:]+\.(md|svg|recipe|yaml))(#[^)]*)?\))");
    for (const fs::path& file : documents()) {
        const std::string text = read_file(file, 4U << 20U);
        for (auto it = std::sregex_iterator(text.begin(), text.end(), link); it != std::sregex_iterator();
             ++it) {
            EXPECT_TRUE(fs::exists(file.parent_path() / (*it)[1].str()))
                << file << " links to " << (*it)[1].str();
        }
    }
}

}  // namespace
}  // namespace imgforge::cli
