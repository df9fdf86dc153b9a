// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "builder/base/interrupt.hpp"
#include "pipelines/fetch/curl_library.hpp"

namespace imgforge::fetch {

/// A list of header lines as libcurl wants it.
class HttpHeaders {
public:
    explicit HttpHeaders(const std::vector<std::string>& lines) {
        for (const std::string& line : lines) {
            add(line);
        }
    }
    void add(const std::string& line) { list_.reset(curl_slist_append(list_.release(), line.c_str())); }
    curl_slist* get() const { return list_.get(); }

private:
    struct Deleter {
        void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    };
    std::unique_ptr<curl_slist, Deleter> list_{};
};

/// CURLOPT_XFERINFOFUNCTION that ends a transfer when the user asks to.
inline int stop_when_interrupted(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    return interrupt::requested() ? 1 : 0;
}

/// Where libcurl writes what went wrong.
using CurlWords = std::array<char, CURL_ERROR_SIZE>;

inline std::string reason_of(const CurlWords& words, CURLcode code) {
    return words[0] != '\0' ? words.data() : curl_easy_strerror(code);
}

/// What every request has: the schemes that count, a connection within 30 s, a transfer that stalls for no
/// longer than 60 s and ends at an interrupt. `headers` and `words` must outlive the transfer.
inline void set_request(CURL* curl, const std::string& url, const HttpHeaders& headers, CurlWords& words) {
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "imgforge");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words.data());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &stop_when_interrupted);
}

}  // namespace imgforge::fetch
