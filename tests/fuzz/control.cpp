// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_base PkgConfig::ARCHIVE
// FILES: builder/install/control_file.cpp builder/install/udeb_set.cpp builder/install/deb_file.cpp
// builder/install/cpio.cpp
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/install/control_file.hpp"
#include "builder/install/deb_file.hpp"
#include "builder/install/udeb_set.hpp"

namespace {

using namespace imgforge::install;

void read_index(std::string_view text) {
    const PackageIndex index{std::string(text)};
    std::vector<std::string> missing;
    const std::vector<std::string> names = index.names();
    for (const std::string& abi : kernel_abis(index)) {
        static_cast<void>(udeb_closure(index, names, {}, abi, missing));
    }
    static_cast<void>(udeb_closure(index, names, {}, "1", missing));
    for (const std::string& name : names) {
        static_cast<void>(index.by_name(name));
    }
}

void read_package(std::string_view bytes) {
    const imgforge::Fd file(::memfd_create("deb", MFD_CLOEXEC));
    imgforge::write_all(file.get(), bytes, "deb");
    static_cast<void>(read_deb("/proc/self/fd/" + std::to_string(file.get())));
}

}  // namespace

/// A Debian archive's index, and a package of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        (size > 7 && text.substr(0, 7) == "!<arch>") ? read_package(text) : read_index(text);
    } catch (const imgforge::Error&) {
        // refused with a reason
    }
    static_cast<void>(parse_dependencies(text));
    return 0;
}
