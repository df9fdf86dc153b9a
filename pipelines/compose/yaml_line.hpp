// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace imgforge::compose {

/// Lines without their ends, "\r\n" included.
std::vector<std::string> lines_of(const std::string& text);
/// Without blanks and tabs at the end.
std::string trimmed(std::string line);

/// One line of block YAML, its indentation taken away.
struct YamlLine {
    std::string text;                   ///< written with one blank after each '-' and after the key's ':'
    std::vector<std::size_t> dashes{};  ///< how far each "- " moved what follows, as it was written
    bool entry = false;                 ///< starts with "- "
    bool key = false;                   ///< has a "key:" at its start (after dashes)
    bool block = false;                 ///< ends with | or >: a block text follows
    bool marker = false;                ///< "---", "...", "%YAML"
};
YamlLine taken_apart(const std::string& line);

/// Quotes and brackets that are open at the end of a line: the next line goes on with them.
class OpenText {
public:
    void read(const std::string& line);
    bool any() const { return quote_ != '\0' || depth_ > 0; }

private:
    char quote_ = '\0';
    int depth_ = 0;
};

}  // namespace imgforge::compose
