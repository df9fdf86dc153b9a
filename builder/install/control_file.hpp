// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::install {

/// One stanza of a Debian control file (deb822): a view into the text it came from.
class Stanza {
public:
    explicit Stanza(std::string_view text) : text_(text) {}
    /// The value with its continuation lines, trimmed; empty when the field is absent. Field names ignore
    /// case.
    std::string field(std::string_view name) const;
    /// The whole stanza without the blank line after it.
    std::string_view text() const { return text_; }

private:
    std::string_view text_;
};

/// Hears every stanza of a control file, in order.
void for_each_stanza(std::string_view text, const std::function<void(const Stanza&)>& consume);

/// One name of a dependency field.
struct DependencyChoice {
    std::vector<std::string> names;  ///< alternatives in order; versions and architectures removed
};

/// Reads "a (>= 1), b | c" as [[a], [b, c]].
std::vector<DependencyChoice> parse_dependencies(std::string_view field);

/// A package as an archive's index lists it.
struct IndexedPackage {
    std::string name;
    std::string version;
    std::string path;  ///< "Filename:", relative to the archive's root
    std::string sha256;
    std::uint64_t size = 0;
    std::string stanza;
};

/// A Packages file that can be asked by name and by path.
class PackageIndex {
public:
    PackageIndex() = default;
    explicit PackageIndex(std::string text);
    PackageIndex(const PackageIndex&) = delete;
    PackageIndex& operator=(const PackageIndex&) = delete;
    PackageIndex(PackageIndex&&) = default;
    PackageIndex& operator=(PackageIndex&&) = default;

    /// Throws Failure::tool when the index has no such package.
    IndexedPackage by_name(const std::string& name) const;
    IndexedPackage by_path(const std::string& path) const;
    bool has(const std::string& name) const { return names_.count(name) != 0; }
    /// Names of packages that provide a virtual name, sorted.
    std::vector<std::string> providers(const std::string& name) const;
    std::vector<std::string> names() const;

private:
    IndexedPackage read(std::string_view stanza) const;

    std::string text_;
    // Offsets, not views: moving a short string would move its bytes.
    struct Range {
        std::size_t begin = 0;
        std::size_t size = 0;
    };
    std::map<std::string, Range, std::less<>> names_;
    std::map<std::string, Range, std::less<>> paths_;
    std::multimap<std::string, std::string> provides_;
};

}  // namespace imgforge::install
