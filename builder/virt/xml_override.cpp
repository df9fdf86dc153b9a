// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/xml_override.hpp"

#include <fmt/format.h>

#include <vector>

#include "builder/base/error.hpp"

namespace imgforge::virt {
namespace {

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
    throw Error(Failure::usage, fmt::format("'{}' is not a change of a domain's XML: {}", text, why),
                "./PATH=VALUE, ./PATH/@ATTRIBUTE=VALUE or xpath.delete=./PATH, as in "
                "./devices/disk[1]/driver/@cache=none");
}

/// Where a character stands outside of brackets and quotes; npos when nowhere.
std::size_t find_outside(const std::string& text, char wanted, std::size_t from) {
    int depth = 0;
    char quote = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            quote = c == quote ? '\0' : quote;
        } else if (depth > 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == wanted && depth == 0) {
            return i;
        } else {
            depth += c == '[' ? 1 : c == ']' ? -1 : 0;
        }
    }
    return std::string::npos;
}

struct Override {
    bool remove = false;
    std::string path;
    std::string value;
};

Override parsed(const std::string& text) {
    constexpr std::string_view removal = "xpath.delete=";
    Override change;
    if (text.starts_with(removal)) {
        change.remove = true;
        change.path = text.substr(removal.size());
    } else {
        const std::size_t equals = find_outside(text, '=', 0);
        if (equals == std::string::npos) {
            refuse(text, "it has no '='");
        }
        change.path = text.substr(0, equals);
        change.value = text.substr(equals + 1);
    }
    if (!change.path.starts_with("./") || change.path.size() < 3) {
        refuse(text, "the path starts with './', at <domain>");
    }
    return change;
}

std::vector<std::string> steps_of(const std::string& path) {
    std::vector<std::string> steps;
    for (std::size_t at = 2; at <= path.size();) {
        const std::size_t slash = find_outside(path, '/', at);
        steps.push_back(path.substr(at, slash == std::string::npos ? slash : slash - at));
        at = slash == std::string::npos ? path.size() + 1 : slash + 1;
    }
    return steps;
}

/// A new element for a step such as "timer" or "timer[@name='rtc']".
pugi::xml_node made(pugi::xml_node parent, const std::string& step, const std::string& text) {
    const std::size_t bracket = step.find('[');
    const std::string name = step.substr(0, bracket);
    if (name.empty() || name.find_first_of("*:().") != std::string::npos) {
        refuse(text, fmt::format("nothing is found at '{}', and no element can be made of it", step));
    }
    auto node = parent.append_child(name.c_str());
    if (bracket == std::string::npos) {
        return node;
    }
    const std::string inside = step.substr(bracket + 1, step.size() - bracket - 2);
    const std::size_t equals = inside.find('=');
    if (!inside.starts_with('@') || equals == std::string::npos || inside.size() < equals + 3) {
        parent.remove_child(node);
        refuse(text, fmt::format("nothing is found at '{}'", step));
    }
    const std::string value = inside.substr(equals + 2, inside.size() - equals - 3);
    node.append_attribute(inside.substr(1, equals - 1).c_str()) = value.c_str();
    return node;
}

void set_value(pugi::xml_node domain, const Override& change, const std::string& text) {
    pugi::xml_node node = domain;
    for (const std::string& step : steps_of(change.path)) {
        if (step.starts_with('@')) {
            auto attribute = node.attribute(step.c_str() + 1);
            if (!attribute) {
                attribute = node.append_attribute(step.c_str() + 1);
            }
            attribute = change.value.c_str();
            return;
        }
        const auto found = node.select_node(("./" + step).c_str()).node();
        node = found ? found : made(node, step, text);
    }
    node.text().set(change.value.c_str());
}

}  // namespace

void apply_xml_override(pugi::xml_node domain, const std::string& text) {
    const Override change = parsed(text);
    try {
        if (!change.remove) {
            set_value(domain, change, text);
            return;
        }
        for (const auto& found : domain.select_nodes(change.path.c_str())) {
            found.attribute() ? static_cast<void>(found.parent().remove_attribute(found.attribute()))
                              : static_cast<void>(found.node().parent().remove_child(found.node()));
        }
    } catch (const pugi::xpath_exception& fault) {
        refuse(text, fault.what());
    }
}

void check_xml_override(const std::string& text) {
    pugi::xml_document document;
    apply_xml_override(document.append_child("domain"), text);
}

}  // namespace imgforge::virt
