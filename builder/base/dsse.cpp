// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/dsse.hpp"

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"

namespace fs = std::filesystem;

namespace imgforge {
namespace {

std::string text_member(const Json& object, const char* name) {
    return object.is_object() && object.contains(name) && object[name].is_string()
               ? object[name].get<std::string>()
               : std::string();
}

}  // namespace

std::string dsse_encoding(std::string_view type, std::string_view payload) {
    return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, payload.size(), payload);
}

Json seal_envelope(std::string_view payload, std::string_view type, const SigningKey& key) {
    return {{"payloadType", std::string(type)},
            {"payload", base64_encode(payload)},
            {"signatures", Json::array({{{"keyid", key.id()},
                                         {"sig", base64_encode(key.sign(dsse_encoding(type, payload)))}}})}};
}

Json seal_envelope(std::string_view payload, std::string_view type, const fs::path& key) {
    return seal_envelope(payload, type, SigningKey::load(key));
}

bool is_envelope(const Json& value) {
    return value.is_object() && value.contains("payload") && value.contains("signatures");
}

std::optional<std::string> signed_payload(const Json& envelope, std::string_view type,
                                          const SigningKey& key) {
    if (!is_envelope(envelope) || !envelope["signatures"].is_array() ||
        text_member(envelope, "payloadType") != type) {
        return std::nullopt;
    }
    std::optional<std::string> payload = base64_decode(text_member(envelope, "payload"));
    if (!payload) {
        return std::nullopt;
    }
    const std::string message = dsse_encoding(type, *payload);
    for (const Json& one : envelope["signatures"]) {
        const auto signature = base64_decode(text_member(one, "sig"));
        if (signature && key.verify(message, *signature)) {
            return payload;
        }
    }
    return std::nullopt;
}

std::string unverified_payload(const Json& envelope, std::string_view source) {
    auto payload = base64_decode(text_member(envelope, "payload"));
    if (!payload) {
        throw Error(Failure::integrity, fmt::format("{} is not a DSSE envelope", source));
    }
    return *std::move(payload);
}

std::string open_envelope(const Json& envelope, std::string_view type, const fs::path& key,
                          std::string_view source) {
    if (!is_envelope(envelope)) {
        throw Error(Failure::integrity, fmt::format("{} is not signed, but a key is set for it", source),
                    "its owner signs it with `key:` in the target's settings");
    }
    if (auto payload = signed_payload(envelope, type, SigningKey::load(key))) {
        return *std::move(payload);
    }
    throw Error(Failure::integrity, fmt::format("{} is not signed by {}", source, key.string()),
                "it was changed, or signed with another key; nothing was imported");
}

}  // namespace imgforge
