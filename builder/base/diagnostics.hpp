// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge {

/// One error (or warning) in a file the user wrote.
struct Diagnostic {
    enum class Severity { error, warning };
    std::string file;
    int line = 0;           ///< 1-based; 0 = the file as a whole
    int column = 0;         ///< 1-based; 0 = the whole line
    std::string pointer{};  ///< JSON pointer of the value, "/stages/2/sysprep/operations"
    Severity severity = Severity::error;
    std::string message;
    std::string suggestion{};  ///< what to write instead; empty when nothing is near
};

/// All errors found, in the order of their place. Checks never stop at the first.
class Diagnostics {
public:
    void add(Diagnostic diagnostic) { list_.push_back(std::move(diagnostic)); }
    void append(const Diagnostics& other);
    const std::vector<Diagnostic>& list() const { return list_; }
    bool has_errors() const;
    bool empty() const { return list_.empty(); }
    /// Sorts by file, line and column and drops exact repetitions.
    void sort();
    /// "file:line:column: message (did you mean 'x'?)", one per line.
    std::string text() const;
    /// The `diagnostics` array of the `validate` record.
    Json to_json() const;
    /// Throws Failure::recipe with all of them when there is an error among them.
    void throw_if_errors() const;

private:
    std::vector<Diagnostic> list_;
};

std::string to_text(const Diagnostic& diagnostic);

}  // namespace imgforge
