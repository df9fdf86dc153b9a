// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef IMGFORGE_WITH_RBD
#include "builder/ceph/rbd_api.hpp"

#include <dlfcn.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::ceph {
namespace {

void* load_library(const char* name) {
    // Never closed: librados keeps threads and thread-local data for as long as the process lives.
    void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        throw Error(Failure::host,
                    fmt::format("Ceph pools need {}, which cannot be loaded: {}", name, dlerror()),
                    "apt install librbd1");
    }
    return library;
}

template <class Function>
void bind_function(void* library, const char* name, Function& function) {
    void* const symbol = dlsym(library, name);
    if (symbol == nullptr) {
        throw Error(Failure::host, fmt::format("librbd on this host is too old: it has no {}", name),
                    "imgforge needs librbd 16 or newer (apt install librbd1)");
    }
    function = reinterpret_cast<Function>(symbol);
}

RbdApi load_api() {
    RbdApi api;
    void* const rados = load_library("librados.so.2");
    void* const rbd = load_library("librbd.so.1");
#define IMGFORGE_BIND_RADOS(name) bind_function(rados, #name, api.name);
#define IMGFORGE_BIND_RBD(name) bind_function(rbd, #name, api.name);
    IMGFORGE_RADOS_FUNCTIONS(IMGFORGE_BIND_RADOS)
    IMGFORGE_RBD_FUNCTIONS(IMGFORGE_BIND_RBD)
#undef IMGFORGE_BIND_RADOS
#undef IMGFORGE_BIND_RBD
    return api;
}

}  // namespace

const RbdApi& rbd_api() {
    static const RbdApi api = load_api();
    return api;
}

}  // namespace imgforge::ceph
#endif
