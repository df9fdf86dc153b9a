// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_base
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/base/strict_yaml.hpp"

/// Any bytes give a document, errors with a place inside the text, or both; never a crash, never a hang.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    imgforge::Diagnostics diagnostics;
    const auto document = imgforge::parse_yaml(text, "fuzz.recipe", diagnostics, {.nodes = 5000});
    if (!document && diagnostics.empty()) {
        std::abort();  // refused without a reason
    }
    if (document) {
        static_cast<void>(imgforge::canonical(document->root));
    }
    return 0;
}
