// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/frame.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/log.hpp"
#include "builder/base/printable.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/settings.hpp"
#include "builder/cli/help.hpp"
#include "builder/cli/output.hpp"
#include "builder/cli/parser.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* version_text = "imgforge " IMGFORGE_VERSION "\n";

bool wants_json(const std::vector<std::string>& words) {
    const auto end = std::find(words.begin(), words.end(), "--");
    return std::find(words.begin(), end, "--json") != end;
}

/// `{error:{kind, message, context, hint}}` on stdout for programs; text on stderr for people (both with
/// --json).
int report(const Error& error, bool json) {
    const std::string text = redact(error.describe());
    print_last_words(2, fmt::format("imgforge: {}\n", text));
    if (!log::path().empty()) {
        print_last_words(2, fmt::format("  log: {}\n", log::path().string()));
    }
    if (json) {
        Json context = Json::array();
        for (const std::string& line : error.context()) {
            context.push_back(redact(line));
        }
        const Json record{{"error",
                           {{"kind", std::string(to_string(error.kind()))},
                            {"message", redact(error.message())},
                            {"context", context},
                            {"hint", error.hint().empty() ? Json(nullptr) : Json(redact(error.hint()))}}}};
        print_last_words(1, printable_json(pretty(record)));
    }
    return static_cast<int>(exit_code(error.kind()));
}

MonitorStyle style_of(const Arguments& arguments) {
    if (arguments.has("events")) {
        return MonitorStyle::json;
    }
    return arguments.has("quiet") ? MonitorStyle::quiet : MonitorStyle::terminal;
}

int run_command(const Command& command, const Arguments& arguments) {
    SystemProcessRunner processes;
    SystemClock clock;
    const std::unique_ptr<Monitor> monitor = make_monitor(style_of(arguments));
    log::to_stderr(arguments.has("verbose"));
    Host host{.places = Places::from_environment(),
              .settings = load_settings(settings_files()),
              .processes = &processes,
              .clock = &clock,
              .monitor = monitor.get(),
              .connection = arguments.get("connect")};
    CommandContext context{std::move(host), arguments.has("json"), arguments.has("verbose")};
    return command.run(arguments, context);
}

int dispatch(const std::vector<std::string>& words, const std::vector<Command>& commands) {
    const Parsed parsed = parse(words, commands);
    switch (parsed.kind) {
        case Parsed::Kind::overview: print(overview_text()); return 0;
        case Parsed::Kind::version: print(version_text); return 0;
        case Parsed::Kind::help:
            print(parsed.command != nullptr    ? command_help_text(*parsed.command)
                  : !parsed.help_group.empty() ? group_help_text(parsed.help_group, commands)
                                               : help_text(commands));
            return 0;
        case Parsed::Kind::run: return run_command(*parsed.command, parsed.arguments);
    }
    return 0;
}

}  // namespace

int run_main(int argc, char** argv, const std::vector<Command>& commands) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const bool json = wants_json(words);
    try {
        return dispatch(words, commands);
    } catch (const Interrupted&) {
        print_last_words(2, "imgforge: interrupted; nothing half-written is left\n");
        return static_cast<int>(ExitCode::interrupted);
    } catch (const Error& error) {
        return report(error, json);
    } catch (const std::exception& fault) {
        // A library's exception that no wrapper translated: still one clear line and a documented exit code.
        return report(as_error(fault), json);
    }
}

}  // namespace imgforge::cli
