// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::compose {

/// A text taken apart at its references.
struct Piece {
    enum class Type {
        plain,      ///< text as it stands; "$${" is "${" already
        reference,  ///< `text` is the name between the braces
        fault,      ///< `text` says what is wrong; the last piece
    };
    Type type = Type::plain;
    std::string text;
    bool whole = false;  ///< a reference that is all there is
};

/// "a-${b}" -> plain "a-", reference "b". A name is letters, digits, '_', '-' and '.', the first a letter or
/// '_'.
std::vector<Piece> pieces_of(const std::string& text);

/// What a value that is filled in at the very end looks like: `${secrets.token}`.
inline constexpr std::string_view secret_prefix = "secrets.";

/// Names of secrets that a value or its keys mention, each once, in their order.
std::vector<std::string> secrets_in(const Json& value);

/// Name of the shell variable that stands for a secret in commands: "token" -> "IMGFORGE_SECRET_token".
std::string secret_variable(const std::string& name);

/// The text with every `${secrets.NAME}` replaced by what `value` gives for NAME.
std::string with_secrets(const std::string& text,
                         const std::function<std::string(const std::string& name)>& value);

}  // namespace imgforge::compose
