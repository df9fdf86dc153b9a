// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/remote_size.hpp"

#include <filesystem>

#include "builder/base/handle.hpp"
#include "pipelines/fetch/curl_library.hpp"
#include "pipelines/fetch/download.hpp"

namespace imgforge::fetch {

std::optional<ByteSize> source_size(const std::string& location) {
    if (!is_url(location)) {
        std::error_code code;
        const std::uintmax_t size = std::filesystem::file_size(location, code);
        return code ? std::nullopt : std::optional(ByteSize::bytes(size));
    }
    const Handle<CURL, &curl_easy_cleanup> curl(curl_easy_init());
    if (!curl) {
        return std::nullopt;
    }
    curl_easy_setopt(curl.get(), CURLOPT_URL, location.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https,ftp");
    curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "imgforge");
    curl_off_t size = -1;
    if (curl_easy_perform(curl.get()) != CURLE_OK ||
        curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size) != CURLE_OK || size <= 0) {
        return std::nullopt;
    }
    return ByteSize::bytes(static_cast<std::uint64_t>(size));
}

}  // namespace imgforge::fetch
