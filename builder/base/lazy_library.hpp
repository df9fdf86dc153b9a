// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>

namespace imgforge {

/// A shared library that is loaded when the first of its functions is called, so that commands that do not
/// need it start without it. It is never closed: such libraries keep threads and data of their own.
class LazyLibrary {
public:
    /// `file`: its name as the dynamic linker looks for it, with the version of the interface (libcurl.so.4).
    /// `package`: the Debian package that has it. `purpose`: what needs it, for the error message.
    constexpr LazyLibrary(const char* file, const char* package, const char* purpose)
        : file_(file), package_(package), purpose_(purpose) {}

    /// Address of one function. Throws Failure::host naming the package when the library cannot be loaded or
    /// is too old to have it. Thread-safe.
    void* find(const char* function) const;

private:
    void* load() const;

    const char* file_;
    const char* package_;
    const char* purpose_;
    mutable std::atomic<void*> handle_{nullptr};
};

/// One function of a LazyLibrary, called as if it were linked: `name(…)`. Variables of this type stand in
/// namespace imgforge under the function's own name, which hides the declaration of the header; a function
/// that is used and not listed is an error of the linker.
template <class Function>
class LazyFunction {
public:
    constexpr LazyFunction(const LazyLibrary& library, const char* name) : library_(library), name_(name) {}

    /// The function itself; the compiler takes this for calls too, also of functions with "...".
    operator Function*() const {  // NOLINT(google-explicit-constructor,hicpp-explicit-conversions)
        Function* known = function_.load(std::memory_order_acquire);
        if (known == nullptr) {
            known = reinterpret_cast<Function*>(library_.find(name_));
            function_.store(known, std::memory_order_release);
        }
        return known;
    }

private:
    const LazyLibrary& library_;
    const char* name_;
    mutable std::atomic<Function*> function_{nullptr};
};

}  // namespace imgforge

/// One line per function that is used: what the header declares, from the library that is loaded.
#define IMGFORGE_LAZY(library, name)                             \
    inline constinit const LazyFunction<decltype(::name)> name { \
        library, #name                                           \
    }
