// SPDX-License-Identifier: GPL-3.0-or-later
// Commands and options stand in schemas/kickstart.json, by release.
#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/suggestion.hpp"
#include "seeds/answer_formats.hpp"
#include "seeds/findings.hpp"
#include "seeds/kickstart_table.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

/// Words of a line as the reader's shlex splits them: quotes hold together, # outside of them begins a
/// comment.
std::vector<std::string> command_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool open = false;
    char quote = '\0';
    for (const char c : text) {
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
            word += quote == '\0' ? std::string() : std::string(1, c);
        } else if (c == '"' || c == '\'') {
            quote = c;
            open = true;
        } else if (c == '#' && !open) {
            break;
        } else if (c == ' ' || c == '\t') {
            if (open) {
                words.push_back(std::move(word));
            }
            word.clear();
            open = false;
        } else {
            word += c;
            open = true;
        }
    }
    if (open) {
        words.push_back(std::move(word));
    }
    return words;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_integer(const std::string& text) {
    const std::size_t first = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    return text.size() > first && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(first), text.end(),
                                              [](unsigned char c) { return std::isdigit(c) != 0; });
}

template <typename Map>
std::vector<std::string> keys_of(const Map& map) {
    std::vector<std::string> names;
    for (const auto& [name, value] : map) {
        names.push_back(name);
    }
    return names;
}

const std::vector<std::string> known_sections{"%packages", "%pre",      "%pre-install",
                                              "%post",     "%onerror",  "%traceback",
                                              "%addon",    "%anaconda", "%certificate"};

class KickstartCheck : LineCheck {
public:
    KickstartCheck(std::string_view text, std::string file, const AnswerFacts& facts)
        : LineCheck(std::move(file)), text_(text), release_(kickstart_release(facts)) {}

    Diagnostics run() {
        int number = 0;
        for (const std::string_view raw : lines_of(text_)) {
            ++number;
            line(raw, number);
        }
        if (!section_.empty()) {
            add(section_line_, true, fmt::format("the section {} has no %end", section_), "%end");
        }
        whole();
        return sorted();
    }

private:
    void line(std::string_view raw, int number) {
        const std::string_view text = trimmed(raw);
        if (text.empty() || text.front() == '#') {
            return;
        }
        const std::string word(text.substr(0, text.find_first_of(" \t")));
        if (text.front() == '%' && word != "%include" && word != "%ksappend") {
            section_mark(word, number);
        } else if (section_.empty()) {
            command(word, text, number);
        } else if (section_ == "%packages" && text.find_first_of("\"'`") != std::string_view::npos) {
            add(number, true, fmt::format("'{}' is not a package name", text));
        }
    }

    void section_mark(const std::string& word, int number) {
        if (word == "%end") {
            if (section_.empty()) {
                add(number, true, "%end without a section before it");
            }
            section_.clear();
            return;
        }
        const bool known =
            std::find(known_sections.begin(), known_sections.end(), word) != known_sections.end();
        if (!section_.empty()) {
            if (!known) {
                return;  // a script may hold such a line
            }
            add(section_line_, true,
                fmt::format("the section {} has no %end before the next one begins in line {}", section_,
                            number),
                "%end");
        }
        if (!known) {
            add(number, true, fmt::format("unknown section {}", word),
                nearest(word, known_sections).value_or(""));
        }
        section_ = word;
        section_line_ = number;
    }

    void command(const std::string& word, std::string_view text, int number) {
        seen_.try_emplace(word, number);
        if (word == "%include" || word == "%ksappend") {
            return;
        }
        const auto known = kickstart_commands().find(word);
        if (known == kickstart_commands().end()) {
            add(number, true, fmt::format("unknown command '{}'", word),
                nearest(word, keys_of(kickstart_commands())).value_or(""));
            return;
        }
        const KickstartCommand& row = known->second;
        if (row.releases.empty() || (!release_.empty() && !has(row.releases, release_))) {
            add(number, true, fmt::format("the command '{}' was removed{}", word, for_release()));
            return;
        }
        if (!release_.empty() && has(row.deprecated, release_)) {
            add(number, false,
                fmt::format("the command '{}' is deprecated{} and does nothing", word, for_release()));
            return;
        }
        options(word, row, command_words(text), number);
    }

    std::string for_release() const {
        return release_.empty() ? std::string() : fmt::format(" in {}", release_);
    }

    /// The option of that name; a unique beginning of one is taken, as its reader does.
    const std::pair<const std::string, KickstartOption>* option_named(const KickstartCommand& row,
                                                                      const std::string& name) const {
        const std::pair<const std::string, KickstartOption>* found = nullptr;
        int count = 0;
        for (const auto& option : row.options) {
            if (!release_.empty() && !has(option.second.releases, release_)) {
                continue;
            }
            if (option.first == name) {
                return &option;
            }
            if (option.first.starts_with(name)) {
                found = &option;
                ++count;
            }
        }
        return count == 1 ? found : nullptr;
    }

    std::vector<std::string> options_of_release(const KickstartCommand& row) const {
        std::vector<std::string> names;
        for (const auto& [name, option] : row.options) {
            if (release_.empty() || has(option.releases, release_)) {
                names.push_back(name);
            }
        }
        return names;
    }

    void options(const std::string& word, const KickstartCommand& row, const std::vector<std::string>& words,
                 int number) {
        std::set<std::string> given;
        std::vector<std::string> arguments;
        bool all_known = true;
        for (std::size_t i = 1; i < words.size(); ++i) {
            if (!words[i].starts_with("--") || words[i].size() == 2) {
                arguments.push_back(words[i]);
                continue;
            }
            const std::size_t equals = words[i].find('=');
            const std::string name = words[i].substr(0, equals);
            const auto* const option = option_named(row, name);
            if (option == nullptr) {
                add(number, true, fmt::format("'{}' has no option {}{}", word, name, for_release()),
                    nearest(name, options_of_release(row)).value_or(""));
                all_known = false;
                continue;
            }
            given.insert(option->first);
            std::optional<std::string> value;
            if (equals != std::string::npos) {
                value = words[i].substr(equals + 1);
            } else if (option->second.value != KickstartOption::Value::flag && i + 1 < words.size() &&
                       !words[i + 1].starts_with("--")) {
                value = words[++i];
            }
            option_value(word, *option, value, number);
        }
        if (all_known) {
            argument_count(word, row, arguments, !given.empty(), number);
        }
        const auto is_given = [&](const std::string& name) { return given.contains(name); };
        if (!row.one_of.empty() && std::none_of(row.one_of.begin(), row.one_of.end(), is_given)) {
            add(number, true, fmt::format("'{}' needs {}", word, fmt::join(row.one_of, " or ")));
        }
        for (const auto& [name, option] : row.options) {
            if (option.required && !given.contains(name) &&
                (release_.empty() || has(option.releases, release_))) {
                add(number, true, fmt::format("'{}' needs the option {}", word, name), name + "=");
            }
        }
        if ((word == "rootpw" || word == "user") && given.contains("--plaintext")) {
            add(number, false, "a password in plain text", "--iscrypted HASH");
        }
    }

    void argument_count(const std::string& word, const KickstartCommand& row,
                        const std::vector<std::string>& arguments, bool has_options, int number) {
        if (arguments.size() > row.most) {
            add(number, true, fmt::format("'{}' does not take '{}'", word, arguments.at(row.most)));
        } else if (arguments.size() < row.fewest && !(row.or_option && has_options)) {
            add(number, true,
                row.fewest == 1
                    ? fmt::format("'{}' needs a value", word)
                    : fmt::format("'{}' needs {} values, not {}", word, row.fewest, arguments.size()));
        }
    }

    void option_value(const std::string& word, const std::pair<const std::string, KickstartOption>& option,
                      const std::optional<std::string>& value, int number) {
        using Value = KickstartOption::Value;
        const auto& [name, rule] = option;
        if (!value) {
            if (rule.value != Value::flag && !rule.optional) {
                add(number, true, fmt::format("'{}': {} needs a value", word, name));
            }
            return;
        }
        if (rule.value == Value::flag) {
            add(number, true, fmt::format("'{}': {} takes no value, not '{}'", word, name, *value), name);
        } else if (rule.value == Value::integer && !is_integer(*value)) {
            add(number, true, fmt::format("'{}': {} takes a whole number, not '{}'", word, name, *value),
                name == "--size" ? "MiB without a unit" : "");
        } else if (!rule.choices.empty() && !has(rule.choices, *value)) {
            add(number, true, fmt::format("'{}': '{}' is not a value of {}", word, *value, name),
                nearest(*value, rule.choices).value_or(""));
        }
    }

    /// Commands that lay out the disk in two ways at once.
    void conflicts() {
        const auto automatic = seen_.find("autopart");
        for (const char* const other :
             {"part", "partition", "logvol", "volgroup", "raid", "mount", "btrfs"}) {
            const auto manual = seen_.find(other);
            if (automatic != seen_.end() && manual != seen_.end()) {
                add(std::max(automatic->second, manual->second), true,
                    fmt::format("'autopart' and '{}' cannot stand in one file", other));
                return;
            }
        }
    }

    void whole() {
        conflicts();
        if (seen_.contains("%include") || seen_.contains("%ksappend")) {
            return;
        }
        if (!seen_.contains("poweroff") && !seen_.contains("shutdown") && !seen_.contains("reboot")) {
            add(0, false, "no action at the end: poweroff is added", "poweroff");
        }
        if (seen_.contains("reboot") || seen_.contains("halt")) {
            add(0, false, "the machine must power itself off when it is done: poweroff takes its place",
                "poweroff");
        }
        if (!seen_.contains("rootpw") && !seen_.contains("user")) {
            add(0, false, "neither rootpw nor user: Anaconda will stop at the missing root password",
                "rootpw --lock");
        }
        const bool has_storage = seen_.contains("autopart") || seen_.contains("part") ||
                                 seen_.contains("partition") || seen_.contains("logvol") ||
                                 seen_.contains("mount") || seen_.contains("btrfs");
        if (!has_storage) {
            add(0, false, "no partitions are asked for: Anaconda will stop there", "autopart");
        }
    }

    std::string_view text_;
    std::string release_;
    std::map<std::string, int> seen_;  ///< command -> first line
    std::string section_;
    int section_line_ = 0;
};

}  // namespace

Diagnostics check_kickstart(std::string_view text, const std::string& file, const AnswerFacts& facts) {
    return KickstartCheck(text, file, facts).run();
}

}  // namespace imgforge::seeds
