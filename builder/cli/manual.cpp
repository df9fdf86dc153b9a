// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/manual.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/cli/help.hpp"
#include "builder/cli/parser.hpp"

namespace imgforge::cli {
namespace {

std::string page_name(const std::string& command) {
    std::string name = "imgforge-" + command;
    std::replace(name.begin(), name.end(), ' ', '-');
    return name;
}

std::string header(const std::string& name, const std::string& summary) {
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return fmt::format(".TH {} 1 \"\" \"imgforge {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
                       troff_escape(upper), IMGFORGE_VERSION, troff_escape(name), troff_escape(summary));
}

std::string paragraphs(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find("\n\n"), text.size());
        result += ".PP\n" + troff_escape(text.substr(0, end)) + "\n";
        text.remove_prefix(std::min(end + 2, text.size()));
    }
    return result;
}

std::string options(const std::vector<Option>& list) {
    std::string result;
    for (const Option& option : list) {
        result += fmt::format(".TP\n\\fB{}\\fR{}\n{}",
                              troff_escape(fmt::format("{}", fmt::join(option.names, ", "))),
                              option.value.empty() ? "" : " \\fI" + troff_escape(option.value) + "\\fR",
                              troff_escape(option.help));
        if (!option.choices.empty()) {
            result += troff_escape(fmt::format(". One of: {}", fmt::join(option.choices, ", ")));
        }
        result += option.repeatable ? troff_escape(". May be given again") + ".\n" : ".\n";
    }
    return result;
}

std::string examples(const std::vector<Example>& list) {
    std::string result;
    for (const Example& example : list) {
        result += fmt::format(".PP\n{}:\n.PP\n.nf\n.RS\n{}\n.RE\n.fi\n", troff_escape(example.what),
                              troff_escape(example.line));
    }
    return result;
}

constexpr const char* exit_section =
    ".SH EXIT STATUS\n0 ok, 1 failed, 2 usage error, 3 recipe or other input invalid, 4 a prerequisite of "
    "the host is missing,\n"
    "5 an audit or a verification failed, 130 interrupted.\n";

std::string command_page(const Command& command) {
    std::string page = header(page_name(command.name), command.summary);
    page += ".SH SYNOPSIS\n" + troff_escape(usage_line(command)) + "\n.SH DESCRIPTION\n" +
            troff_escape(command.summary) + ".\n" + paragraphs(command.description);
    if (!command.positionals.empty()) {
        page += ".SH ARGUMENTS\n";
        for (const Positional& positional : command.positionals) {
            page += fmt::format(".TP\n\\fI{}\\fR\n{}.\n", troff_escape(positional.name),
                                troff_escape(positional.help));
        }
    }
    if (!command.options.empty()) {
        page += ".SH OPTIONS\n" + options(command.options);
    }
    page += ".SH COMMON OPTIONS\n" + options(common_options());
    if (!command.examples.empty()) {
        page += ".SH EXAMPLES\n" + examples(command.examples);
    }
    return page + exit_section + ".SH SEE ALSO\n.BR imgforge (1),\n.BR imgforge.recipe (5)\n";
}

std::string main_page(const std::vector<Command>& commands) {
    std::string page =
        header("imgforge", "from a distribution's installer ISO to running, unique virtual machines");
    page += ".SH SYNOPSIS\n.B imgforge\n\\fICOMMAND\\fR [\\fIoptions\\fR]\n.SH DESCRIPTION\n.nf\n" +
            troff_escape(overview_text()) + ".fi\n";
    for (const auto& [group, title] :
         {std::pair("Build", "COMMANDS FOR BUILDING"), std::pair("Images", "COMMANDS FOR IMAGES"),
          std::pair("Machines", "COMMANDS FOR MACHINES"), std::pair("Tools", "OTHER COMMANDS")}) {
        page += fmt::format(".SH {}\n", title);
        for (const Command& command : commands) {
            if (!command.hidden && command.group == group) {
                page += fmt::format(".TP\n.BR {} (1)\n{}.\n", page_name(command.name),
                                    troff_escape(command.summary));
            }
        }
    }
    page += ".SH COMMON OPTIONS\n" + options(common_options());
    page +=
        ".SH FILES\n.TP\n.I $IMGFORGE_HOME\nIf not set: /var/lib/imgforge for root, $XDG_DATA_HOME/imgforge "
        "for others. Holds "
        "cache, images, instances, runs and state.db.\n.TP\n.I /etc/imgforge/config.yaml, "
        "~/.config/imgforge/config.yaml\n"
        "Settings, see imgforge.config(5).\n"
        ".SH ENVIRONMENT\n.TP\n.B IMGFORGE_HOME\nWhere images and machines live.\n.TP\n.B "
        "LIBVIRT_DEFAULT_URI\nThe libvirt connection.\n"
        ".TP\n.B NO_COLOR\nNo colour on a terminal.\n";
    return page + exit_section +
           ".SH SEE ALSO\n.BR imgforge.recipe (5),\n.BR imgforge.config (5),\n.BR imgforge.lab (5),\n.BR "
           "virsh "
           "(1),\n.BR qemu-img (1),\n.BR cloud-init (1)\n";
}

}  // namespace

std::string troff_escape(std::string_view text) {
    std::string result;
    bool line_start = true;
    for (const char c : text) {
        if (line_start && (c == '.' || c == '\'')) {
            result += "\\&";
        }
        result += c == '\\' ? std::string("\\e") : c == '-' ? std::string("\\-") : std::string(1, c);
        line_start = c == '\n';
    }
    return result;
}

std::map<std::string, std::string> manual_pages(const std::vector<Command>& commands) {
    std::map<std::string, std::string> pages{{"imgforge.1", main_page(commands)}};
    for (const Command& command : commands) {
        if (!command.hidden) {
            pages[page_name(command.name) + ".1"] = command_page(command);
        }
    }
    return pages;
}

}  // namespace imgforge::cli
