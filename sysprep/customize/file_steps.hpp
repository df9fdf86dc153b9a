// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sysprep/cleaner.hpp"

namespace imgforge::sysprep {

/// Changes to files that need nothing of the host. Each list is worked through in its order; the lists in the
/// order of the members.
struct FileSteps {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    Pairs copy{};         ///< file or directory of the guest -> path in the guest
    Pairs move{};         ///< path -> new path
    Pairs edit{};         ///< path -> s/pattern/replacement/flags
    Pairs append_line{};  ///< path -> line; the file is made when missing
    std::vector<std::string> touch{};
    std::vector<std::string> truncate{};
    std::vector<std::string> truncate_recursive{};  ///< directories: every file in them and below
    Pairs chmod{};                                  ///< path -> octal mode
    Pairs chown{};                                  ///< path -> "user:group", names or numbers
    std::vector<std::string> erase{};               ///< glob patterns
    std::vector<std::string> scrub{};               ///< glob patterns of files: overwritten, then removed

    bool empty() const;
};

/// Every error that can be seen without the guest, as (JSON pointer, message).
std::vector<std::pair<std::string, std::string>> check_file_steps(const FileSteps& steps);

/// Applies them through the cleaner. `said` hears one sentence per step. Throws Failure::guest when a file is
/// missing, an account is unknown, or an edit changes nothing.
void apply_file_steps(Cleaner& cleaner, const FileSteps& steps,
                      const std::function<void(const std::string&)>& said);

}  // namespace imgforge::sysprep
