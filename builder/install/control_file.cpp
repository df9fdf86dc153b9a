// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/control_file.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <strings.h>

#include "builder/base/error.hpp"

namespace imgforge::install {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return std::string(text.substr(begin, text.find_last_not_of(blanks) - begin + 1));
}

bool is_field(std::string_view line, std::string_view name) {
    return line.size() > name.size() && line[name.size()] == ':' &&
           ::strncasecmp(line.data(), name.data(), name.size()) == 0;
}

}  // namespace

std::string Stanza::field(std::string_view name) const {
    std::size_t at = 0;
    while (at < text_.size()) {
        const std::size_t end = std::min(text_.find('\n', at), text_.size());
        if (is_field(text_.substr(at, end - at), name)) {
            std::size_t stop = end;
            // Continuation lines begin with a blank (deb-control(5)).
            while (stop + 1 < text_.size() && (text_[stop + 1] == ' ' || text_[stop + 1] == '\t'))
                stop = std::min(text_.find('\n', stop + 1), text_.size());
            return trimmed(text_.substr(at + name.size() + 1, stop - at - name.size() - 1));
        }
        at = end + 1;
    }
    return {};
}

void for_each_stanza(std::string_view text, const std::function<void(const Stanza&)>& consume) {
    std::size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '\n') {
            ++at;
            continue;
        }
        const std::size_t end = std::min(text.find("\n\n", at), text.size());
        std::string_view stanza = text.substr(at, end - at);
        while (!stanza.empty() && stanza.back() == '\n')
            stanza.remove_suffix(1);
        consume(Stanza(stanza));
        at = end + 2;
    }
}

std::vector<DependencyChoice> parse_dependencies(std::string_view field) {
    std::vector<DependencyChoice> choices;
    DependencyChoice current;
    std::string name;
    bool in_name = true;
    const auto finish_name = [&] {
        if (!name.empty())
            current.names.push_back(name);
        name.clear();
        in_name = true;
    };
    for (const char c : field) {
        if (c == ',' || c == '|') {
            finish_name();
            if (c == ',' && !current.names.empty())
                choices.push_back(std::exchange(current, {}));
        } else if (c == ' ' || c == '\n' || c == '\t' || c == '(' || c == '[' || c == ':') {
            in_name = in_name && name.empty() && c != '(' && c != '[';
        } else if (in_name) {
            name += c;
        }
    }
    finish_name();
    if (!current.names.empty())
        choices.push_back(std::move(current));
    return choices;
}

PackageIndex::PackageIndex(std::string text) : text_(std::move(text)) {
    for_each_stanza(text_, [&](const Stanza& stanza) {
        const Range range{static_cast<std::size_t>(stanza.text().data() - text_.data()),
                          stanza.text().size()};
        const std::string name = stanza.field("Package");
        if (name.empty())
            return;
        names_[name] = range;
        paths_[stanza.field("Filename")] = range;
        for (const DependencyChoice& choice : parse_dependencies(stanza.field("Provides")))
            provides_.emplace(choice.names.front(), name);
    });
}

IndexedPackage PackageIndex::read(std::string_view text) const {
    const Stanza stanza(text);
    IndexedPackage package{.name = stanza.field("Package"),
                           .version = stanza.field("Version"),
                           .path = stanza.field("Filename"),
                           .sha256 = stanza.field("SHA256"),
                           .stanza = std::string(text)};
    const std::string size = stanza.field("Size");
    std::from_chars(size.data(), size.data() + size.size(), package.size);
    const bool safe =
        !package.path.empty() && package.path.front() != '/' && package.path.find("..") == std::string::npos;
    if (package.sha256.size() != 64 || !safe)
        throw Error(Failure::integrity,
                    fmt::format("the package index has no usable file name and SHA-256 for {}", package.name),
                    "run apt-get update; if it stays so, name another mirror with --mirror");
    return package;
}

IndexedPackage PackageIndex::by_name(const std::string& name) const {
    const auto found = names_.find(name);
    if (found == names_.end())
        throw Error(Failure::recipe, fmt::format("the archive has no package '{}'", name), "check its name");
    return read(std::string_view(text_).substr(found->second.begin, found->second.size));
}

IndexedPackage PackageIndex::by_path(const std::string& path) const {
    const auto found = paths_.find(path);
    if (found == paths_.end())
        throw Error(Failure::tool, fmt::format("apt names {}, which its own index does not list", path),
                    "run apt-get update");
    return read(std::string_view(text_).substr(found->second.begin, found->second.size));
}

std::vector<std::string> PackageIndex::providers(const std::string& name) const {
    std::vector<std::string> found;
    const auto [first, last] = provides_.equal_range(name);
    for (auto it = first; it != last; ++it)
        found.push_back(it->second);
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> PackageIndex::names() const {
    std::vector<std::string> all;
    all.reserve(names_.size());
    for (const auto& [name, range] : names_)
        all.push_back(name);
    return all;
}

}  // namespace imgforge::install
