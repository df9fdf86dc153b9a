// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/generation.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"

namespace imgforge::store {
namespace {

constexpr std::array<std::pair<GenerationState, std::string_view>, 4> state_words{{
    {GenerationState::candidate, "candidate"},
    {GenerationState::current, "current"},
    {GenerationState::retired, "retired"},
    {GenerationState::quarantined, "quarantined"},
}};

constexpr std::size_t max_name = 64;

}  // namespace

std::string_view to_string(GenerationState state) {
    for (const auto& [value, word] : state_words) {
        if (value == state) {
            return word;
        }
    }
    return "?";
}

GenerationState parse_state(std::string_view word) {
    for (const auto& [value, text] : state_words) {
        if (text == word) {
            return value;
        }
    }
    throw Error(Failure::integrity, fmt::format("invalid state of a generation '{}'", word),
                "run `imgforge images verify`");
}

std::string to_string(const Holder& holder) {
    switch (holder.kind) {
        case Holder::Kind::instance: return "instance " + holder.name;
        case Holder::Kind::generation: return "generation " + holder.name;
        case Holder::Kind::build: return "build " + holder.name;
    }
    return holder.name;
}

std::string Generation::label() const {
    return fmt::format("{}@{}", image, generation);
}

Json Generation::manifest() const {
    return parse_json(read_file(manifest_path()), manifest_path().string());
}

bool is_image_name(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= max_name && plain(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return plain(c) || c == '.' || c == '_' || c == '-'; });
}

ImageSpec parse_image_spec(std::string_view text) {
    const std::size_t at = text.rfind('@');
    ImageSpec spec{.name = std::string(text.substr(0, at)), .generation = {}};
    if (!is_image_name(spec.name)) {
        throw Error(Failure::usage, fmt::format("invalid image name '{}'", text.substr(0, 200)),
                    "an image name has a-z, 0-9, '.', '_' and '-', starts with a letter or digit, and has at "
                    "most 64 characters");
    }
    if (at != std::string_view::npos) {
        const std::string_view digits = text.substr(at + 1);
        int number = 0;
        const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (fault != std::errc() || end != digits.data() + digits.size() || number < 1) {
            throw Error(
                Failure::usage, fmt::format("invalid generation '{}' of {}", digits, spec.name),
                fmt::format("write {0}@1, {0}@2 …; `imgforge images show {0}` lists them", spec.name));
        }
        spec.generation = number;
    }
    return spec;
}

}  // namespace imgforge::store
