// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "pipelines/fetch/http_client.hpp"

namespace imgforge::fetch {

struct HttpUpload {
    std::string url;
    std::vector<std::string> headers{};  ///< "Name: value"
    std::filesystem::path file;
};

struct HttpUploaded {
    HttpAnswer answer;
    std::string sha512;  ///< of the bytes that were sent
};

/// PUT of a whole file, streamed; `progress` gets the bytes sent so far. Any status is an answer; nothing is
/// tried again. Throws Failure::tool when the server cannot be reached or takes nothing for a minute,
/// Interrupted when a signal comes.
HttpUploaded upload_file(const HttpUpload& upload, const std::function<void(std::uint64_t)>& progress = {});

}  // namespace imgforge::fetch
