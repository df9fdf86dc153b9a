// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_seeds
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/base/error.hpp"
#include "seeds/answers.hpp"

/// A user's own answer file. The first byte says in which language ('0' preseed … '5' alpine); it must give
/// errors with their lines or none, and the completion marker must go into what has no error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using imgforge::seeds::AnswerFormat;
    if (size == 0) {
        return 0;
    }
    const auto format = static_cast<AnswerFormat>(data[0] % 6U);
    const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const imgforge::Diagnostics faults = imgforge::seeds::check(format, text, "fuzz");
    try {
        const imgforge::seeds::AnswerFacts facts{.nonce = "0123abcd"};
        const std::string marked = imgforge::seeds::with_marker(format, text, facts);
        if (imgforge::seeds::with_marker(format, marked, facts) != marked) {
            std::abort();  // marked twice
        }
        static_cast<void>(imgforge::seeds::deliver(format, marked, facts));
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    return 0;
}
