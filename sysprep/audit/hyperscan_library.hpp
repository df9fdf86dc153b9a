// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <hs/hs.h>

#include "builder/base/lazy_library.hpp"

namespace imgforge {

/// Include this in place of hs/hs.h: the library is loaded by the first call (LazyFunction).
inline constinit const LazyLibrary hyperscan_library{"libhs.so.5", "libvectorscan5", "The audit's search"};

IMGFORGE_LAZY(hyperscan_library, hs_alloc_scratch);
IMGFORGE_LAZY(hyperscan_library, hs_compile_multi);
IMGFORGE_LAZY(hyperscan_library, hs_free_compile_error);
IMGFORGE_LAZY(hyperscan_library, hs_free_database);
IMGFORGE_LAZY(hyperscan_library, hs_free_scratch);
IMGFORGE_LAZY(hyperscan_library, hs_scan);

}  // namespace imgforge
