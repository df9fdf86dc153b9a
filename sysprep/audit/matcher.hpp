// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sysprep/audit/secret_patterns.hpp"

namespace imgforge::sysprep::audit {

/// One verified secret in a buffer.
struct Hit {
    const Pattern* pattern = nullptr;
    Span span;                ///< within the buffer
    std::string fingerprint;  ///< first 16 hex digits of a salted sha256 of the secret: equal secrets, equal
                              ///< fingerprints
};

/// All patterns compiled into one Hyperscan database. Immutable and shared by all workers; each worker has a
/// Scratch of its own.
class Matcher {
public:
    /// Throws Failure::host when this processor lacks what Hyperscan needs (SSSE3).
    explicit Matcher(std::vector<Pattern> patterns);
    ~Matcher();
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;

    class Scratch {
    public:
        explicit Scratch(const Matcher& matcher);
        ~Scratch();
        Scratch(const Scratch&) = delete;
        Scratch& operator=(const Scratch&) = delete;

    private:
        friend class Matcher;
        void* scratch_ = nullptr;
    };

    /// Every secret in `data` that starts in [from, to). What lies before and after serves the closer look:
    /// give look_behind and look_ahead bytes where there are any. `path` is the guest file, empty for raw
    /// bytes.
    std::vector<Hit> scan(Scratch& scratch, std::string_view data, std::size_t from, std::size_t to,
                          std::string_view path = {}) const;
    const std::vector<Pattern>& patterns() const { return patterns_; }
    /// Bytes that must surround a piece so that nothing on its border is missed.
    std::size_t margin() const { return margin_; }

private:
    std::vector<Pattern> patterns_;
    void* database_ = nullptr;
    void* raw_database_ = nullptr;  ///< without the patterns for files in some places
    std::size_t margin_ = 0;
    std::string salt_;  ///< random per process: a fingerprint cannot be looked up in a table
};

}  // namespace imgforge::sysprep::audit
