// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_templates
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "templates/distribution.hpp"

namespace {

/// A directory of rows in memory, with the smallest families the loader wants.
const std::filesystem::path& folder() {
    static const imgforge::TempDir made("fuzz-distribution", "/dev/shm");
    static const bool once = [] {
        std::filesystem::create_directories(made.path() / "families");
        std::filesystem::create_directories(made.path() / "distributions");
        std::ofstream(made.path() / "families/generic.yaml") << "{}\n";
        std::ofstream(made.path() / "families/debian.yaml") << "family: debian\n";
        return true;
    }();
    static_cast<void>(once);
    return made.path();
}

}  // namespace

/// A distribution's row as a user may write it (IMGFORGE_DATA): a row, or errors with their places.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    std::ofstream(folder() / "distributions/fuzz.yaml", std::ios::binary | std::ios::trunc) << text;
    try {
        for (const auto& row : imgforge::templates::load_distributions(folder().string())) {
            if (row.name != "fuzz") {
                std::abort();
            }
            static_cast<void>(
                imgforge::templates::render_kernel_line(row, {{"label", "a b"}, {"iso_uuid", "x"}}));
        }
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    return 0;
}
