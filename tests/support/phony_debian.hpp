// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

namespace imgforge::test {

/// A trace to be planted: who must remove it, where it lies, and the mark that must be gone afterwards.
struct Canary {
    std::string operation;
    std::string path;
    std::string mark;     ///< unique in the image
    std::string content;  ///< contains the mark
};

/// Stands once in the guest, in /usr/share/doc/readme, which stays.
inline constexpr const char* readme_mark = "a sentence of documentation that stands in this file only";

/// At least one for every operation that works on files of a Debian guest.
std::vector<Canary> canaries(const std::string& layout);

/// Path -> content of what a small Debian consists of apart from its canaries.
const std::map<std::string, std::string>& permanent_files();

}  // namespace imgforge::test
