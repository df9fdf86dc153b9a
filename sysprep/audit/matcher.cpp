// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/matcher.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "sysprep/audit/hyperscan_library.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// A literal as a regular expression, byte by byte, so that binary needles need no other interface.
std::string as_expression(std::string_view literal) {
    std::string out;
    for (const char c : literal) {
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    return out;
}

/// `with_place`: also the patterns that apply to files in some places only.
hs_database_t* compile(const std::vector<Pattern>& patterns, bool with_place) {
    std::vector<std::string> texts;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (unsigned id = 0; id < patterns.size(); ++id) {
        const Pattern& pattern = patterns[id];
        if (with_place || !pattern.where) {
            texts.push_back(pattern.expression.empty() ? as_expression(pattern.literal) : pattern.expression);
            flags.push_back(pattern.caseless ? HS_FLAG_CASELESS : 0U);
            ids.push_back(id);
        }
    }
    std::vector<const char*> expressions;
    std::transform(texts.begin(), texts.end(), std::back_inserter(expressions),
                   [](const std::string& text) { return text.c_str(); });
    hs_database_t* database = nullptr;
    hs_compile_error_t* fault = nullptr;
    if (hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                         static_cast<unsigned>(expressions.size()), HS_MODE_BLOCK, nullptr, &database,
                         &fault) != HS_SUCCESS) {
        const std::string message =
            fault != nullptr && fault->message != nullptr ? fault->message : "unknown";
        hs_free_compile_error(fault);
        throw Error(Failure::host, fmt::format("the pattern matcher cannot be set up: {}", message),
                    "Hyperscan needs a processor with SSSE3");
    }
    return database;
}

struct Raw {
    unsigned id;
    std::size_t end;
};

int collect(unsigned id, unsigned long long, unsigned long long to, unsigned, void* context) {
    static_cast<std::vector<Raw>*>(context)->push_back({id, static_cast<std::size_t>(to)});
    return 0;
}

}  // namespace

Matcher::Matcher(std::vector<Pattern> patterns) : patterns_(std::move(patterns)), salt_(random_hex(16)) {
    std::erase_if(patterns_, [](const Pattern& pattern) { return pattern.literal.empty(); });
    std::size_t longest = 0;
    for (const Pattern& pattern : patterns_) {
        longest = std::max(longest, pattern.literal.size());
    }
    margin_ = look_ahead + look_behind + longest;
    database_ = compile(patterns_, true);
    raw_database_ = compile(patterns_, false);
}

Matcher::~Matcher() {
    hs_free_database(static_cast<hs_database_t*>(database_));
    hs_free_database(static_cast<hs_database_t*>(raw_database_));
}

Matcher::Scratch::Scratch(const Matcher& matcher) {
    hs_scratch_t* made = nullptr;
    // One scratch grows to serve both.
    if (hs_alloc_scratch(static_cast<hs_database_t*>(matcher.database_), &made) != HS_SUCCESS ||
        hs_alloc_scratch(static_cast<hs_database_t*>(matcher.raw_database_), &made) != HS_SUCCESS) {
        throw Error(Failure::host, "no memory for the pattern matcher");
    }
    scratch_ = made;
}

Matcher::Scratch::~Scratch() {
    hs_free_scratch(static_cast<hs_scratch_t*>(scratch_));
}

std::vector<Hit> Matcher::scan(Scratch& scratch, std::string_view data, std::size_t from, std::size_t to,
                               std::string_view path) const {
    std::vector<Raw> raw;
    // hs_scan takes 32-bit lengths; pieces are megabytes.
    void* const database = path.empty() ? raw_database_ : database_;
    if (hs_scan(static_cast<hs_database_t*>(database), data.data(), static_cast<unsigned>(data.size()), 0,
                static_cast<hs_scratch_t*>(scratch.scratch_), &collect, &raw) != HS_SUCCESS) {
        throw Error(Failure::tool, "the pattern matcher failed");
    }
    std::vector<Hit> hits;
    for (const Raw& match : raw) {
        const Pattern& pattern = patterns_[match.id];
        const bool applies = !pattern.where || (!path.empty() && pattern.where(path));
        const auto span = applies ? pattern.verify(data, match.end - pattern.literal.size()) : std::nullopt;
        if (span && span->start >= from && span->start < to) {
            hits.push_back(
                {&pattern, *span,
                 sha256_hex(salt_ + std::string(data.substr(span->start, span->length))).substr(0, 16)});
        }
    }
    return hits;
}

}  // namespace imgforge::sysprep::audit
