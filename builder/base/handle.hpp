// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

namespace imgforge {

/// Deleter that calls one free function, so that the owner stays one pointer wide.
template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const noexcept {
        static_cast<void>((*Free)(object));
    }
};

/// Owner of a C object that one function frees: `Handle<guestfs_h, &guestfs_close>`. The function may be one
/// that is loaded at its first call (LazyFunction). Anything that can fail at close must be closed explicitly
/// before; this only releases.
template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

}  // namespace imgforge
