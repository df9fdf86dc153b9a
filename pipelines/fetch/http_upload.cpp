// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/http_upload.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/fetch/http_request.hpp"

namespace imgforge::fetch {
namespace {

constexpr std::size_t answer_limit = 4U << 20U;

/// What one upload reads and collects; curl's C code must see no exception.
struct UploadState {
    Fd file;
    Hasher hasher{Hasher::Algorithm::sha512};
    std::uint64_t sent = 0;
    int error = 0;
    std::string body{};
    const std::function<void(std::uint64_t)>* progress = nullptr;
};

std::size_t give_bytes(char* bytes, std::size_t size, std::size_t count, void* user) noexcept {
    auto* const state = static_cast<UploadState*>(user);
    const ssize_t got = ::read(state->file.get(), bytes, size * count);
    if (got < 0) {
        state->error = errno;
        return CURL_READFUNC_ABORT;
    }
    try {
        const auto length = static_cast<std::size_t>(got);
        state->hasher.add({bytes, length});
        state->sent += length;
        if (*state->progress) {
            (*state->progress)(state->sent);
        }
        return length;
    } catch (...) {
        return CURL_READFUNC_ABORT;
    }
}

std::size_t take_answer(char* bytes, std::size_t size, std::size_t count, void* user) noexcept {
    auto* const state = static_cast<UploadState*>(user);
    try {
        if (state->body.size() + size * count > answer_limit) {
            return 0;
        }
        state->body.append(bytes, size * count);
    } catch (...) {
        return 0;
    }
    return size * count;
}

}  // namespace

HttpUploaded upload_file(const HttpUpload& upload, const std::function<void(std::uint64_t)>& progress) {
    const Handle<CURL, &curl_easy_cleanup> curl{curl_easy_init()};
    UploadState state{.file = open_fd(upload.file, O_RDONLY), .progress = &progress};
    const auto size = static_cast<curl_off_t>(std::filesystem::file_size(upload.file));
    const HttpHeaders headers(upload.headers);
    CurlWords words{};
    set_request(curl.get(), upload.url, headers, words);
    curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024L);
    curl_easy_setopt(curl.get(), CURLOPT_INFILESIZE_LARGE, size);
    curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, &give_bytes);
    curl_easy_setopt(curl.get(), CURLOPT_READDATA, &state);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &take_answer);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &state);
    const CURLcode code = curl_easy_perform(curl.get());
    interrupt::check();
    if (state.error != 0) {
        throw system_error("read", upload.file.string(), state.error);
    }
    if (code != CURLE_OK) {
        throw Error(Failure::tool, fmt::format("uploading to {}: {} after {} of {} bytes", redact(upload.url),
                                               reason_of(words, code), state.sent, size));
    }
    HttpUploaded result;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &result.answer.status);
    result.answer.body = std::move(state.body);
    result.sha512 = state.hasher.hex();
    return result;
}

}  // namespace imgforge::fetch
