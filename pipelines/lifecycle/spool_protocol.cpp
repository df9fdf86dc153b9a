// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool_protocol.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/lifecycle/machine_name.hpp"
#include "pipelines/lifecycle/spool_guard.hpp"

namespace imgforge::lifecycle {
namespace {

using Action = SpoolRequest::Action;
constexpr std::array all_actions = {Action::destroy, Action::cleanup, Action::stop, Action::spawn,
                                    Action::start};
constexpr std::string_view properties_suffix = ".properties";

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

bool is_clean_text(std::string_view text) {
    const bool control = std::any_of(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    // nlohmann's strict dump is the UTF-8 check we have; it throws on the first bad byte.
    try {
        static_cast<void>(Json(std::string(text)).dump());
    } catch (const nlohmann::json::exception&) {
        return false;
    }
    return !control;
}

bool yes_or_no(std::string_view value, bool& out) {
    if (value == "yes" || value == "true" || value == "on" || value == "1") {
        out = true;
    } else if (value == "no" || value == "false" || value == "off" || value == "0") {
        out = false;
    } else {
        return false;
    }
    return true;
}

/// A value without the comment behind it: '#' after a blank, or after the closing quote.
std::string_view without_comment(std::string_view value) {
    std::size_t from = 0;
    if (value.starts_with('"')) {
        const std::size_t close = value.find('"', 1);
        from = close == std::string_view::npos ? 0 : close;
    }
    if (from == 0 && value.starts_with('#')) {
        return {};
    }
    for (std::size_t at = value.find('#', from); at != std::string_view::npos; at = value.find('#', at + 1)) {
        if (value[at - 1] == ' ' || value[at - 1] == '\t') {
            return trimmed(value.substr(0, at));
        }
    }
    return value;
}

/// Collects one file's keys and errors.
class PropertiesReader {
public:
    PropertiesReader(const std::string& file, Diagnostics& diagnostics)
        : file_(file), diagnostics_(diagnostics) {
        texts_ = {{"image", &result_.image},        {"size", &result_.size},   {"comment", &result_.comment},
                  {"memory", &result_.memory},      {"vcpus", &result_.vcpus}, {"disk", &result_.disk},
                  {"network", &result_.network},    {"host", &result_.host},   {"init", &result_.init},
                  {"user-data", &result_.user_data}};
        switches_ = {{"autostart", &result_.autostart}, {"start", &result_.start}};
    }

    void line(int number, std::string_view text) {
        text = trimmed(text);
        if (text.empty() || text.front() == '#' || text.front() == '!') {
            return;
        }
        const std::size_t at = text.find_first_of("=:");
        if (at == std::string_view::npos) {
            fault(number, "this line is not key=value");
            return;
        }
        const std::string key(trimmed(text.substr(0, at)));
        std::string_view value = without_comment(trimmed(text.substr(at + 1)));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        if (!is_clean_text(key) || !is_clean_text(value)) {
            fault(number, "control characters or invalid UTF-8");
        } else if (!seen_.emplace(key, number).second) {
            fault(number, fmt::format("'{}' is given twice, first in line {}", key, seen_[key]));
        } else {
            set(number, key, value);
        }
    }

    std::optional<SpoolProperties> result() {
        if (result_.image.empty() && !failed_) {
            fault(0, "image= is missing: which golden image shall the machine come from?");
        }
        return failed_ ? std::nullopt : std::optional(result_);
    }

private:
    void set(int number, const std::string& key, std::string_view value) {
        if (const auto text = texts_.find(key); text != texts_.end()) {
            *text->second = value;
        } else if (const auto flag = switches_.find(key); flag != switches_.end()) {
            if (!yes_or_no(value, *flag->second)) {
                fault(number, fmt::format("{} is yes or no, not '{}'", key, value));
            }
        } else {
            std::vector<std::string> known = {"autostart", "start"};
            for (const auto& [name, target] : texts_) {
                known.push_back(name);
            }
            fault(number, fmt::format("unknown key '{}'", key), nearest(key, known).value_or(""));
        }
    }

    void fault(int number, std::string message, std::string suggestion = {}) {
        failed_ = true;
        diagnostics_.add({file_, number, number == 0 ? 0 : 1, "", Diagnostic::Severity::error,
                          std::move(message), std::move(suggestion)});
    }

    const std::string& file_;
    Diagnostics& diagnostics_;
    SpoolProperties result_;
    std::map<std::string, std::string*> texts_;
    std::map<std::string, bool*> switches_;
    std::map<std::string, int> seen_;
    bool failed_ = false;
};

bool is_noise(const std::string& name) {
    return name.front() == '.' || name.back() == '~' || name.front() == '#' || name.ends_with(".FAILED");
}

bool is_machine_name(const std::string& name) {
    try {
        check_machine_name(name);
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// Names of the plain files (and links) in a directory, sorted; empty when it is missing.
std::vector<std::string> file_names(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code missing;
    for (auto entry = std::filesystem::directory_iterator(folder, missing);
         !missing && entry != std::filesystem::directory_iterator(); entry.increment(missing)) {
        std::string name = entry->path().filename().string();
        std::error_code gone;
        if (!is_noise(name) && !std::filesystem::is_directory(entry->symlink_status(gone))) {
            names.push_back(std::move(name));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

std::optional<SpoolProperties> parse_properties(std::string_view text, const std::string& file,
                                                Diagnostics& diagnostics) {
    PropertiesReader reader(file, diagnostics);
    if (constexpr std::string_view mark = "\xef\xbb\xbf"; text.starts_with(mark)) {
        text.remove_prefix(mark.size());
    }
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        reader.line(number, text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return reader.result();
}

std::string_view to_string(SpoolRequest::Action action) {
    switch (action) {
        case Action::spawn: return "spawn";
        case Action::start: return "start";
        case Action::stop: return "stop";
        case Action::destroy: return "destroy";
        case Action::cleanup: return "cleanup";
    }
    return "";
}

std::filesystem::path SpoolFolder::requests(Action action) const {
    return root / (action == Action::spawn ? "inst" : to_string(action));
}

std::filesystem::path SpoolFolder::log(Action action) const {
    return root / "log" / (std::string(to_string(action)) + ".log");
}

void SpoolFolder::create() const {
    if (!std::filesystem::is_directory(root)) {
        throw Error(Failure::host, fmt::format("the spool directory {} does not exist", root.string()),
                    fmt::format("mkdir -p {}", root.string()));
    }
    if (access(root.c_str(), W_OK | X_OK) != 0) {
        throw system_error("write to", root.string(), errno);
    }
    for (const char* name : {"inst", "start", "stop", "destroy", "cleanup", "autostart", "hosts", "log"}) {
        if (std::filesystem::exists(std::filesystem::symlink_status(root / name))) {
            require_plain_folder(root / name, root);
        } else {
            make_directories(root / name);
        }
    }
    if (std::filesystem::exists(std::filesystem::symlink_status(lock()))) {
        require_plain_file(lock(), root);
    }
}

bool SpoolFolder::is_edited(std::string_view name) const {
    const auto time = [](const std::filesystem::path& file) {
        std::error_code missing;
        const auto when = std::filesystem::last_write_time(file, missing);
        return missing ? std::filesystem::file_time_type::min() : when;
    };
    return std::filesystem::exists(owner(name)) && time(properties(name)) > time(owner(name)) &&
           time(properties(name)) > time(edited_mark(name));
}

SpoolListing SpoolFolder::list() const {
    SpoolListing listing;
    for (const auto action : all_actions) {
        for (const auto& name : file_names(requests(action))) {
            std::string stem = name;
            if (action == Action::spawn) {
                if (name.size() <= properties_suffix.size() ||
                    name.substr(name.size() - properties_suffix.size()) != properties_suffix) {
                    continue;
                }
                stem.resize(name.size() - properties_suffix.size());
            }
            const auto file = requests(action) / name;
            if (!is_machine_name(stem)) {
                listing.foreign.push_back(file);
                continue;
            }
            std::error_code gone;
            if (action == Action::spawn) {
                const bool settled = std::filesystem::exists(owner(stem), gone) ||
                                     std::filesystem::exists(destroyed_mark(stem), gone);
                const bool failed = std::filesystem::exists(failed_mark(stem), gone) &&
                                    std::filesystem::last_write_time(file, gone) <=
                                        std::filesystem::last_write_time(failed_mark(stem), gone);
                if (settled || failed) {
                    if (settled && is_edited(stem)) {
                        listing.edited.push_back(stem);
                    }
                    continue;
                }
            }
            listing.requests.push_back({action, stem, file});
        }
    }
    for (const auto& name : file_names(autostart())) {
        (is_machine_name(name) ? static_cast<void>(listing.autostart.push_back(name))
                               : static_cast<void>(listing.foreign.push_back(autostart() / name)));
    }
    return listing;
}

}  // namespace imgforge::lifecycle
