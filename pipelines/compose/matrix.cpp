// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "pipelines/compose/variables.hpp"

namespace imgforge::compose {
namespace {

constexpr std::size_t image_limit = 256;

/// The matrix with its variables filled in, standing where it is written.
YamlDocument matrix_of(const YamlDocument& document, Diagnostics& diagnostics) {
    // `resolved` leaves a definition alone, so it goes under another name for the moment.
    YamlDocument alone{.file = document.file, .root = Json::object(), .positions = {}};
    if (document.root.contains("vars")) {
        alone.root["vars"] = document.root["vars"];
        alone.adopt("/vars", document, "/vars");
    }
    alone.root["images"] = document.root["matrix"];
    alone.adopt("/images", document, "/matrix");
    return resolved(alone, {}, diagnostics);
}

class Product {
public:
    Product(const YamlDocument& matrix, Diagnostics& diagnostics)
        : matrix_(matrix), values_(matrix.root["images"]), diagnostics_(diagnostics) {}

    std::vector<Combination> make() {
        std::vector<Combination> made{{}};
        for (const auto& axis : values_.items()) {
            const std::string pointer = "/" + pointer_token(axis.key());
            // A single value is what --set matrix.release=… or a child that needs one only leaves.
            const Json list = axis.value().is_array() ? axis.value() : Json::array({axis.value()});
            if (list.empty()) {
                fault(pointer, fmt::format("'{}' has no value, so there would be no image", axis.key()));
                return {};
            }
            std::vector<Combination> longer;
            for (const Combination& before : made) {
                for (std::size_t i = 0; i < list.size(); ++i) {
                    Combination one = before;
                    one.values.emplace_back(axis.key(), list[i]);
                    one.pointers.push_back("/matrix" + pointer +
                                           (axis.value().is_array() ? fmt::format("/{}", i) : ""));
                    longer.push_back(std::move(one));
                    if (longer.size() > image_limit) {
                        fault("", fmt::format("a matrix of more than {} images", image_limit));
                        return {};
                    }
                }
            }
            made = std::move(longer);
        }
        return made;
    }

    std::vector<Combination> listed() {
        std::vector<Combination> made;
        for (std::size_t i = 0; i < values_.size(); ++i) {
            const std::string pointer = fmt::format("/{}", i);
            if (!values_[i].is_object() || values_[i].empty()) {
                fault(pointer, "an image of a matrix is a map of variables");
                continue;
            }
            Combination one;
            for (const auto& item : values_[i].items()) {
                one.values.emplace_back(item.key(), item.value());
                one.pointers.push_back("/matrix" + pointer + "/" + pointer_token(item.key()));
            }
            made.push_back(std::move(one));
        }
        return made;
    }

private:
    void fault(const std::string& below, std::string message) {
        Diagnostic one = matrix_.at("/images" + below, std::move(message));
        one.pointer = "/matrix" + below;
        diagnostics_.add(std::move(one));
    }

    const YamlDocument& matrix_;
    const Json& values_;
    Diagnostics& diagnostics_;
};

/// What tells a value from its neighbours in a name: itself, or the `name` of a map.
std::string spoken_value(const Json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (value.is_object() && value.contains("name") && value["name"].is_string()) {
        return value["name"].get<std::string>();
    }
    if (value.is_object() && !value.empty()) {
        return spoken_value(value.begin().value());
    }
    return value.dump();
}

}  // namespace

std::string Combination::suffix() const {
    std::string text;
    for (const auto& [name, value] : values) {
        text += (text.empty() ? "" : "-") + spoken_value(value);
    }
    for (char& c : text) {
        c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        const bool fits =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        c = fits ? c : '-';
    }
    return text;
}

std::vector<Combination> combinations(const YamlDocument& document, Diagnostics& diagnostics) {
    if (!document.root.is_object() || !document.root.contains("matrix") ||
        document.root["matrix"].is_null()) {
        return {{}};
    }
    const YamlDocument matrix = matrix_of(document, diagnostics);
    const Json& values = matrix.root["images"];
    Product product(matrix, diagnostics);
    if (values.is_array() && !values.empty()) {
        return product.listed();
    }
    if (values.is_object() && !values.empty()) {
        return product.make();
    }
    diagnostics.add(document.at(
        "/matrix", "'matrix' must be a map of variables with lists of values, or a list of maps"));
    return {};
}

std::string value_text(const Json& value) {
    return spoken_value(value);
}

}  // namespace imgforge::compose
