// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/guest_tree.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "sysprep/audit/report.hpp"

namespace imgforge::sysprep::audit {

namespace {

std::vector<std::string_view> components(std::string_view path) {
    std::vector<std::string_view> out;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        if (!name.empty() && name != ".") {
            out.push_back(name);
        }
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return out;
}

}  // namespace

void GuestTree::add(std::string path, TreeEntry entry) {
    entries_.insert_or_assign(std::move(path), std::move(entry));
}

const TreeEntry* GuestTree::find(std::string_view path) const {
    const auto found = entries_.find(path);
    return found == entries_.end() ? nullptr : &found->second;
}

bool GuestTree::is_directory(std::string_view path) const {
    const TreeEntry* const entry = find(path);
    return entry != nullptr && entry->stat.type == guest::FileType::directory;
}

std::optional<std::string> GuestTree::resolve(std::string_view path) const {
    std::vector<std::string> pending;
    const auto push = [&](std::string_view text) {
        const auto parts = components(text);
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
            pending.emplace_back(*part);
        }
    };
    push(path);
    std::string at;
    for (int links = 0; !pending.empty();) {
        const std::string name = std::move(pending.back());
        pending.pop_back();
        if (name == "..") {
            at.erase(at.empty() ? 0 : at.rfind('/'));
            continue;
        }
        const std::string next = at + "/" + name;
        const TreeEntry* const entry = find(next);
        if (entry == nullptr) {
            return std::nullopt;
        }
        if (entry->stat.type == guest::FileType::symlink) {
            if (++links > 40) {  // as the kernel's MAXSYMLINKS
                return std::nullopt;
            }
            push(entry->target);
            at = entry->target.starts_with('/') ? "" : at;
        } else {
            at = next;
        }
    }
    return at.empty() ? "/" : at;
}

std::string_view GuestTree::read(std::string_view path) const {
    const TreeEntry* entry = find(path);
    if (entry != nullptr && entry->stat.type == guest::FileType::symlink) {
        const auto real = resolve(path);
        entry = real ? find(*real) : nullptr;
    }
    return entry != nullptr && entry->content ? std::string_view(*entry->content) : std::string_view();
}

std::vector<std::string> GuestTree::below(std::string_view directory) const {
    const std::string prefix = directory == "/" ? "/" : std::string(directory) + "/";
    std::vector<std::string> out;
    for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix);
         ++at) {
        if (at->first.size() > prefix.size()) {
            out.push_back(at->first);
        }
    }
    return out;
}

std::vector<std::string> GuestTree::children(std::string_view directory) const {
    const std::string prefix = directory == "/" ? "/" : std::string(directory) + "/";
    std::vector<std::string> out;
    auto at = entries_.lower_bound(prefix);
    while (at != entries_.end() && at->first.starts_with(prefix)) {
        const std::size_t slash = at->first.find('/', prefix.size());
        if (slash == std::string::npos) {
            if (at->first.size() > prefix.size()) {
                out.push_back(at->first);
            }
            ++at;
        } else {
            // What lies deeper is passed over in one step: '0' follows '/'.
            at = entries_.lower_bound(at->first.substr(0, slash) + "0");
        }
    }
    return out;
}

std::vector<std::string> GuestTree::glob(std::string_view pattern) const {
    std::vector<std::string> at{""};
    for (const std::string_view part : components(pattern)) {
        std::vector<std::string> next;
        const bool literal = part.find_first_of("*?[\\") == std::string_view::npos;
        const std::string wanted(part);
        const auto matches = [&](const std::string& name) {
            return ::fnmatch(wanted.c_str(), name.c_str(), 0) == 0;
        };
        for (const std::string& folder : at) {
            if (literal) {
                std::string path = folder + "/" + std::string(part);
                if (exists(path)) {
                    next.push_back(std::move(path));
                }
                continue;
            }
            for (std::string& child : children(folder.empty() ? "/" : folder)) {
                if (matches(child.substr(folder.size() + 1))) {
                    next.push_back(std::move(child));
                }
            }
        }
        at = std::move(next);
    }
    return at;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        out.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    constexpr std::string_view blanks = " \t\r";
    for (auto start = line.find_first_not_of(blanks); start != std::string_view::npos;
         start = line.find_first_not_of(blanks, start)) {
        const auto end = line.find_first_of(blanks, start);
        out.push_back(line.substr(start, end - start));
        start = end == std::string_view::npos ? line.size() : end;
    }
    return out;
}

}  // namespace imgforge::sysprep::audit
