// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::install {

/// Turns the bytes of a serial port into lines: carriage returns, CSI and OSC sequences, other escapes and
/// control characters go, a backspace takes the last character away. Sequences may be cut anywhere between
/// two feeds. The last line is available before its newline comes, because installers leave their prompts
/// there.
class ConsoleText {
public:
    /// Lines completed by these bytes.
    std::vector<std::string> feed(std::string_view bytes);
    /// The unterminated last line so far.
    const std::string& partial() const { return partial_; }

    /// A line longer than this is cut into several.
    static constexpr std::size_t longest_line = 4096;

private:
    enum class State { text, escape, csi, string, string_escape, charset };
    void text_byte(char byte, std::vector<std::string>& lines);
    void escape_byte(char byte);
    State state_ = State::text;
    std::string partial_;
};

/// A whole log decoded at once, for artefacts.
std::string decoded_console(std::string_view bytes);

}  // namespace imgforge::install
