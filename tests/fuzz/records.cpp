// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_base ZLIB::ZLIB
// FILES: pipelines/store/index_file.cpp pipelines/store/packages.cpp pipelines/store/files.cpp
// FILES: pipelines/store/generation.cpp pipelines/store/sbom.cpp
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"
#include "pipelines/store/files.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/packages.hpp"

namespace {

using namespace imgforge;

template <class Read>
void refuse_or_read(Read read) {
    try {
        read();
    } catch (const Error&) {
        // refused with a reason
    }
}

void read_packages(std::string_view text) {
    const store::SbomSubject subject{
        .image = "fuzz", .package_format = "deb", .distribution = "debian", .release = "debian-13"};
    for (const auto parse : {store::parse_dpkg_status, store::parse_apk_installed, store::parse_rpm_query,
                             store::parse_pacman_query}) {
        const std::vector<store::Package> packages = parse(text);
        // What a guest says of itself must be writable, and read back as it was.
        static_cast<void>(pretty(store::sbom(subject, packages)));
        if (store::packages_from_json(store::packages_to_json(packages), "fuzz").size() != packages.size()) {
            std::abort();
        }
    }
}

}  // namespace

/// Records of a store that may come from another host (manifest, index, file list), and the package databases
/// of guests.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    refuse_or_read(
        [&] { static_cast<void>(store::generation_from_json(parse_json(text, "fuzz"), "/images", "fuzz")); });
    refuse_or_read([&] { static_cast<void>(store::packages_from_json(parse_json(text, "fuzz"), "fuzz")); });
    refuse_or_read([&] { static_cast<void>(store::files_from_text(text, "fuzz")); });
    refuse_or_read([&] { static_cast<void>(store::gunzip(text, "fuzz")); });
    refuse_or_read([&] { read_packages(text); });
    static_cast<void>(pretty(Json(store::printable_path(text))));
    for (const store::FileRecord& file : store::parse_checksums(text)) {
        static_cast<void>(pretty(Json(file.path)));
    }
    return 0;
}
