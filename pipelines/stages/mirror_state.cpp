// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/mirror_state.hpp"

#include <future>
#include <regex>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/handle.hpp"
#include "pipelines/fetch/curl_library.hpp"

namespace imgforge::stages {
namespace {

constexpr std::size_t body_limit = 8U << 20U;
constexpr long timeout_s = 10;

std::size_t append_body(char* data, std::size_t size, std::size_t count, void* target) {
    std::string& body = *static_cast<std::string*>(target);
    if (body.size() + size * count > body_limit) {
        return 0;  // libcurl takes this for an error and stops
    }
    body.append(data, size * count);
    return size * count;
}

/// Digest of the first of these files that can be had; empty: of none.
std::string first_digest(const std::vector<std::string>& urls, const FetchText& fetch) {
    for (const std::string& url : urls) {
        if (const auto body = fetch(url)) {
            return sha256_hex(*body);
        }
    }
    return {};
}

/// repomd.xml on the first mirrors of a list (one URL a line); they hold the same file.
std::vector<std::string> mirrors_of(const std::optional<std::string>& list) {
    constexpr std::size_t tries = 3;
    std::vector<std::string> urls;
    std::istringstream lines(list.value_or(std::string()));
    for (std::string line; std::getline(lines, line) && urls.size() < tries;) {
        if (line.rfind("http://", 0) == 0 || line.rfind("https://", 0) == 0) {
            line.erase(line.find_last_not_of("/\r ") + 1);
            urls.push_back(line + "/repodata/repomd.xml");
        }
    }
    return urls;
}

/// A metalink has the digests of the newest repomd.xml first, older ones that mirrors may still have as
/// alternates after it; the list of mirrors around it is shuffled at each request, so the digests alone say
/// whether something changed.
std::string metalink_digest(const std::optional<std::string>& metalink) {
    static const std::regex hash(R"re(<hash\s+type="sha(?:256|512)"\s*>\s*([0-9a-fA-F]{64,128})\s*<)re");
    std::smatch found;
    return metalink && std::regex_search(*metalink, found, hash) ? sha256_hex(found[1].str()) : std::string();
}

}  // namespace

std::optional<std::string> fetch_text(const std::string& url) {
    const Handle<CURL, &curl_easy_cleanup> curl(curl_easy_init());
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
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, timeout_s);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append_body);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
    return curl_easy_perform(curl.get()) == CURLE_OK ? std::optional(std::move(body)) : std::nullopt;
}

std::string source_state(const Json& source, const FetchText& fetch) {
    const std::string type = source.value("type", std::string());
    const std::string uri = source.value("uri", std::string());
    const std::string suite = source.value("suite", std::string());
    if (type == "apt") {
        // A suite that ends in a slash is a path without dists/ (sources.list(5), "exact path").
        const std::string folder = suite.empty() || suite.back() != '/'
                                       ? fmt::format("{}/dists/{}/", uri, suite)
                                   : suite == "./" || suite == "/" ? uri + "/"
                                                                   : fmt::format("{}/{}", uri, suite);
        return first_digest({folder + "InRelease", folder + "Release"}, fetch);
    }
    if (type == "yum") {
        return first_digest({uri + "/repodata/repomd.xml"}, fetch);
    }
    if (type == "metalink") {
        return metalink_digest(fetch(uri));
    }
    if (type == "mirrorlist") {
        return first_digest(mirrors_of(fetch(uri)), fetch);
    }
    if (type == "apk") {
        return first_digest({uri + "/x86_64/APKINDEX.tar.gz"}, fetch);
    }
    return {};
}

MirrorState ask_mirrors(const Json& sources, const FetchText& fetch) {
    std::map<std::string, std::future<std::string>> answers;
    for (const Json& source : sources) {
        const std::string name =
            fmt::format("{} {} {}", source.value("type", std::string()), source.value("uri", std::string()),
                        source.value("suite", std::string()));
        answers[name] =
            std::async(std::launch::async, [source, &fetch] { return source_state(source, fetch); });
    }
    MirrorState state;
    for (auto& [name, answer] : answers) {
        state[name] = answer.get();
    }
    return state;
}

}  // namespace imgforge::stages
