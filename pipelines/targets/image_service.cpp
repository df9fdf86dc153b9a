// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/image_service.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/json_text.hpp"
#include "pipelines/fetch/http_upload.hpp"

namespace imgforge::targets {
namespace {

bool flag(const Json& record, const char* key) {
    return record.contains(key) && record[key].is_boolean() && record[key].get<bool>();
}

/// What the service says of a refusal: {"message": …}, or HTML with the reason in it.
std::string reason_of(const std::string& body) {
    const Json json = Json::parse(body, nullptr, false);
    if (json.is_object() && !text_at(json, "message").empty()) {
        return text_at(json, "message");
    }
    std::string plain;
    bool inside = false;
    for (const char c : body.substr(0, 2000)) {
        inside = c == '<' || (inside && c != '>');
        const bool blank = c == '\n' || c == ' ';
        if (!inside && c != '>' && !(blank && (plain.empty() || plain.back() == ' '))) {
            plain += blank ? ' ' : c;
        }
    }
    return plain.substr(0, 300);
}

[[noreturn]] void refuse(const std::string& cloud, const std::string& action,
                         const fetch::HttpAnswer& answer) {
    const bool rights = answer.status == 401 || answer.status == 403;
    const bool conflict = answer.status == 409;
    throw Error(rights ? Failure::host : (conflict ? Failure::domain : Failure::tool),
                fmt::format("cannot {} in cloud '{}': the image service answers {} ({})", action, cloud,
                            answer.status, reason_of(answer.body)),
                rights
                    ? "the application credential needs the roles for it (member; public images need more), "
                      "and the image must not be protected"
                    : "");
}

}  // namespace

ServiceImage parse_service_image(const Json& record) {
    if (!record.is_object() || text_at(record, "id").empty()) {
        throw Error(Failure::tool, "the image service answered with something that is not an image");
    }
    ServiceImage image{.id = text_at(record, "id"),
                       .name = text_at(record, "name"),
                       .status = text_at(record, "status"),
                       .hidden = flag(record, "os_hidden"),
                       .guarded = flag(record, "protected"),
                       .sha256 = text_at(record, "imgforge_sha256")};
    const std::string number = text_at(record, "imgforge_generation");
    if (!number.empty() && number.size() < 10 &&
        number.find_first_not_of("0123456789") == std::string::npos) {
        image.generation = std::stoi(number);
    }
    if (text_at(record, "os_hash_algo") == "sha512") {
        image.sha512 = text_at(record, "os_hash_value");
    }
    return image;
}

ImageService::ImageService(CloudAccess access) : access_(std::move(access)) {}

const CloudSession& ImageService::session() {
    if (!session_) {
        session_ = open_cloud(access_);
    }
    return *session_;
}

fetch::HttpAnswer ImageService::send(const std::string& action, fetch::HttpRequest request,
                                     const std::vector<long>& expected) {
    const std::string path = request.url;
    const std::vector<std::string> headers = request.headers;
    for (int attempt = 1;; ++attempt) {
        request.url = session().image_url + path;
        request.headers = headers;
        request.headers.push_back("X-Auth-Token: " + session().token);
        fetch::HttpAnswer answer = client_.send(request);
        if (answer.status == 401 && attempt == 1) {
            session_.reset();
            continue;
        }
        if (std::find(expected.begin(), expected.end(), answer.status) == expected.end()) {
            refuse(access_.name, action, answer);
        }
        return answer;
    }
}

void ImageService::list(const std::string& query, std::vector<ServiceImage>& images) {
    std::string next = "/v2/images?limit=200&tag=imgforge" + query;
    while (!next.empty()) {
        const Json page = parse_json(send("list images", {.url = next}, {200}).body, "the list of images");
        for (const Json& record : page.value("images", Json::array())) {
            images.push_back(parse_service_image(record));
        }
        next = text_at(page, "next");
    }
}

std::vector<ServiceImage> ImageService::images(const std::string& name) {
    std::vector<ServiceImage> all;
    const std::string query = name.empty() ? "" : "&name=" + name;
    list(query, all);
    list(query + "&os_hidden=true", all);
    std::sort(all.begin(), all.end(), [](const ServiceImage& a, const ServiceImage& b) {
        return std::tie(a.name, a.generation) < std::tie(b.name, b.generation);
    });
    return all;
}

ServiceImage ImageService::create(const Json& record) {
    const fetch::HttpAnswer answer = send("create an image",
                                          {.method = "POST",
                                           .url = "/v2/images",
                                           .headers = {"Content-Type: application/json"},
                                           .body = record.dump()},
                                          {201});
    return parse_service_image(parse_json(answer.body, "the new image"));
}

std::string ImageService::upload(const std::string& id, const std::filesystem::path& file,
                                 const std::function<void(std::uint64_t)>& progress) {
    const fetch::HttpUploaded result = fetch::upload_file(
        {.url = fmt::format("{}/v2/images/{}/file", session().image_url, id),
         .headers = {"Content-Type: application/octet-stream", "Expect:", "X-Auth-Token: " + session().token},
         .file = file},
        progress);
    if (result.answer.status != 204) {
        refuse(access_.name, "upload the image's data", result.answer);
    }
    return result.sha512;
}

ServiceImage ImageService::image(const std::string& id) {
    return parse_service_image(
        parse_json(send("read an image", {.url = "/v2/images/" + id}, {200}).body, "an image"));
}

void ImageService::set_hidden(const std::string& id, bool hidden) {
    const Json patch = Json::array({{{"op", "replace"}, {"path", "/os_hidden"}, {"value", hidden}}});
    send(hidden ? "hide an image" : "show an image",
         {.method = "PATCH",
          .url = "/v2/images/" + id,
          .headers = {"Content-Type: application/openstack-images-v2.1-json-patch"},
          .body = patch.dump()},
         {200});
}

void ImageService::remove(const std::string& id) {
    send("delete an image", {.method = "DELETE", .url = "/v2/images/" + id}, {204, 404});
}

}  // namespace imgforge::targets
