// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <curl/curl.h>

#include "builder/base/lazy_library.hpp"

namespace imgforge {

/// Include this in place of curl/curl.h: the library is loaded by the first call (LazyFunction).
inline constinit const LazyLibrary curl_library{"libcurl.so.4", "libcurl4", "A transfer"};

IMGFORGE_LAZY(curl_library, curl_easy_cleanup);
IMGFORGE_LAZY(curl_library, curl_easy_getinfo);
IMGFORGE_LAZY(curl_library, curl_easy_init);
IMGFORGE_LAZY(curl_library, curl_easy_perform);
IMGFORGE_LAZY(curl_library, curl_easy_reset);
IMGFORGE_LAZY(curl_library, curl_easy_setopt);
IMGFORGE_LAZY(curl_library, curl_easy_strerror);
IMGFORGE_LAZY(curl_library, curl_easy_unescape);
IMGFORGE_LAZY(curl_library, curl_free);
IMGFORGE_LAZY(curl_library, curl_global_init);
IMGFORGE_LAZY(curl_library, curl_slist_append);
IMGFORGE_LAZY(curl_library, curl_slist_free_all);

}  // namespace imgforge
