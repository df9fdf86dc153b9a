// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/mirror_state.hpp"

#include <curl/curl.h>

#include <future>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/handle.hpp"

namespace imgforge::stages {
namespace {

constexpr std::size_t body_limit = 8U << 20U;
constexpr long patience_s = 10;

std::size_t append(char* data, std::size_t size, std::size_t count, void* target) {
    std::string& body = *static_cast<std::string*>(target);
    if (body.size() + size * count > body_limit) {
        return 0;  // libcurl takes this for an error and stops
    }
    body.append(data, size * count);
    return size * count;
}

}  // namespace

std::optional<std::string> fetch_text(const std::string& url) {
    const Handle<CURL, curl_easy_cleanup> curl(curl_easy_init());
    std::string body;
    if (!curl) {
        return std::nullopt;
    }
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl.get(), CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl.get(), CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, patience_s);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
    return curl_easy_perform(curl.get()) == CURLE_OK ? std::optional(std::move(body)) : std::nullopt;
}

std::optional<std::string> release_url(const Json& source) {
    const std::string type = source.value("type", std::string());
    const std::string uri = source.value("uri", std::string());
    const std::string suite = source.value("suite", std::string());
    if (type == "apt") {
        // A suite that ends in a slash is a path without dists/ (sources.list(5), "exact path").
        return suite.empty() || suite.back() != '/' ? fmt::format("{}/dists/{}/InRelease", uri, suite)
                                                    : fmt::format("{}/{}InRelease", uri, suite);
    }
    if (type == "yum") {
        return uri + "/repodata/repomd.xml";
    }
    if (type == "apk") {
        return uri + "/x86_64/APKINDEX.tar.gz";
    }
    return std::nullopt;
}

MirrorState ask_mirrors(const Json& sources, const FetchText& fetch) {
    std::map<std::string, std::future<std::string>> answers;
    for (const Json& source : sources) {
        const std::string name = fmt::format("{} {} {}", source.value("type", std::string()), source.value("uri", std::string()),
                                             source.value("suite", std::string()));
        const std::optional<std::string> url = release_url(source);
        answers[name] = std::async(std::launch::async, [url, &fetch] {
            const auto body = url ? fetch(*url) : std::nullopt;
            return body ? sha256_hex(*body) : std::string();
        });
    }
    MirrorState state;
    for (auto& [name, answer] : answers) {
        state[name] = answer.get();
    }
    return state;
}

}  // namespace imgforge::stages
