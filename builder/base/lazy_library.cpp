// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/lazy_library.hpp"

#include <dlfcn.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge {

void* LazyLibrary::load() const {
    void* handle = handle_.load(std::memory_order_acquire);
    if (handle == nullptr) {
        // Two threads may both come here: the second dlopen gives the same handle.
        handle = ::dlopen(file_, RTLD_LAZY | RTLD_LOCAL);
        if (handle == nullptr) {
            const char* const reason = ::dlerror();
            throw Error(Failure::host,
                        fmt::format("{} needs {}, which cannot be loaded: {}", purpose_, file_,
                                    reason != nullptr ? reason : "unknown reason"),
                        fmt::format("apt install {}", package_));
        }
        handle_.store(handle, std::memory_order_release);
    }
    return handle;
}

void* LazyLibrary::find(const char* function) const {
    void* const address = ::dlsym(load(), function);
    if (address == nullptr) {
        throw Error(Failure::host, fmt::format("{} on this host is too old: it has no {}", file_, function),
                    fmt::format("install a newer {}: imgforge is made for Debian 12 and newer", package_));
    }
    return address;
}

}  // namespace imgforge
