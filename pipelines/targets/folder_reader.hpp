// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace imgforge::targets {

struct ReadAnswer {
    enum class Outcome { found, missing, unchanged };
    Outcome outcome = Outcome::missing;
    std::string bytes;
    std::string entity_tag;  ///< of HTTP; empty when there is none
};

/// The files of a target's directory; one per thread.
class FolderReader {
public:
    virtual ~FolderReader() = default;
    /// A file by its relative name. `entity_tag`: that of an earlier answer, for `unchanged`. Throws
    /// Failure::tool when the place cannot be reached or the file is larger than `limit`.
    virtual ReadAnswer read(const std::string& name, std::uint64_t limit,
                            const std::string& entity_tag = {}) = 0;
    /// Another reader of the same place, for another thread.
    virtual std::unique_ptr<FolderReader> again() const = 0;
    virtual std::string location() const = 0;
};

/// For a path, a file:// or an http(s) URL.
std::unique_ptr<FolderReader> open_folder(const std::string& location);

}  // namespace imgforge::targets
