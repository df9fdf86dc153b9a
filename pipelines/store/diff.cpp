// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/diff.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "builder/base/file.hpp"

namespace imgforge::store {
namespace {

using PackageKey = std::pair<std::string, std::string>;

PackageKey key_of(const Package& package) {
    return {package.name, package.architecture};
}

std::map<PackageKey, std::vector<Package>> by_key(const std::vector<Package>& packages) {
    std::map<PackageKey, std::vector<Package>> map;
    for (const Package& package : packages) {
        map[key_of(package)].push_back(package);
    }
    for (auto& [key, list] : map) {
        std::sort(list.begin(), list.end(),
                  [](const Package& a, const Package& b) { return a.version < b.version; });
    }
    return map;
}

/// Takes out of both lists what both have.
void drop_equal(std::vector<Package>& before, std::vector<Package>& after) {
    for (auto old = before.begin(); old != before.end();) {
        const auto same = std::find_if(after.begin(), after.end(),
                                       [&](const Package& one) { return one.version == old->version; });
        if (same == after.end()) {
            ++old;
        } else {
            after.erase(same);
            old = before.erase(old);
        }
    }
}

bool same_content(const FileRecord& a, const FileRecord& b) {
    return a.digest == b.digest && (a.type != 'f' || a.size == b.size);
}

struct Contents {
    bool packages_known = false;
    bool files_known = false;
    std::vector<Package> packages;
    std::vector<FileRecord> files;
};

Contents read_contents(const Generation& generation) {
    Contents contents;
    const std::filesystem::path list = generation.folder / "packages.json";
    if (std::filesystem::exists(list)) {
        const Json record = parse_json(read_file(list), list.string());
        contents.packages_known = record.value("known", false);
        contents.packages = packages_from_json(record.value("packages", Json::array()), list.string());
    }
    const std::filesystem::path files = generation.folder / "files.json.gz";
    contents.files_known = std::filesystem::exists(files);
    if (contents.files_known) {
        contents.files = read_files(files);
    }
    return contents;
}

}  // namespace

std::vector<std::string> FileChange::what() const {
    std::vector<std::string> words;
    const auto note = [&](bool differs, const char* word) {
        if (differs) {
            words.emplace_back(word);
        }
    };
    note(before.type != after.type, "type");
    note(!same_content(before, after), "content");
    note(before.mode != after.mode, "mode");
    note(before.uid != after.uid || before.gid != after.gid, "owner");
    note(before.target != after.target, "target");
    return words;
}

void diff_packages(std::vector<Package> before, std::vector<Package> after, ContentDiff& diff) {
    std::map<PackageKey, std::vector<Package>> old_ones = by_key(before);
    std::map<PackageKey, std::vector<Package>> new_ones = by_key(after);
    for (auto& [key, list] : new_ones) {
        std::vector<Package>& old = old_ones[key];
        drop_equal(old, list);
        const std::size_t pairs = std::min(old.size(), list.size());
        for (std::size_t i = 0; i < pairs; ++i) {
            diff.packages_changed.push_back({.before = old[i], .after = list[i]});
        }
        diff.packages_added.insert(diff.packages_added.end(),
                                   list.begin() + static_cast<std::ptrdiff_t>(pairs), list.end());
        old.erase(old.begin(), old.begin() + static_cast<std::ptrdiff_t>(pairs));
    }
    for (const auto& [key, list] : old_ones) {
        diff.packages_removed.insert(diff.packages_removed.end(), list.begin(), list.end());
    }
}

void diff_files(const std::vector<FileRecord>& before, const std::vector<FileRecord>& after,
                bool with_volatile, ContentDiff& diff) {
    std::map<std::string_view, const FileRecord*> old_ones;
    for (const FileRecord& file : before) {
        old_ones[file.path] = &file;
    }
    const auto wanted = [&](const FileRecord& file) { return with_volatile || !is_volatile(file.path); };
    for (const FileRecord& file : after) {
        const auto old = old_ones.find(file.path);
        if (old == old_ones.end()) {
            if (wanted(file)) {
                diff.files_added.push_back(file);
            }
            continue;
        }
        FileChange change{.before = *old->second, .after = file};
        if (wanted(file) && !change.what().empty()) {
            diff.files_changed.push_back(std::move(change));
        }
        old_ones.erase(old);
    }
    for (const auto& [path, file] : old_ones) {
        if (wanted(*file)) {
            diff.files_removed.push_back(*file);
        }
    }
}

ContentDiff diff_generations(const Generation& before, const Generation& after, bool with_volatile) {
    const Contents old_contents = read_contents(before);
    const Contents new_contents = read_contents(after);
    ContentDiff diff;
    diff.packages_known = old_contents.packages_known && new_contents.packages_known;
    diff.files_known = old_contents.files_known && new_contents.files_known;
    if (diff.packages_known) {
        diff_packages(old_contents.packages, new_contents.packages, diff);
    }
    if (diff.files_known) {
        diff_files(old_contents.files, new_contents.files, with_volatile, diff);
    }
    return diff;
}

}  // namespace imgforge::store
