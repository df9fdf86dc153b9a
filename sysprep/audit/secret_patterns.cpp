// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/secret_patterns.hpp"

#include <set>

#include "builder/base/redact.hpp"
#include "sysprep/audit/secret_shapes.hpp"

namespace imgforge::sysprep::audit {

namespace {

std::vector<Pattern> make_generic() {
    std::vector<Pattern> all;
    for (auto part :
         {key_patterns(), hash_patterns(), token_patterns(), installer_patterns(), setting_patterns()}) {
        all.insert(all.end(), part.begin(), part.end());
    }
    for (const Pattern& pattern : all) {
        never_redact(pattern.rule);  // reports name the rule; it is not the value of a key "secret"
    }
    return all;
}

bool is_word_kind(std::string_view kind) {
    return kind == "hostname" || kind == "ip" || kind == "mac" || kind == "fqdn" || kind == "user" ||
           kind == "instance-id";
}

}  // namespace

const std::vector<Pattern>& generic_patterns() {
    static const std::vector<Pattern> all = make_generic();
    return all;
}

std::vector<Pattern> needle_patterns(const Needles& needles) {
    std::vector<Pattern> out;
    std::set<std::string> seen;
    for (const Needle& needle : needles.items) {
        if (needle.value.empty() || !seen.insert(needle.value).second) {
            continue;
        }
        const std::size_t length = needle.value.size();
        const bool word = is_word_kind(needle.kind);
        const bool address = needle.kind == "ip";
        const auto touches = [address](char c) { return is_alnum(c) || (address && c == '.'); };
        out.push_back({.rule = "needle:" + needle.kind,
                       .label = needle.label,
                       .literal = needle.value,
                       .verify = [length, word, touches](std::string_view data, std::size_t at) -> Found {
                           const std::size_t end = at + length;
                           if (word && ((at > 0 && touches(data[at - 1])) ||
                                        (end < data.size() && touches(data[end])))) {
                               return std::nullopt;
                           }
                           return Span{at, length};
                       }});
    }
    return out;
}

}  // namespace imgforge::sysprep::audit
