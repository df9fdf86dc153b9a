// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"

namespace imgforge {

struct SourcePosition {
    int line = 0;    ///< 1-based
    int column = 0;  ///< 1-based
    std::string
        file{};  ///< where it is not the document's own file (a recipe it extends); empty: the document's
};

/// A YAML file as a JSON tree that remembers where each value stood.
struct YamlDocument {
    std::string file;
    Json root;
    /// JSON pointer -> position of the value; pointer + "#" -> position of its key.
    std::map<std::string, SourcePosition> positions;

    /// The value and everything below it no longer stands anywhere.
    void forget(std::string_view pointer);
    /// What stands at `from` of another document (or of this one) with all below it now also stands at `to`
    /// here. Positions only; the tree is the caller's.
    void adopt(std::string_view to, const YamlDocument& other, std::string_view from);
    /// Position of the value, or of the nearest parent that has one.
    SourcePosition position(std::string_view pointer) const;
    /// Position of the key, or of the value when it has none (list items).
    SourcePosition key_position(std::string_view pointer) const;
    /// A diagnostic at the value (or with at_key, at the key) of `pointer`.
    Diagnostic at(std::string pointer, std::string message, std::string suggestion = {},
                  bool at_key = false) const;
};

/// Limits that end hostile input early with a clear error.
struct YamlLimits {
    std::size_t bytes = 4U << 20U;
    std::size_t depth = 64;
    std::size_t nodes = 200000;  ///< after aliases are expanded: a YAML bomb stops here
    std::size_t key_bytes = 1024;
};

/// YAML 1.2 core rules on top of yaml-cpp: duplicate keys, non-scalar or overlong keys, several documents,
/// tabs, NUL bytes and invalid UTF-8 are errors with line and column; only true/false are booleans, only
/// null/~ and an empty value are null; plain decimal numbers become numbers unless they have a leading zero
/// ("0644" stays a string); quoted text is always a string. Anchors, aliases and `<<` merges are expanded
/// within the limits. Returns nothing when the text cannot be read at all; the errors are in `diagnostics`.
std::optional<YamlDocument> parse_yaml(std::string_view text, std::string file, Diagnostics& diagnostics,
                                       const YamlLimits& limits = {});

/// read_file + parse_yaml; throws Failure::recipe with all errors.
YamlDocument load_yaml(const std::string& path, const YamlLimits& limits = {});

/// One JSON pointer token escaped (RFC 6901): "~" -> "~0", "/" -> "~1".
std::string pointer_token(std::string_view key);

}  // namespace imgforge
