// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/s3.hpp"

#include <charconv>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/environment.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/fetch/trimmed.hpp"
#include "pipelines/targets/slashes.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

constexpr const char* octets = "Content-Type: application/octet-stream";

/// The status says what to look at.
[[noreturn]] void refused_by(const std::string& what, const fetch::HttpAnswer& answer) {
    const std::string hint =
        answer.status == 403 ? "the keys are wrong or lack a right; imgforge needs to get and put objects"
        : answer.status == 301 || answer.status == 400 ? "the bucket may be in another region: `region:`"
        : answer.status == 404                         ? "the bucket does not exist"
                                                       : "look into the service's log";
    throw Error(Failure::tool, fmt::format("{}: the S3 service answers {}", redact(what), answer.status),
                hint);
}

/// One connection to the place.
class S3Client {
public:
    explicit S3Client(S3Place place) : place_(std::move(place)) {}

    const S3Place& place() const { return place_; }

    fetch::HttpAnswer send(const std::string& method, const std::string& name,
                           std::vector<std::string> headers = {}, std::string body = {},
                           std::uint64_t limit = 64U << 20U) {
        fetch::HttpRequest request{.method = method,
                                   .url = place_.url + "/" + name,
                                   .headers = std::move(headers),
                                   .body = std::move(body),
                                   .limit = limit};
        if (!place_.keys.id.empty()) {
            request.aws = place_.keys;
        }
        return client_.send(request);
    }

    ReadAnswer read(const std::string& name, std::uint64_t limit, const std::string& entity_tag) {
        std::vector<std::string> headers;
        if (!entity_tag.empty()) {
            headers.push_back("If-None-Match: " + entity_tag);
        }
        fetch::HttpAnswer answer = send("GET", name, std::move(headers), {}, limit);
        if (answer.status == 304) {
            return {.outcome = ReadAnswer::Outcome::unchanged, .bytes = {}, .entity_tag = entity_tag};
        }
        if (answer.status == 404) {
            return {};
        }
        if (answer.status != 200) {
            refused_by(place_.url + "/" + name, answer);
        }
        return {.outcome = ReadAnswer::Outcome::found,
                .bytes = std::move(answer.body),
                .entity_tag = answer.headers["etag"]};
    }

private:
    S3Place place_;
    fetch::HttpClient client_;
};

class S3Reader final : public FolderReader {
public:
    explicit S3Reader(const S3Place& place) : client_(place) {}
    ReadAnswer read(const std::string& name, std::uint64_t limit, const std::string& entity_tag) override {
        return client_.read(name, limit, entity_tag);
    }
    std::unique_ptr<FolderReader> again() const override {
        return std::make_unique<S3Reader>(client_.place());
    }
    std::string location() const override { return client_.place().url; }

private:
    S3Client client_;
};

class S3Writer final : public FolderWriter {
public:
    explicit S3Writer(const S3Place& place) : client_(place) {}

    std::uint64_t size(const std::string& name) override {
        fetch::HttpAnswer answer = client_.send("HEAD", name);
        if (answer.status == 404) {
            return 0;
        }
        if (answer.status != 200) {
            refused_by(location() + "/" + name, answer);
        }
        std::uint64_t size = 0;
        const std::string text = answer.headers["content-length"];
        std::from_chars(text.data(), text.data() + text.size(), size);
        return size;
    }

    void put(const std::string& name, const std::string& bytes) override {
        const fetch::HttpAnswer answer = client_.send("PUT", name, {octets}, bytes);
        if (answer.status != 200) {
            refused_by(location() + "/" + name, answer);
        }
    }

    /// An answered PUT is durable.
    void flush() override {}

    void remove(const std::string& name) override {
        const fetch::HttpAnswer answer = client_.send("DELETE", name);
        if (answer.status != 204 && answer.status != 200 && answer.status != 404) {
            refused_by(location() + "/" + name, answer);
        }
    }

    ReadAnswer read(const std::string& name, std::uint64_t limit) override {
        return client_.read(name, limit, {});
    }

    bool replace_index(const ReadAnswer& before, const std::string& text) override {
        if (before.outcome != ReadAnswer::Outcome::found) {
            return put_if("If-None-Match: *", text);
        }
        // Without an ETag nothing would protect the other writer's index.
        if (before.entity_tag.empty()) {
            throw Error(Failure::tool, fmt::format("{} gives objects no ETag", redact(location())),
                        "its index cannot be replaced safely; use another S3 service");
        }
        if (put_if("If-Match: " + before.entity_tag, text)) {
            return true;
        }
        // radosgw up to 16 compares with the bare digest, against RFC 9110; a real conflict fails both ways.
        std::string bare = before.entity_tag;
        std::erase(bare, '"');
        return bare != before.entity_tag && put_if("If-Match: " + bare, text);
    }

    bool exclusive() const override { return false; }
    std::unique_ptr<FolderWriter> again() const override {
        return std::make_unique<S3Writer>(client_.place());
    }
    std::string location() const override { return client_.place().url; }

private:
    /// 409: AWS has seen two conditional writes at once.
    bool put_if(const std::string& condition, const std::string& text) {
        const fetch::HttpAnswer answer =
            client_.send("PUT", "index.json", {condition, "Content-Type: application/json"}, text);
        if (answer.status == 412 || answer.status == 409 || answer.status == 404) {
            return false;
        }
        if (answer.status != 200) {
            refused_by(location() + "/index.json", answer);
        }
        return true;
    }

    S3Client client_;
};

fetch::AwsKeys file_keys(const fs::path& file, bool must) {
    std::error_code code;
    if (!must && !fs::exists(file, code)) {
        return {};
    }
    const std::string profile = environment("AWS_PROFILE");
    fetch::AwsKeys keys =
        parse_credentials(read_file(file, 1U << 20U), profile.empty() ? "default" : profile);
    if (must && keys.id.empty()) {
        throw Error(Failure::host, fmt::format("{} has no aws_access_key_id", file.string()),
                    "two lines: aws_access_key_id = … and aws_secret_access_key = …");
    }
    return keys;
}

}  // namespace

fetch::AwsKeys parse_credentials(const std::string& text, const std::string& profile) {
    fetch::AwsKeys keys;
    std::istringstream lines(text);
    bool ours = true;
    for (std::string line; std::getline(lines, line);) {
        const std::string plain(fetch::trimmed(line));
        if (plain.starts_with('[')) {
            ours = plain == "[" + profile + "]";
            continue;
        }
        const std::size_t equals = plain.find('=');
        if (!ours || equals == std::string::npos || plain.starts_with('#')) {
            continue;
        }
        const std::string name(fetch::trimmed(std::string_view(plain).substr(0, equals)));
        const std::string value(fetch::trimmed(std::string_view(plain).substr(equals + 1)));
        if (name == "aws_access_key_id") {
            keys.id = value;
        } else if (name == "aws_secret_access_key") {
            keys.secret = value;
        } else if (name == "aws_session_token") {
            keys.token = value;
        }
    }
    return keys;
}

S3Place s3_place(const TargetSetting& setting) {
    S3Place place{.url = without_end_slashes(setting.place())};
    const std::size_t scheme = place.url.find("://");
    if (scheme == std::string::npos || place.url.find('/', scheme + 3) == std::string::npos) {
        throw Error(Failure::usage, fmt::format("'{}' is not an S3 place", redact(place.url)),
                    "https://HOST/BUCKET or https://HOST/BUCKET/FOLDER");
    }
    if (place.url.substr(0, place.url.find('/', scheme + 3)).find('@') != std::string::npos) {
        throw Error(Failure::usage, fmt::format("'{}' holds a password", redact(place.url)),
                    "S3 keys belong in a file: `credentials: FILE`");
    }
    if (const std::string file = setting.option("credentials"); !file.empty()) {
        place.keys = file_keys(file, true);
    } else if (!environment("AWS_ACCESS_KEY_ID").empty()) {
        place.keys = {.id = environment("AWS_ACCESS_KEY_ID"),
                      .secret = environment("AWS_SECRET_ACCESS_KEY"),
                      .token = environment("AWS_SESSION_TOKEN")};
    } else if (!environment("HOME").empty()) {
        place.keys = file_keys(fs::path(environment("HOME")) / ".aws" / "credentials", false);
    }
    const std::string region = setting.option("region");
    place.keys.region = region.empty() ? "us-east-1" : region;
    return place;
}

std::unique_ptr<FolderReader> open_s3_reader(const S3Place& place) {
    return std::make_unique<S3Reader>(place);
}

std::unique_ptr<FolderWriter> open_s3_writer(const S3Place& place) {
    return std::make_unique<S3Writer>(place);
}

}  // namespace imgforge::targets
