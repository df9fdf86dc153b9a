// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace imgforge::fetch {

/// What an AWS Signature Version 4 is made with.
struct AwsKeys {
    std::string id{};
    std::string secret{};
    std::string token{};  ///< of a session; empty: none
    std::string region = "us-east-1";
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers{};  ///< "Name: value"
    std::string body{};
    std::optional<AwsKeys> aws{};      ///< signs the request for the service s3
    std::uint64_t limit = 64U << 20U;  ///< a larger answer is refused
};

struct HttpAnswer {
    long status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case; the last of a name
    std::string body;
};

/// One connection that is kept between requests; for one thread. Follows redirects of GET and HEAD to http
/// and https. Network failures and answers of 5xx, 408 and 429 are tried three times.
class HttpClient {
public:
    HttpClient();
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Any status is an answer. Throws Failure::tool when the server cannot be reached or the answer is
    /// larger than the limit, Interrupted when a signal comes.
    HttpAnswer send(const HttpRequest& request);

private:
    struct State;
    HttpAnswer send_once(const HttpRequest& request, std::string& fault);
    std::unique_ptr<State> state_;
};

}  // namespace imgforge::fetch
