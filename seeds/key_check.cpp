// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <regex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/json_schema_words.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/base/yaml_scalar.hpp"
#include "seeds/findings.hpp"
#include "seeds/key_table.hpp"
#include "seeds/net_words.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::size_t longest_for_pattern = 1024;  // std::regex recurses once per character

unsigned type_of(const Json& value) {
    switch (value.type()) {
        case Json::value_t::null: return KeyRule::null_type;
        case Json::value_t::boolean: return KeyRule::bool_type;
        case Json::value_t::string: return KeyRule::text_type;
        case Json::value_t::array: return KeyRule::list_type;
        case Json::value_t::object: return KeyRule::map_type;
        case Json::value_t::number_integer:
        case Json::value_t::number_unsigned: return KeyRule::int_type;
        case Json::value_t::number_float: return KeyRule::num_type;
        default: return is_yaml_date(value) ? 0U : unsigned{KeyRule::text_type};  // !!binary is bytes
    }
}

std::string last_token(const std::string& pointer) {
    return pointer.substr(pointer.rfind('/') + 1);
}

bool form_fits(KeyRule::Form form, const std::string& text) {
    switch (form) {
        case KeyRule::Form::any: return true;
        case KeyRule::Form::ip: return is_ip(text);
        case KeyRule::Form::cidr: return is_cidr(text);
        case KeyRule::Form::mac: return is_mac(text);
        case KeyRule::Form::route: return text == "default" || is_cidr(text) || is_ip(text);
    }
    return true;
}

const char* form_text(KeyRule::Form form) {
    switch (form) {
        case KeyRule::Form::any: return "text";
        case KeyRule::Form::ip: return "an IP address, without prefix length";
        case KeyRule::Form::cidr: return "an address with its prefix length: 192.0.2.5/24 or 2001:db8::5/64";
        case KeyRule::Form::mac:
            return "six pairs of hex digits with colons, in quotes: \"52:54:00:12:34:56\"";
        case KeyRule::Form::route: return "a network such as 10.0.0.0/8, or 0.0.0.0/0";
    }
    return "";
}

class Checker {
public:
    Checker(const KeyTable& table, const GuestYaml& yaml, const Guest& guest, Diagnostics& diagnostics)
        : table_(table), yaml_(yaml), guest_(guest), diagnostics_(diagnostics) {}

    void check_map(const std::string& name, const std::string& pointer, const Json& value) {
        const auto found = table_.maps().find(name);
        if (found == table_.maps().end()) {
            return;  // a map of anything
        }
        const KeyMap& map = found->second;
        for (const auto& [key, child] : value.items()) {
            const std::string below = pointer + "/" + pointer_token(key);
            const auto rule = map.keys.find(key);
            if (rule != map.keys.end()) {
                check_version(below, key, rule->second);
                check(rule->second, below, child);
            } else if (map.other) {
                check(*map.other, below, child);
            } else if (!map.open) {
                unknown_key(map, pointer, below, key);
            }
        }
        check_presence(map, pointer, value);
    }

private:
    void check(const KeyRule& rule, const std::string& pointer, const Json& value) {
        const unsigned type = type_of(value);
        if ((rule.types & KeyRule::any_type) != 0) {
            return;
        }
        const bool whole = type == KeyRule::int_type && (rule.types & KeyRule::num_type) != 0;
        const bool chosen = type == KeyRule::text_type && !rule.choices.empty();
        if ((rule.types & type) == 0 && !whole && !chosen) {
            wrong_type(rule, pointer, value);
            return;
        }
        if (type == KeyRule::text_type) {
            check_text(rule, pointer, value);
        } else if (type == KeyRule::int_type || type == KeyRule::num_type) {
            check_number(rule, pointer, value.get<double>());
        } else if (type == KeyRule::list_type) {
            check_size(rule, pointer, value.size(), "items");
            for (std::size_t i = 1; rule.unique && i < value.size(); ++i) {
                if (std::find(value.begin(), value.begin() + static_cast<std::ptrdiff_t>(i), value[i]) !=
                    value.begin() + static_cast<std::ptrdiff_t>(i)) {
                    const std::string at = fmt::format("{}/{}", pointer, i);
                    warn(at, fmt::format("{} stands in the list twice", json_schema::shown(at, value[i])));
                }
            }
            for (std::size_t i = 0; rule.item && i < value.size(); ++i) {
                check(*rule.item, fmt::format("{}/{}", pointer, i), value[i]);
            }
        } else if (type == KeyRule::map_type) {
            if ((rule.types & KeyRule::list_type) == 0 || value.empty()) {
                check_size(rule, pointer, value.size(), "keys");
            }
            if (!rule.map.empty()) {
                check_map(rule.map, pointer, value);
            } else if (rule.value) {
                for (const auto& [key, child] : value.items()) {
                    check(*rule.value, pointer + "/" + pointer_token(key), child);
                }
            }
        }
    }

    void check_text(const KeyRule& rule, const std::string& pointer, const Json& value) {
        if (!value.is_string()) {
            return;  // bytes
        }
        const auto& text = value.get_ref<const std::string&>();
        const bool chosen = std::find(rule.choices.begin(), rule.choices.end(), text) != rule.choices.end();
        if (chosen) {
            return;
        }
        if ((rule.types & KeyRule::text_type) == 0) {
            if (rule.lax && json_schema::is_boolean_word(value)) {
                lax(rule, pointer, value);
                return;
            }
            complain(pointer,
                     fmt::format("{} must be one of {}, not {}", json_schema::named(pointer),
                                 fmt::join(rule.choices, ", "), json_schema::shown(pointer, value)),
                     nearest(text, rule.choices).value_or(""));
            return;
        }
        if (!form_fits(rule.form, text)) {
            complain(pointer, fmt::format("{} must be {}, not {}", json_schema::named(pointer),
                                          form_text(rule.form), json_schema::shown(pointer, value)));
        }
        if (!rule.pattern.empty() &&
            (text.size() > longest_for_pattern || !std::regex_search(text, std::regex(rule.pattern)))) {
            complain(pointer, fmt::format("{} must match {}, not {}", json_schema::named(pointer),
                                          rule.pattern, json_schema::shown(pointer, value)));
        }
    }

    void check_number(const KeyRule& rule, const std::string& pointer, double number) {
        if ((rule.low && number < *rule.low) || (rule.high && number > *rule.high)) {
            complain(pointer, fmt::format("{} is {}; it must be {}", json_schema::named(pointer), number,
                                          rule.high ? fmt::format("between {} and {}", rule.low.value_or(0),
                                                                  *rule.high)
                                                    : fmt::format("at least {}", *rule.low)));
        }
    }

    void check_size(const KeyRule& rule, const std::string& pointer, std::size_t size, const char* what) {
        if (rule.fewest && size < *rule.fewest) {
            complain(pointer, size == 0 ? fmt::format("{} must not be empty", json_schema::named(pointer))
                                        : fmt::format("{} needs at least {} {}", json_schema::named(pointer),
                                                      *rule.fewest, what));
        }
        if (rule.most && size > *rule.most) {
            complain(pointer, fmt::format("{} has {} {}, more than {}", json_schema::named(pointer), size,
                                          what, *rule.most));
        }
    }

    void check_presence(const KeyMap& map, const std::string& pointer, const Json& value) {
        std::vector<std::string> choice;
        bool chosen = false;
        for (const auto& [key, rule] : map.keys) {
            if (rule.required && !value.contains(key)) {
                missing(pointer, fmt::format("'{}'", key));
            }
            if (rule.one_of) {
                choice.push_back("'" + key + "'");
                chosen = chosen || value.contains(key);
            }
        }
        if (!choice.empty() && !chosen) {
            missing(pointer, fmt::format("{}", fmt::join(choice, " or ")));
        }
    }

    void missing(const std::string& pointer, const std::string& what) {
        diagnostics_.add(yaml_.document.at(
            pointer,
            pointer.empty() ? what + " is missing"
                            : fmt::format("{} is missing in {}", what, json_schema::named(pointer)),
            {}, true));
    }

    void check_version(const std::string& pointer, const std::string& key, const KeyRule& rule) {
        if (rule.since && guest_.version < *rule.since) {
            warn(pointer,
                 fmt::format("'{}' came with cloud-init {}, this guest has {} and ignores it", key,
                             to_string(*rule.since), to_string(guest_.version)),
                 {}, true);
        }
        if (rule.until && guest_.version > *rule.until) {
            warn(pointer,
                 fmt::format("'{}' is unknown to cloud-init after {}, it will be ignored", key,
                             to_string(*rule.until)),
                 {}, true);
        }
        // 23.1 took the names with underscores in and began to warn of the others.
        if (!rule.old.empty() && guest_.version >= CloudInitVersion{23, 1}) {
            warn(pointer, fmt::format("{}'{}' is deprecated", hint_mark, key), rule.old, true);
        }
    }

    void unknown_key(const KeyMap& map, const std::string& pointer, const std::string& below,
                     const std::string& key) {
        std::vector<std::string> names;
        for (const auto& [name, rule] : map.keys) {
            names.push_back(name);
        }
        const std::string where = pointer.empty() ? "" : " in " + json_schema::named(pointer);
        warn(below, fmt::format("unknown key '{}'{}, it will be ignored", json_schema::shortened(key), where),
             nearest(key, names).value_or(""), true);
    }

    static std::string wanted(const KeyRule& rule) {
        static constexpr std::array<std::pair<unsigned, const char*>, 6> words{
            {{KeyRule::bool_type, "true or false"},
             {KeyRule::int_type, "a whole number"},
             {KeyRule::num_type, "a number"},
             {KeyRule::text_type, "text"},
             {KeyRule::list_type, "a list"},
             {KeyRule::map_type, "a map"}}};
        std::vector<std::string> list;
        for (const auto& [type, word] : words) {
            if ((rule.types & type) != 0) {
                list.emplace_back(type == KeyRule::text_type ? form_text(rule.form) : word);
            }
        }
        if (!rule.choices.empty()) {
            list.push_back(fmt::format("one of {}", fmt::join(rule.choices, ", ")));
        }
        return fmt::format("{}", fmt::join(list, " or "));
    }

    /// What stands there, as Python reads it and, when that differs, as it was written.
    std::string found(const std::string& pointer, const Json& value) const {
        const auto written = yaml_.written.find(pointer);
        const bool secret = is_secret_key(last_token(pointer));
        if (is_yaml_date(value)) {
            return fmt::format("a date, which is what YAML 1.1 reads from {}", yaml_binary_text(value));
        }
        if (written == yaml_.written.end() || written->second == value.dump()) {
            return json_schema::shown(pointer, value);
        }
        return secret ? "what YAML 1.1 makes of the unquoted text"
                      : fmt::format("{}, which is what YAML 1.1 reads from {}",
                                    json_schema::shown(pointer, value), redact(written->second));
    }

    void wrong_type(const KeyRule& rule, const std::string& pointer, const Json& value) {
        const bool scalar = value.is_number() || value.is_boolean() || is_yaml_date(value);
        const auto written = yaml_.written.find(pointer);
        const bool same = written == yaml_.written.end() || written->second == value.dump();
        const bool word = (rule.types & KeyRule::bool_type) != 0 &&
                          (json_schema::is_boolean_word(value) || value == 0 || value == 1);
        const bool number = (rule.types & KeyRule::text_type) != 0 && value.is_number() && same;
        if (rule.lax && (word || number)) {
            lax(rule, pointer, value);
            return;
        }
        complain(pointer,
                 fmt::format("{} must be {}, not {}", json_schema::named(pointer), wanted(rule),
                             found(pointer, value)),
                 scalar && (rule.types & KeyRule::text_type) != 0 ? "put it in quotes" : "");
    }

    void lax(const KeyRule& rule, const std::string& pointer, const Json& value) {
        warn(pointer, fmt::format("{} should be {}, not {}: cloud-init's schema complains about it at boot",
                                  json_schema::named(pointer), wanted(rule), found(pointer, value)));
    }

    void complain(const std::string& pointer, std::string message, std::string suggestion = {}) {
        diagnostics_.add(yaml_.document.at(pointer, std::move(message), std::move(suggestion)));
    }

    void warn(const std::string& pointer, std::string message, std::string suggestion = {},
              bool at_key = false) {
        Diagnostic diagnostic = yaml_.document.at(pointer, std::move(message), std::move(suggestion), at_key);
        diagnostic.severity = Diagnostic::Severity::warning;
        diagnostics_.add(std::move(diagnostic));
    }

    const KeyTable& table_;
    const GuestYaml& yaml_;
    const Guest& guest_;
    Diagnostics& diagnostics_;
};

}  // namespace

void KeyTable::check(const GuestYaml& yaml, const std::string& map, const std::string& pointer,
                     const Json& value, const Guest& guest, Diagnostics& diagnostics) const {
    Checker(*this, yaml, guest, diagnostics).check_map(map, pointer, value);
}

}  // namespace imgforge::seeds
