// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace imgforge::fetch {

/// What the head of an HTTP answer says of the file, gathered line by line (RFC 9110).
struct ResponseHead {
    long status = 0;
    std::string validator;                ///< strong entity tag, else the date of the last change
    std::optional<std::uint64_t> length;  ///< Content-Length: of this answer
    std::optional<std::uint64_t> start;   ///< Content-Range: where the part begins
    std::optional<std::uint64_t> size;    ///< of the whole file
    std::size_t bytes = 0;                ///< of all lines so far, those of redirects included

    /// Takes one line with its end. A status line begins a new answer.
    void add(std::string_view line);

    /// For `part`.meta: the validator, then the size when it is known.
    std::string record() const;
    static ResponseHead from_record(std::string_view text);
};

}  // namespace imgforge::fetch
