// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/apt_output.hpp"

#include <algorithm>

namespace imgforge::install {

std::vector<std::string> output_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

std::string apt_errors(const ProcessResult& result) {
    std::string errors;
    for (const std::string& line : output_lines(result.err)) {
        if (line.compare(0, 3, "E: ") == 0)
            errors += (errors.empty() ? "" : "; ") + line.substr(3);
    }
    return errors;
}

}  // namespace imgforge::install
