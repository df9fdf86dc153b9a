// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/completion.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/cli/parser.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

std::string kind_of(Completes completes) {
    switch (completes) {
        case Completes::image: return "image";
        case Completes::machine: return "machine";
        case Completes::recipe: return "recipe";
        case Completes::file:
        case Completes::folder: return "file";
        default: return "";
    }
}

/// The values of one option or positional as a word list or a kind, "@image" asking the program.
std::string values_of(const std::vector<std::string>& choices, Completes completes) {
    return choices.empty() ? (kind_of(completes).empty() ? "" : "@" + kind_of(completes))
                           : fmt::format("{}", fmt::join(choices, " "));
}

std::vector<Option> all_options(const Command& command) {
    std::vector<Option> options = command.options;
    for (const Option& option : common_options()) {
        options.push_back(option);
    }
    options.push_back({.names = {"--help"}, .help = "what it does, with examples"});
    return options;
}

std::vector<std::string> shell_choices(const Command& command, const Positional& positional) {
    return command.name == "completion" && positional.name == "SHELL"
               ? std::vector<std::string>{"bash", "zsh", "fish"}
               : std::vector<std::string>{};
}

/// One row of the table the bash function reads: "command|options|positional values|--opt=values;…".
std::string row_of(const Command& command) {
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (const Option& option : all_options(command)) {
        names.insert(names.end(), option.names.begin(), option.names.end());
        for (const std::string& name : option.names) {
            if (!option.value.empty()) {
                values.push_back(name + "=" + values_of(option.choices, option.completes));
            }
        }
    }
    const std::string first =
        command.positionals.empty()
            ? ""
            : values_of(shell_choices(command, command.positionals[0]), command.positionals[0].completes);
    return fmt::format("    '{}|{}|{}|{}'\n", command.name, fmt::join(names, " "), first,
                       fmt::join(values, ";"));
}

std::string table(const std::vector<Command>& commands) {
    std::string rows;
    for (const Command& command : commands) {
        rows += command.hidden ? std::string() : row_of(command);
    }
    return rows;
}

constexpr const char* bash_script = R"SH(# bash completion for imgforge; made by `imgforge completion bash`
_imgforge_table=(
@TABLE@)
_imgforge_values() {
    case $1 in
        @file) compgen -f -- "$2" ;;
        @*) compgen -W "$(imgforge complete "${1#@}" 2>/dev/null)" -- "$2" ;;
        *) compgen -W "$1" -- "$2" ;;
    esac
}
_imgforge() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} row name options first values
    local one=${COMP_WORDS[1]} two="${COMP_WORDS[1]} ${COMP_WORDS[2]}" found= names=
    for row in "${_imgforge_table[@]}"; do
        name=${row%%|*}
        if [ "$COMP_CWORD" -eq 1 ]; then names+=" ${name%% *}"; continue; fi
        if [ "$COMP_CWORD" -eq 2 ] && [[ $name == "$one "* ]]; then names+=" ${name#* }"; fi
        if [ "$name" = "$two" ] || { [ "$name" = "$one" ] && [ -z "$found" ]; }; then found=$row; fi
    done
    COMPREPLY=()
    if [ -n "$names" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur" | sort -u)
        [ "$COMP_CWORD" -eq 1 ] && return
    fi
    [ -n "$found" ] || return
    IFS='|' read -r name options first values <<<"$found"
    local entry entries
    IFS=';' read -ra entries <<<"$values"
    for entry in "${entries[@]}"; do
        if [ "${entry%%=*}" = "$prev" ]; then
            mapfile -t COMPREPLY < <(_imgforge_values "${entry#*=}" "$cur")
            return
        fi
    done
    local more
    if [[ $cur == -* ]]; then
        mapfile -t more < <(compgen -W "$options" -- "$cur")
    else
        mapfile -t more < <(_imgforge_values "${first:-@file}" "$cur")
    fi
    COMPREPLY+=("${more[@]}")
}
complete -F _imgforge imgforge
)SH";

// As a file named _imgforge in $fpath, its whole text is the function's first call; sourced, it registers
// itself.
constexpr const char* zsh_script = R"SH(#compdef imgforge
# zsh completion for imgforge; made by `imgforge completion zsh`
_imgforge_values() {
    case $1 in
        @file) _files ;;
        @*) compadd -- ${(f)"$(imgforge complete ${1#@} 2>/dev/null)"} ;;
        *) compadd -- ${=1} ;;
    esac
}
_imgforge() {
    local -a table names parts
    local row name found entry one=$words[2] two="$words[2] $words[3]"
    table=(
@TABLE@    )
    for row in $table; do
        name=${row%%|*}
        if (( CURRENT == 2 )); then names+=(${name%% *}); continue; fi
        if (( CURRENT == 3 )) && [[ $name == "$one "* ]]; then names+=(${name#* }); fi
        if [[ $name == "$two" || ( $name == "$one" && -z $found ) ]]; then found=$row; fi
    done
    (( $#names )) && compadd -- ${(u)names}
    [[ -n $found ]] || return
    parts=("${(@s:|:)found}")
    for entry in "${(@s:;:)parts[4]}"; do
        if [[ ${entry%%=*} == $words[CURRENT-1] ]]; then _imgforge_values "${entry#*=}"; return; fi
    done
    if [[ $words[CURRENT] == -* ]]; then
        compadd -- ${=parts[2]}
    else
        _imgforge_values "${parts[3]:-@file}"
    fi
}
if [[ $funcstack[1] == _imgforge ]]; then _imgforge "$@"; else compdef _imgforge imgforge; fi
)SH";

std::string fish_quote(const std::string& text) {
    std::string quoted;
    for (const char c : text) {
        quoted += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return "'" + quoted + "'";
}

std::string fish_values(const std::string& values) {
    if (values.empty()) {
        return " -x";
    }
    if (values == "@file") {
        return " -r -F";
    }
    return values[0] == '@' ? fmt::format(" -x -a '(imgforge complete {} 2>/dev/null)'", values.substr(1))
                            : fmt::format(" -x -a '{}'", values);
}

std::string fish_script(const std::vector<Command>& commands) {
    std::string script =
        "# fish completion for imgforge; made by `imgforge completion fish`\ncomplete -c imgforge -f\n";
    std::set<std::string> groups;
    for (const Command& command : commands) {
        if (command.hidden) {
            continue;
        }
        const std::size_t space = command.name.find(' ');
        const std::string word = command.name.substr(0, space);
        if (groups.insert(word).second) {
            script += fmt::format("complete -c imgforge -n __fish_use_subcommand -a {} -d {}\n", word,
                                  fish_quote(space == std::string::npos ? command.summary : command.group));
        }
        std::string condition = "__fish_seen_subcommand_from " + word;
        if (space != std::string::npos) {
            const std::string second = command.name.substr(space + 1);
            script += fmt::format("complete -c imgforge -n '{}' -a {} -d {}\n", condition, second,
                                  fish_quote(command.summary));
            condition += "; and __fish_seen_subcommand_from " + second;
        }
        for (const Option& option : all_options(command)) {
            std::string names;
            for (const std::string& name : option.names) {
                names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            }
            script += fmt::format(
                "complete -c imgforge -n '{}'{} -d {}{}\n", condition, names, fish_quote(option.help),
                option.value.empty() ? "" : fish_values(values_of(option.choices, option.completes)));
        }
        if (!command.positionals.empty()) {
            const std::string values =
                values_of(shell_choices(command, command.positionals[0]), command.positionals[0].completes);
            if (!values.empty()) {
                script += fmt::format("complete -c imgforge -n '{}'{}\n", condition,
                                      values == "@file" ? std::string(" -F") : fish_values(values));
            }
        }
    }
    return script;
}

void add_folders(const fs::path& folder, std::vector<std::string>& names) {
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_directory(code) && !name.starts_with('.')) {
            names.push_back(name);
        }
    }
}

}  // namespace

std::string completion_script(const std::string& shell, const std::vector<Command>& commands) {
    if (shell == "fish") {
        return fish_script(commands);
    }
    if (shell == "bash" || shell == "zsh") {
        std::string script = shell == "bash" ? bash_script : zsh_script;
        script.replace(script.find("@TABLE@"), 7, table(commands));
        return script;
    }
    throw Error(Failure::usage,
                fmt::format("no completion for the shell '{}'{}", shell,
                            did_you_mean(shell, {"bash", "zsh", "fish"})),
                "imgforge completion bash");
}

std::vector<std::string> completion_names(const std::string& kind, const Places& places) {
    std::vector<std::string> names;
    if (kind == "image") {
        add_folders(places.images(), names);
    } else if (kind == "machine") {
        add_folders(places.instances(), names);
    } else if (kind == "recipe") {
        const fs::path shipped = data_path("pipelines/recipes");
        std::error_code code;
        for (const fs::path& folder : {shipped, shipped / "examples"}) {
            for (const auto& entry : fs::directory_iterator(folder, code)) {
                if (entry.path().extension() == ".recipe") {
                    names.push_back(entry.path().filename().string());
                }
            }
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace imgforge::cli
