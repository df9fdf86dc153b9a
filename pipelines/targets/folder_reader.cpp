// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/folder_reader.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/fetch/http_client.hpp"
#include "pipelines/targets/slashes.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

class LocalFolder final : public FolderReader {
public:
    explicit LocalFolder(fs::path folder) : folder_(std::move(folder)) {}

    ReadAnswer read(const std::string& name, std::uint64_t limit, const std::string&) override {
        std::error_code code;
        if (!fs::is_regular_file(folder_ / name, code)) {
            return {};
        }
        return {.outcome = ReadAnswer::Outcome::found,
                .bytes = read_file(folder_ / name, limit),
                .entity_tag = {}};
    }
    std::unique_ptr<FolderReader> again() const override { return std::make_unique<LocalFolder>(folder_); }
    std::string location() const override { return folder_.string(); }

private:
    fs::path folder_;
};

class WebFolder final : public FolderReader {
public:
    explicit WebFolder(std::string url) : url_(without_end_slashes(std::move(url))) {}

    ReadAnswer read(const std::string& name, std::uint64_t limit, const std::string& entity_tag) override {
        fetch::HttpRequest request{.url = url_ + "/" + name, .limit = limit};
        if (!entity_tag.empty()) {
            request.headers.push_back("If-None-Match: " + entity_tag);
        }
        fetch::HttpAnswer answer = client_.send(request);
        if (answer.status == 304) {
            return {.outcome = ReadAnswer::Outcome::unchanged, .bytes = {}, .entity_tag = entity_tag};
        }
        if (answer.status == 404 || answer.status == 410) {
            return {};
        }
        if (answer.status != 200) {
            throw Error(Failure::tool,
                        fmt::format("{}: the server answers {}", redact(request.url), answer.status));
        }
        return {.outcome = ReadAnswer::Outcome::found,
                .bytes = std::move(answer.body),
                .entity_tag = answer.headers["etag"]};
    }
    std::unique_ptr<FolderReader> again() const override { return std::make_unique<WebFolder>(url_); }
    std::string location() const override { return url_; }

private:
    std::string url_;
    fetch::HttpClient client_;
};

}  // namespace

std::unique_ptr<FolderReader> open_folder(const std::string& location) {
    if (location.starts_with("http://") || location.starts_with("https://")) {
        return std::make_unique<WebFolder>(location);
    }
    const std::string path = location.starts_with("file://") ? location.substr(7) : location;
    if (path.find("://") != std::string::npos) {
        throw Error(Failure::usage, fmt::format("'{}' cannot be read: unknown kind of URL", redact(location)),
                    "a directory by path, or an http or https URL");
    }
    return std::make_unique<LocalFolder>(fs::absolute(path).lexically_normal());
}

}  // namespace imgforge::targets
