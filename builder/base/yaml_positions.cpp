// SPDX-License-Identifier: GPL-3.0-or-later
#include <functional>

#include "builder/base/strict_yaml.hpp"

namespace imgforge {
namespace {

using Positions = std::map<std::string, SourcePosition>;

/// Calls `take(suffix, position)` for the value at `pointer` ("" and "#") and all below it ("/…").
void each_below(const Positions& positions, const std::string& pointer,
                const std::function<void(const std::string&, const SourcePosition&)>& take) {
    for (const char* const own : {"", "#"}) {
        if (const auto found = positions.find(pointer + own); found != positions.end()) {
            take(own, found->second);
        }
    }
    // '0' follows '/' in ASCII, so this is the range of pointers that start with "pointer/".
    const auto end = positions.lower_bound(pointer + "0");
    for (auto at = positions.lower_bound(pointer + "/"); at != end; ++at) {
        take(at->first.substr(pointer.size()), at->second);
    }
}

}  // namespace

void YamlDocument::forget(std::string_view pointer) {
    const std::string at(pointer);
    positions.erase(at);
    positions.erase(at + "#");
    positions.erase(positions.lower_bound(at + "/"), positions.lower_bound(at + "0"));
}

void YamlDocument::adopt(std::string_view to, const YamlDocument& other, std::string_view from) {
    Positions taken;  // first all, then in: `other` may be this document
    each_below(other.positions, std::string(from),
               [&](const std::string& below, const SourcePosition& place) {
                   taken[std::string(to) + below] = place;
               });
    forget(to);
    positions.merge(taken);
}

SourcePosition YamlDocument::position(std::string_view pointer) const {
    std::string at(pointer);
    for (;;) {
        const auto found = positions.find(at);
        if (found != positions.end()) {
            return found->second;
        }
        const std::size_t slash = at.rfind('/');
        if (slash == std::string::npos) {
            return {1, 1, {}};
        }
        at.resize(slash);
    }
}

SourcePosition YamlDocument::key_position(std::string_view pointer) const {
    const auto found = positions.find(std::string(pointer) + "#");
    return found != positions.end() ? found->second : position(pointer);
}

Diagnostic YamlDocument::at(std::string pointer, std::string message, std::string suggestion,
                            bool at_key) const {
    const SourcePosition where = at_key ? key_position(pointer) : position(pointer);
    return {.file = where.file.empty() ? file : where.file,
            .line = where.line,
            .column = where.column,
            .pointer = std::move(pointer),
            .message = std::move(message),
            .suggestion = std::move(suggestion)};
}

}  // namespace imgforge
