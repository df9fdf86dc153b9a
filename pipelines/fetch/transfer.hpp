// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"
#include "pipelines/fetch/curl_library.hpp"
#include "pipelines/fetch/download.hpp"
#include "pipelines/fetch/own_addresses.hpp"
#include "pipelines/fetch/response_head.hpp"

namespace imgforge::fetch {

/// One attempt of a download. Everything libcurl calls back reports through an exception that perform()
/// throws, since none may cross its C code.
class Transfer {
public:
    using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

    /// Goes on with what `part` holds when `part`.meta says what it is a part of.
    Transfer(const std::string& url, const std::filesystem::path& part, const Progress& progress,
             const DownloadOptions& options, std::chrono::milliseconds time_left);

    /// CURLE_OK, or what went wrong; HTTP errors are given by status().
    CURLcode perform();
    long status() const;
    bool redirected() const;
    std::string error_text(CURLcode code) const;
    /// The server answered with a part of another file, or of the wrong place: what has come is void.
    bool other_file() const { return other_file_; }
    void start_over();

private:
    struct ListDeleter {
        void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    };
    template <class Body>
    static bool guarded(Transfer* self, Body&& body) noexcept;
    static std::size_t on_data(char* bytes, std::size_t size, std::size_t count, void* user);
    static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user);
    static int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t);
    static curl_socket_t on_socket(void* user, curlsocktype purpose, curl_sockaddr* address);
    void set_up(const std::string& url, std::chrono::milliseconds time_left);
    void set_callbacks();
    void take(std::string_view bytes);
    void head_complete();

    std::filesystem::path part_;
    std::filesystem::path meta_;
    const Progress& progress_;
    const DownloadOptions& options_;
    Handle<CURL, &curl_easy_cleanup> curl_;
    std::unique_ptr<curl_slist, ListDeleter> headers_;
    Fd file_;
    std::uint64_t have_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t next_space_check_ = 0;
    ResponseHead wanted_;  ///< what `part` is a part of
    ResponseHead head_;
    bool other_file_ = false;
    AddressSet stated_;  ///< where the stated URL led
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::exception_ptr failure_;
};

}  // namespace imgforge::fetch
