// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/command.hpp"

#include <charconv>
#include <cstdio>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/printable.hpp"
#include "builder/cli/output.hpp"

namespace imgforge::cli {

std::vector<Option> joined(std::initializer_list<std::vector<Option>> tables) {
    std::vector<Option> all;
    for (const std::vector<Option>& table : tables) {
        all.insert(all.end(), table.begin(), table.end());
    }
    return all;
}

bool Arguments::has(std::string_view key) const {
    return values.count(std::string(key)) != 0;
}

std::optional<std::string> Arguments::get(std::string_view key) const {
    const auto found = values.find(std::string(key));
    return found == values.end() || found->second.empty() ? std::nullopt
                                                          : std::optional(found->second.front());
}

std::string Arguments::get_or(std::string_view key, std::string fallback) const {
    return get(key).value_or(std::move(fallback));
}

std::vector<std::string> Arguments::all(std::string_view key) const {
    const auto found = values.find(std::string(key));
    return found == values.end() ? std::vector<std::string>{} : found->second;
}

std::optional<long> Arguments::integer(std::string_view key, long low, long high) const {
    const std::optional<std::string> text = get(key);
    if (!text) {
        return std::nullopt;
    }
    long value = 0;
    const auto [rest, fault] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (fault != std::errc() || rest != text->data() + text->size() || value < low || value > high) {
        throw Error(Failure::usage,
                    fmt::format("--{} '{}' is not a whole number from {} to {}", key, *text, low, high));
    }
    return value;
}

void CommandContext::result(const Json& record, const std::string& text) const {
    std::string out = json ? printable_json(pretty(record)) : text;
    if (!out.empty() && out.back() != '\n') {
        out += '\n';
    }
    print(out);
}

}  // namespace imgforge::cli
