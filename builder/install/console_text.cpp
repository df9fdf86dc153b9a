// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/console_text.hpp"

#include <utility>

namespace imgforge::install {

// The grammar of ECMA-48: ESC [ parameters final (CSI), ESC ] … BEL or ESC \ (OSC, and DCS, SOS, PM, APC
// alike), ESC ( x.
void ConsoleText::escape_byte(char byte) {
    switch (state_) {
        case State::escape:
            if (byte == '[') {
                state_ = State::csi;
            } else if (std::string_view("]PX^_").find(byte) != std::string_view::npos) {
                state_ = State::string;
            } else {
                state_ = std::string_view("()*+#%").find(byte) != std::string_view::npos ? State::charset
                                                                                         : State::text;
            }
            break;
        case State::csi:
            if (byte >= '@' && byte <= '~') {
                state_ = State::text;
            }
            break;
        case State::string:
            if (byte == '\a') {
                state_ = State::text;
            } else if (byte == '\x1b') {
                state_ = State::string_escape;
            }
            break;
        case State::string_escape: state_ = byte == '\\' ? State::text : State::string; break;
        case State::charset:
        case State::text: state_ = State::text; break;
    }
}

void ConsoleText::text_byte(char byte, std::vector<std::string>& lines) {
    if (byte == '\n' || partial_.size() >= longest_line) {
        lines.push_back(std::exchange(partial_, {}));
    }
    if (byte == '\b') {
        if (!partial_.empty()) {
            partial_.pop_back();
        }
    } else if (byte == '\t' || static_cast<unsigned char>(byte) >= 0x20) {
        partial_.push_back(byte);
    }
}

std::vector<std::string> ConsoleText::feed(std::string_view bytes) {
    std::vector<std::string> lines;
    for (const char byte : bytes) {
        // A newline ends whatever sequence was left open: noise on the line must not swallow the rest of the
        // log.
        if (byte == '\n') {
            state_ = State::text;
        }
        if (state_ != State::text) {
            escape_byte(byte);
        } else if (byte == '\x1b') {
            state_ = State::escape;
        } else if (byte != '\x7f') {
            text_byte(byte, lines);
        }
    }
    return lines;
}

std::string decoded_console(std::string_view bytes) {
    ConsoleText console;
    std::string out;
    for (const std::string& line : console.feed(bytes)) {
        out += line;
        out += '\n';
    }
    if (!console.partial().empty()) {
        out += console.partial();
        out += '\n';
    }
    return out;
}

}  // namespace imgforge::install
