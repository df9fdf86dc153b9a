// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_base PkgConfig::ARCHIVE
// FILES: builder/install/cpio.cpp sysprep/initramfs_names.cpp
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/base/error.hpp"
#include "builder/install/cpio.hpp"
#include "sysprep/initramfs_names.hpp"

/// An initrd from a medium or a guest: archives after each other, the last one compressed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace imgforge;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    install::CpioTree tree;
    try {
        install::read_initrd(bytes, true, [&](install::CpioEntry&& entry) {
            if (entry.path.empty() || entry.path.front() == '/') {
                std::abort();
            }
            tree[entry.path] = std::move(entry);
        });
        for (const auto& [path, entry] : tree) {
            static_cast<void>(install::resolve_folders(tree, path));
        }
    } catch (const Error&) {
        // refused with a reason
    }
    static_cast<void>(sysprep::initramfs_entries(bytes));
    return 0;
}
