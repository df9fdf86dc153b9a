// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/pattern_literal.hpp"

#include <algorithm>
#include <cctype>

namespace imgforge::install {

namespace {

/// Reads a pattern from left to right; groups and classes are stepped over, because they may stand for
/// anything.
class LiteralFinder {
public:
    explicit LiteralFinder(std::string_view pattern) : pattern_(pattern) {}

    std::string longest() {
        while (at_ < pattern_.size() && !unknown_)
            step(pattern_[at_++]);
        end_run();
        return unknown_ ? std::string{} : best_;
    }

private:
    void step(char c) {
        switch (c) {
            case '|': unknown_ = true; return;
            case '\\': escape(); return;
            case '[':
                end_run();
                skip_class();
                return;
            case '(':
                end_run();
                skip_group();
                return;
            case '{':
            case '*':
            case '?':
                if (!run_.empty())
                    run_.pop_back();  // it may be there no times
                end_run();
                if (c == '{')
                    at_ = std::min(pattern_.find('}', at_), pattern_.size() - 1) + 1;
                return;
            case '+':
            case '.':
            case '^':
            case '$': end_run(); return;
            default: run_ += c;
        }
    }

    void escape() {
        const char next = at_ < pattern_.size() ? pattern_[at_++] : 'x';
        if (std::isalnum(static_cast<unsigned char>(next)) == 0)
            run_ += next;
        else if (next == 'x' || next == 'u' || next == 'c')
            unknown_ = true;  // the digits behind it are no text
        else
            end_run();
    }

    /// After "[", to behind its "]".
    void skip_class() {
        for (; at_ < pattern_.size() && pattern_[at_] != ']'; ++at_) {
            if (pattern_[at_] == '\\')
                ++at_;
            else if (pattern_[at_] == '[')
                unknown_ = true;  // [[:alpha:]]
        }
        ++at_;
    }

    /// After "(", to behind its ")".
    void skip_group() {
        for (int depth = 1; at_ < pattern_.size() && depth > 0;) {
            const char c = pattern_[at_++];
            if (c == '\\')
                ++at_;
            else if (c == '[')
                skip_class();
            else if (c == '(')
                ++depth;
            else if (c == ')')
                --depth;
        }
    }

    void end_run() {
        if (run_.size() > best_.size())
            best_ = run_;
        run_.clear();
    }

    std::string_view pattern_;
    std::size_t at_ = 0;
    bool unknown_ = false;
    std::string run_;
    std::string best_;
};

}  // namespace

std::string required_literal(std::string_view pattern) {
    return LiteralFinder(pattern).longest();
}

}  // namespace imgforge::install
