// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/download.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/printable.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/fetch/curl_library.hpp"
#include "pipelines/fetch/transfer.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

constexpr long http_not_satisfiable = 416;
constexpr long http_error = 400;

bool worth_another_try(CURLcode code, long status) {
    if (status >= http_error) {
        return status >= 500 || status == 408 || status == 429;
    }
    return code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL &&
           code != CURLE_TOO_MANY_REDIRECTS && code != CURLE_PEER_FAILED_VERIFICATION &&
           code != CURLE_SSL_CACERT_BADFILE && code != CURLE_WRITE_ERROR && code != CURLE_OUT_OF_MEMORY;
}

}  // namespace

bool is_url(const std::string& text) {
    return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("ftp://");
}

std::string base_name(const std::string& location) {
    if (!is_url(location)) {
        return location.substr(location.find_last_of('/') + 1);
    }
    // The authority may hold a password and is not a name.
    const std::size_t authority = location.find("://") + 3;
    const std::size_t path = location.find_first_of("/?#", authority);
    if (path == std::string::npos || location[path] != '/') {
        return "download";
    }
    const std::string name = location.substr(path, location.find_first_of("?#", path) - path);
    const std::string last = name.substr(name.find_last_of('/') + 1);
    return last.empty() ? "download" : last;
}

std::string without_credentials(const std::string& url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string::npos) {
        return url;
    }
    const std::size_t begin = scheme + 3;
    const std::size_t end = std::min(url.find_first_of("/?#", begin), url.size());
    const std::size_t at = url.rfind('@', end == 0 ? 0 : end - 1);
    return at == std::string::npos || at < begin || at >= end ? url
                                                              : url.substr(0, begin) + url.substr(at + 1);
}

void remember_credentials(const std::string& url) {
    const std::string clean = without_credentials(url);
    if (clean.size() == url.size()) {
        return;
    }
    const std::size_t begin = url.find("://") + 3;
    const std::string user = url.substr(begin, url.size() - clean.size() - 1);
    const std::size_t colon = user.find(':');
    const std::string password = colon == std::string::npos ? user : user.substr(colon + 1);
    remember_secret(password);
    int length = 0;
    const Handle<char, &curl_free> plain(
        curl_easy_unescape(nullptr, password.c_str(), static_cast<int>(password.size()), &length));
    if (plain) {
        remember_secret(std::string_view(plain.get(), static_cast<std::size_t>(length)));
    }
}

namespace {

/// What ends the download, said so that the user knows what to do; URLs without their password.
Error download_error(const std::string& url, const Transfer& transfer, CURLcode result, int attempts) {
    const long status = transfer.status();
    const std::string shown = without_credentials(url);
    if (status >= http_error) {
        return {Failure::tool, fmt::format("{}: the server answers {}", shown, status),
                status == 404 || status == 410
                    ? "the file has moved: look for its present place, or give a local one with "
                      "--set installer.iso=FILE"
                    : "the part already downloaded is kept; run the same command again to resume"};
    }
    if (result == CURLE_OUT_OF_MEMORY) {  // what libcurl says of a header line above its limit
        return {Failure::tool, fmt::format("{}: the server's answer has a header that is too long", shown)};
    }
    if (result == CURLE_UNSUPPORTED_PROTOCOL && transfer.redirected()) {
        return {Failure::integrity,
                fmt::format("{}: the server redirects to a place that is not followed: {}", shown,
                            printable(transfer.error_text(result))),
                "from https only https is followed, and never anything but http and https"};
    }
    const Failure kind = result == CURLE_OPERATION_TIMEDOUT ? Failure::timeout : Failure::tool;
    return {kind,
            fmt::format("{}: {} (after {} attempts)", shown,
                        transfer.other_file() ? "the server sends a part of another file"
                                              : printable(transfer.error_text(result)),
                        attempts),
            "the part already downloaded is kept; run the same command again to resume"};
}

}  // namespace

void download(const std::string& url, const fs::path& part,
              const std::function<void(std::uint64_t, std::uint64_t)>& progress,
              const DownloadOptions& options) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(initialised);
    remember_credentials(url);
    const auto until = std::chrono::steady_clock::now() + options.total;
    auto pause = options.pause;
    for (int attempt = 1;; ++attempt) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        Transfer transfer(url, part, progress, options, left);
        const CURLcode result = transfer.perform();
        if (result == CURLE_OK) {
            std::error_code code;
            fs::remove(part.string() + ".meta", code);
            return;
        }
        const long status = transfer.status();
        // 33: the server sent the whole file although a part was asked for; 416: our part is not a part of
        // it.
        const bool other_file =
            transfer.other_file() || result == CURLE_RANGE_ERROR || status == http_not_satisfiable;
        if (other_file) {
            transfer.start_over();
        }
        log::debug(fmt::format("{}: attempt {}: {}", without_credentials(url), attempt,
                               transfer.error_text(result)));
        // A host name that cannot be resolved will not come to be within seconds, nor will a server that
        // sends nothing.
        const bool hopeless = result == CURLE_COULDNT_RESOLVE_HOST || result == CURLE_OPERATION_TIMEDOUT;
        const int attempts = hopeless ? 2 : options.attempts;
        const bool in_time = std::chrono::steady_clock::now() + pause < until;
        if (attempt >= attempts || !in_time || !(other_file || worth_another_try(result, status))) {
            throw download_error(url, transfer, result, attempt);
        }
        if (!other_file) {
            interrupt::sleep(pause);
            pause *= 2;
        }
    }
}

}  // namespace imgforge::fetch
