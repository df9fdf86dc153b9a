// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/http_client.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/fetch/http_request.hpp"
#include "pipelines/fetch/trimmed.hpp"

namespace imgforge::fetch {
namespace {

constexpr int attempts = 3;

/// What one transfer collects; curl's C code must see no exception.
struct Collected {
    HttpAnswer answer;
    std::uint64_t limit = 0;
    bool too_large = false;
};

std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* user) noexcept {
    auto* const collected = static_cast<Collected*>(user);
    if (collected->answer.body.size() + size * count > collected->limit) {
        collected->too_large = true;
        return 0;
    }
    try {
        collected->answer.body.append(bytes, size * count);
    } catch (...) {
        return 0;
    }
    return size * count;
}

std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user) noexcept {
    auto* const collected = static_cast<Collected*>(user);
    const std::string_view line(bytes, size * count);
    try {
        if (line.starts_with("HTTP/")) {
            collected->answer.headers.clear();  // of a redirect
            collected->answer.body.clear();
        } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
            std::string name(line.substr(0, colon));
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            collected->answer.headers[name] = trimmed(line.substr(colon + 1));
        }
    } catch (...) {
        return 0;
    }
    return size * count;
}

bool worth_another_try(long status) {
    return status >= 500 || status == 408 || status == 429;
}

/// libcurl signs; the body is left to TLS, since curl 7.88 (Debian 12) announces no digest of it, and servers
/// then expect this very word.
void sign_for_aws(CURL* curl, const AwsKeys& keys, HttpHeaders& headers) {
    const std::string provider = fmt::format("aws:amz:{}:s3", keys.region);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, provider.c_str());
    curl_easy_setopt(curl, CURLOPT_USERNAME, keys.id.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, keys.secret.c_str());
    headers.add("x-amz-content-sha256: UNSIGNED-PAYLOAD");
    if (!keys.token.empty()) {
        headers.add("x-amz-security-token: " + keys.token);
    }
}

}  // namespace

struct HttpClient::State {
    Handle<CURL, &curl_easy_cleanup> curl{curl_easy_init()};
};

HttpClient::HttpClient() : state_(std::make_unique<State>()) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(initialised);
    if (!state_->curl) {
        throw Error(Failure::tool, "libcurl cannot be initialised");
    }
}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::send_once(const HttpRequest& request, std::string& fault) {
    CURL* const curl = state_->curl.get();
    curl_easy_reset(curl);  // keeps the connection
    Collected collected;
    collected.limit = request.limit;
    HttpHeaders headers(request.headers);
    if (request.aws) {
        sign_for_aws(curl, *request.aws, headers);
    }
    CurlWords words{};
    const bool reading = request.method == "GET" || request.method == "HEAD";
    set_request(curl, request.url, headers, words);
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, reading ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &collected);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &collected);
    if (request.method == "HEAD") {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (!reading) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    const CURLcode code = curl_easy_perform(curl);
    interrupt::check();
    if (collected.too_large) {
        throw Error(Failure::tool,
                    fmt::format("{} answers with more than {} bytes", redact(request.url), request.limit));
    }
    if (code != CURLE_OK) {
        fault = reason_of(words, code);
        return {};
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &collected.answer.status);
    return collected.answer;
}

HttpAnswer HttpClient::send(const HttpRequest& request) {
    auto pause = std::chrono::milliseconds(300);
    for (int attempt = 1;; ++attempt) {
        std::string fault;
        HttpAnswer answer = send_once(request, fault);
        const bool again = !fault.empty() || worth_another_try(answer.status);
        if (!again || (attempt == attempts && fault.empty())) {
            return answer;
        }
        if (attempt == attempts) {
            throw Error(Failure::tool,
                        fmt::format("{}: {} (after {} attempts)", redact(request.url), fault, attempts),
                        "the part already downloaded is kept; run the same command again to resume");
        }
        interrupt::sleep(pause);
        pause *= 3;
    }
}

}  // namespace imgforge::fetch
