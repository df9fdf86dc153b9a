// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/transfer.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {

namespace {

constexpr std::size_t head_limit = 256U << 10U;
constexpr std::uint64_t space_check_step = 16U << 20U;
constexpr std::uint64_t reserve = 256U << 20U;  ///< left free for the rest of the host
constexpr long http_partial = 206;

}  // namespace

Transfer::Transfer(const std::string& url, const fs::path& part, const Progress& progress,
                   const DownloadOptions& options, std::chrono::milliseconds time_left)
    : part_(part),
      meta_(part.string() + ".meta"),
      progress_(progress),
      options_(options),
      curl_(curl_easy_init()) {
    if (!curl_) {
        throw Error(Failure::tool, "libcurl cannot be initialised");
    }
    std::error_code code;
    have_ = fs::exists(part_, code) ? fs::file_size(part_, code) : 0;
    wanted_ = ResponseHead::from_record(fs::exists(meta_, code) ? read_file(meta_, 4096) : std::string());
    if (have_ > 0 && wanted_.validator.empty()) {
        start_over();  // nothing says what this is a part of
    }
    file_ = open_fd(part_, O_WRONLY | O_CREAT | O_APPEND, 0644);
    set_up(url, time_left);
}

CURLcode Transfer::perform() {
    const CURLcode result = curl_easy_perform(curl_.get());
    if (failure_) {
        std::rethrow_exception(failure_);
    }
    return result;
}

long Transfer::status() const {
    long status = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
    return status;
}

bool Transfer::redirected() const {
    long redirects = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_REDIRECT_COUNT, &redirects);
    return redirects > 0;
}

std::string Transfer::error_text(CURLcode code) const {
    return error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
}

void Transfer::start_over() {
    std::error_code code;
    fs::remove(part_, code);
    fs::remove(meta_, code);
    have_ = 0;
}

void Transfer::set_up(const std::string& url, std::chrono::milliseconds time_left) {
    CURL* const curl = curl_.get();
    // Never file:, gopher: and the like; and what was asked for under TLS does not come without it.
    const bool secure = url.starts_with("https:") && !options_.allow_downgrade;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "imgforge");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options_.least_rate));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall.count()));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, std::max<long>(1, static_cast<long>(time_left.count())));
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_.data());
    set_callbacks();
    if (have_ > 0) {
        curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(have_));
        // RFC 9110 section 13.1.5: another file than before is sent whole, which curl then refuses to append.
        headers_.reset(curl_slist_append(nullptr, ("If-Range: " + wanted_.validator).c_str()));
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
    }
}

void Transfer::set_callbacks() {
    CURL* const curl = curl_.get();
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, this);
}

template <class Body>
bool Transfer::guarded(Transfer* self, Body&& body) noexcept {
    try {
        body();
        return true;
    } catch (...) {
        self->failure_ = std::current_exception();
        return false;
    }
}

void Transfer::take(std::string_view bytes) {
    const std::uint64_t all = have_ + received_ + bytes.size();
    const bool unstated = !head_.length && !head_.size;
    const std::uint64_t limit = unstated ? std::min(options_.limit, options_.unstated_limit) : options_.limit;
    if (all > limit) {
        std::error_code code;
        std::filesystem::remove(part_, code);  // nothing goes on from there
        throw Error(Failure::tool,
                    fmt::format("the server sends more than {} bytes{}", limit,
                                unstated ? " and states no length" : ""),
                    "what it sends cannot be the file that was asked for");
    }
    if (all >= next_space_check_) {
        next_space_check_ = all + space_check_step;
        if (free_space(part_.parent_path()) < reserve + space_check_step &&
            bytes.size() + received_ > space_check_step) {
            throw Error(Failure::host,
                        fmt::format("the download was stopped at {} bytes: less than {} MiB are left on the "
                                    "file system of {}",
                                    all, reserve >> 20U, part_.parent_path().string()),
                        "make room; the same command goes on from there");
        }
    }
    write_all(file_.get(), bytes, part_.string());
    received_ += bytes.size();
}

std::size_t Transfer::on_data(char* bytes, std::size_t size, std::size_t count, void* user) {
    auto* const self = static_cast<Transfer*>(user);
    if (self->other_file_) {
        return 0;
    }
    return guarded(self, [&] { self->take(std::string_view(bytes, size * count)); }) ? size * count : 0;
}

/// A part must be of the same version of the file, of the same size, and begin where ours ends; a server that
/// ignores If-Range sends a part of whatever it has now.
void Transfer::head_complete() {
    if (have_ > 0 && head_.status == http_partial) {
        const bool same = head_.validator == wanted_.validator && head_.start.value_or(have_) == have_ &&
                          (!head_.size || !wanted_.size || *head_.size == *wanted_.size);
        other_file_ = !same;
    } else if (have_ == 0 && head_.status < 300 && !head_.validator.empty()) {
        write_file_atomically(meta_, head_.record(), 0600);
    }
}

std::size_t Transfer::on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
    auto* const self = static_cast<Transfer*>(user);
    const std::string_view line(bytes, size * count);
    const bool ok = guarded(self, [&] {
        self->head_.add(line);
        if (self->head_.bytes > head_limit) {
            throw Error(Failure::tool, fmt::format("the server's answer has more than {} KiB of headers",
                                                   head_limit >> 10U));
        }
        if (line == "\r\n" || line == "\n") {
            self->head_complete();
        }
    });
    return ok && !self->other_file_ ? size * count : 0;
}

int Transfer::on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
    auto* const self = static_cast<Transfer*>(user);
    const bool ok = guarded(self, [&] {
        interrupt::check();
        const std::uint64_t all = total > 0 ? self->have_ + static_cast<std::uint64_t>(total) : 0;
        if (self->progress_) {
            self->progress_(self->have_ + static_cast<std::uint64_t>(now), all);
        }
    });
    return ok ? 0 : 1;
}

curl_socket_t Transfer::on_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* address) {
    auto* const self = static_cast<Transfer*>(user);
    bool allowed = false;
    guarded(self, [&] {
        long redirects = 0;
        curl_easy_getinfo(self->curl_.get(), CURLINFO_REDIRECT_COUNT, &redirects);
        const std::string where = address_text(address->addr);
        if (redirects == 0) {
            self->stated_.insert(where);
        }
        if (redirects > 0 && !self->options_.allow_local && self->stated_.count(where) == 0 &&
            is_own_address(address->addr)) {
            throw Error(Failure::integrity,
                        fmt::format("the server redirects to {}, a service of this host", where),
                        "a public server has no reason to; name the address itself if it is meant");
        }
        allowed = true;
    });
    return allowed ? ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol)
                   : CURL_SOCKET_BAD;
}

}  // namespace imgforge::fetch
