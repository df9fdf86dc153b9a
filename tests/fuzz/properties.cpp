// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_base
// FILES: pipelines/lifecycle/spool_protocol.cpp pipelines/lifecycle/machine_name.cpp
// FILES: pipelines/lifecycle/spool_guard.cpp
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pipelines/lifecycle/machine_name.hpp"
#include "pipelines/lifecycle/spool_protocol.hpp"

/// A file that anybody who may write to the spool directory dropped there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    imgforge::Diagnostics faults;
    const auto properties = imgforge::lifecycle::parse_properties(text, "fuzz.properties", faults);
    if (properties.has_value() == faults.has_errors()) {
        std::abort();  // neither read nor refused, or both
    }
    if (properties && properties->image.empty()) {
        std::abort();
    }
    return 0;
}
