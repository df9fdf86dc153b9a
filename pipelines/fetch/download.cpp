// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/download.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <memory>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

constexpr long http_not_satisfiable = 416;
constexpr long http_error = 400;

struct ListDeleter {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

/// One transfer. Everything curl calls back reports through `fault`, since no exception may cross its C code.
class Transfer {
public:
    Transfer(const std::string& url, const fs::path& part,
             const std::function<void(std::uint64_t, std::uint64_t)>& progress,
             const DownloadOptions& options)
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
        const std::string validator = fs::exists(meta_, code) ? read_file(meta_, 4096) : std::string();
        if (have_ > 0 && validator.empty()) {
            start_over();  // nothing says what this is a part of
        }
        file_ = open_fd(part_, O_WRONLY | O_CREAT | O_APPEND, 0644);
        set_up(url, validator);
    }

    /// CURLE_OK, or what went wrong; HTTP errors are told by status().
    CURLcode perform() {
        const CURLcode result = curl_easy_perform(curl_.get());
        if (fault_) {
            std::rethrow_exception(fault_);
        }
        return result;
    }

    long status() const {
        long status = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }
    std::uint64_t received() const { return received_; }
    std::string fault_text(CURLcode code) const {
        return error_[0] != '\0' ? error_.data() : curl_easy_strerror(code);
    }

    void start_over() {
        std::error_code code;
        fs::remove(part_, code);
        fs::remove(meta_, code);
        have_ = 0;
    }

private:
    void set_up(const std::string& url, const std::string& validator) {
        CURL* const curl = curl_.get();
        curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp");
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "imgforge");
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall.count()));
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error_.data());
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::on_data);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
        if (have_ > 0) {
            curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(have_));
            // RFC 9110 section 13.1.5: another file than before is sent whole, which curl then refuses to
            // append.
            headers_.reset(curl_slist_append(nullptr, ("If-Range: " + validator).c_str()));
            curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
        }
    }

    template <class Body>
    static bool guarded(Transfer* self, Body&& body) noexcept {
        try {
            body();
            return true;
        } catch (...) {
            self->fault_ = std::current_exception();
            return false;
        }
    }

    static std::size_t on_data(char* bytes, std::size_t size, std::size_t count, void* user) {
        auto* const self = static_cast<Transfer*>(user);
        const bool ok = guarded(self, [&] {
            if (self->have_ + self->received_ + size * count > self->options_.limit) {
                throw Error(Failure::tool, fmt::format("{} grows beyond {} bytes", self->part_.string(),
                                                       self->options_.limit));
            }
            write_all(self->file_.get(), std::string_view(bytes, size * count), self->part_.string());
            self->received_ += size * count;
        });
        return ok ? size * count : 0;
    }

    /// Remembers what identifies this version of the file. A strong entity tag is best; weak ones do not
    /// serve If-Range.
    static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* user) {
        auto* const self = static_cast<Transfer*>(user);
        const std::string_view line(bytes, size * count);
        const auto value_of = [&](std::string_view name) {
            std::string_view value = line.substr(name.size());
            while (!value.empty() && (value.front() == ' ' || value.back() == '\n' || value.back() == '\r')) {
                value.front() == ' ' ? value.remove_prefix(1) : value.remove_suffix(1);
            }
            return std::string(value);
        };
        const auto is = [&](std::string_view name) {
            return line.size() > name.size() && ::strncasecmp(line.data(), name.data(), name.size()) == 0;
        };
        const bool ok = guarded(self, [&] {
            if (line.starts_with("HTTP/")) {
                self->validator_.clear();
            } else if (is("etag:") && value_of("etag:").starts_with('"')) {
                self->validator_ = value_of("etag:");
            } else if (is("last-modified:") && self->validator_.empty()) {
                self->validator_ = value_of("last-modified:");
            } else if (line == "\r\n" && !self->validator_.empty() && self->have_ == 0) {
                write_file_atomically(self->meta_, self->validator_);
            }
        });
        return ok ? size * count : 0;
    }

    static int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
        auto* const self = static_cast<Transfer*>(user);
        return guarded(self,
                       [&] {
                           interrupt::check();
                           const std::uint64_t all =
                               total > 0 ? self->have_ + static_cast<std::uint64_t>(total) : 0;
                           if (self->progress_) {
                               self->progress_(self->have_ + static_cast<std::uint64_t>(now), all);
                           }
                       })
                   ? 0
                   : 1;
    }

    fs::path part_;
    fs::path meta_;
    const std::function<void(std::uint64_t, std::uint64_t)>& progress_;
    const DownloadOptions& options_;
    Handle<CURL, curl_easy_cleanup> curl_;
    std::unique_ptr<curl_slist, ListDeleter> headers_;
    Fd file_;
    std::uint64_t have_ = 0;
    std::uint64_t received_ = 0;
    std::string validator_;
    std::array<char, CURL_ERROR_SIZE> error_{};
    std::exception_ptr fault_;
};

bool worth_another_try(CURLcode code, long status) {
    if (status >= http_error) {
        return status >= 500 || status == 408 || status == 429;
    }
    return code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL &&
           code != CURLE_TOO_MANY_REDIRECTS && code != CURLE_PEER_FAILED_VERIFICATION &&
           code != CURLE_SSL_CACERT_BADFILE && code != CURLE_WRITE_ERROR;
}

}  // namespace

bool is_url(const std::string& text) {
    return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("ftp://");
}

std::string base_name(const std::string& location) {
    const std::string path = is_url(location) ? location.substr(0, location.find_first_of("?#")) : location;
    const std::size_t slash = path.find_last_of('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

void download(const std::string& url, const fs::path& part,
              const std::function<void(std::uint64_t, std::uint64_t)>& progress,
              const DownloadOptions& options) {
    static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    static_cast<void>(initialised);
    auto pause = options.pause;
    for (int attempt = 1;; ++attempt) {
        Transfer transfer(url, part, progress, options);
        const CURLcode result = transfer.perform();
        if (result == CURLE_OK) {
            std::error_code code;
            fs::remove(part.string() + ".meta", code);
            return;
        }
        const long status = transfer.status();
        // 33: the server sent the whole file although a part was asked for; 416: our part is not a part of
        // it.
        const bool other_file = result == CURLE_RANGE_ERROR || status == http_not_satisfiable;
        if (other_file) {
            transfer.start_over();
        }
        log::debug(fmt::format("{}: attempt {}: {}", url, attempt, transfer.fault_text(result)));
        // A host name that cannot be resolved will not come to be within seconds.
        const int attempts = result == CURLE_COULDNT_RESOLVE_HOST ? 2 : options.attempts;
        if (attempt >= attempts || !(other_file || worth_another_try(result, status))) {
            throw Error(Failure::tool,
                        status >= http_error ? fmt::format("{}: the server answers {}", url, status)
                                             : fmt::format("{}: {} (after {} attempts)", url,
                                                           transfer.fault_text(result), attempt),
                        status == 404 || status == 410
                            ? "the file has moved: look for its present place, or give a local one with "
                              "--set installer.iso=FILE"
                            : "what has come is kept; the same command goes on from there");
        }
        if (!other_file) {
            interrupt::sleep(pause);
            pause *= 2;
        }
    }
}

}  // namespace imgforge::fetch
