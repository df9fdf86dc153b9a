// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "pipelines/store/diff.hpp"

namespace imgforge::store {
namespace {

bool is_configuration(const std::string& path) {
    return path.rfind("/etc/", 0) == 0;
}

Json package_entry(const Package& package) {
    return {{"name", package.name}, {"version", package.version}, {"architecture", package.architecture}};
}

Json file_entry(const FileRecord& file) {
    return {{"path", file.path}, {"type", std::string(1, file.type)}, {"size", file.size}};
}

Json change_entry(const FileChange& change) {
    Json entry = {{"path", change.after.path}, {"what", change.what()}};
    if (change.before.size != change.after.size) {
        entry["size"] = {{"before", change.before.size}, {"after", change.after.size}};
    }
    if (change.before.mode != change.after.mode) {
        entry["mode"] = {{"before", fmt::format("{:04o}", change.before.mode)},
                         {"after", fmt::format("{:04o}", change.after.mode)}};
    }
    return entry;
}

/// The three lists for files, all of them or those under /etc only.
Json file_lists(const ContentDiff& diff, bool only_configuration) {
    Json record = {{"added", Json::array()}, {"removed", Json::array()}, {"changed", Json::array()}};
    const auto wanted = [&](const FileRecord& file) {
        return !only_configuration || is_configuration(file.path);
    };
    for (const FileRecord& file : diff.files_added) {
        if (wanted(file)) {
            record["added"].push_back(file_entry(file));
        }
    }
    for (const FileRecord& file : diff.files_removed) {
        if (wanted(file)) {
            record["removed"].push_back(file_entry(file));
        }
    }
    for (const FileChange& change : diff.files_changed) {
        if (wanted(change.after)) {
            record["changed"].push_back(change_entry(change));
        }
    }
    return record;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

/// Lines under a heading, cut at the limit.
class Section {
public:
    Section(std::string& out, std::size_t limit) : out_(out), limit_(limit) {}
    ~Section() {
        if (limit_ != 0 && count_ > limit_) {
            out_ += fmt::format("    … and {} more (--all lists them)\n", count_ - limit_);
        }
    }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

    void line(const std::string& text) {
        if (limit_ == 0 || ++count_ <= limit_) {
            out_ += "    " + text + "\n";
        }
    }

private:
    std::string& out_;
    std::size_t limit_;
    std::size_t count_ = 0;
};

void package_lines(const ContentDiff& diff, std::size_t limit, std::string& out) {
    if (!diff.packages_known) {
        out += "  packages: not known for one of the two\n";
        return;
    }
    out += fmt::format("  packages: {} added, {} removed, {} changed\n", diff.packages_added.size(),
                       diff.packages_removed.size(), diff.packages_changed.size());
    Section section(out, limit);
    for (const Package& package : diff.packages_added) {
        section.line(fmt::format("+ {} {}", package.name, package.version));
    }
    for (const Package& package : diff.packages_removed) {
        section.line(fmt::format("- {} {}", package.name, package.version));
    }
    for (const PackageChange& change : diff.packages_changed) {
        section.line(
            fmt::format("~ {} {} -> {}", change.after.name, change.before.version, change.after.version));
    }
}

void file_lines(const ContentDiff& diff, bool configuration, std::size_t limit, std::string& out) {
    const auto mine = [&](const FileRecord& file) { return is_configuration(file.path) == configuration; };
    std::string lines;
    std::size_t added = 0;
    std::size_t removed = 0;
    std::size_t changed = 0;
    {
        Section section(lines, limit);
        for (const FileRecord& file : diff.files_added) {
            if (mine(file)) {
                ++added;
                section.line("+ " + file.path);
            }
        }
        for (const FileRecord& file : diff.files_removed) {
            if (mine(file)) {
                ++removed;
                section.line("- " + file.path);
            }
        }
        for (const FileChange& change : diff.files_changed) {
            if (mine(change.after)) {
                ++changed;
                section.line(fmt::format("~ {} ({})", change.after.path, joined(change.what())));
            }
        }
    }
    out += fmt::format("  {}: {} added, {} removed, {} changed\n",
                       configuration ? "configuration (/etc)" : "other files", added, removed, changed);
    out += lines;
}

std::string size_line(const char* what, ByteSize before, ByteSize after) {
    return before == after ? fmt::format("  {}: {}\n", what, after.text())
                           : fmt::format("  {}: {} -> {}\n", what, before.text(), after.text());
}

}  // namespace

Json diff_record(const Generation& before, const Generation& after, const ContentDiff& diff) {
    Json packages = {{"added", Json::array()}, {"removed", Json::array()}, {"changed", Json::array()}};
    for (const Package& package : diff.packages_added) {
        packages["added"].push_back(package_entry(package));
    }
    for (const Package& package : diff.packages_removed) {
        packages["removed"].push_back(package_entry(package));
    }
    for (const PackageChange& change : diff.packages_changed) {
        packages["changed"].push_back({{"name", change.after.name},
                                       {"architecture", change.after.architecture},
                                       {"before", change.before.version},
                                       {"after", change.after.version}});
    }
    const auto both = [](ByteSize a, ByteSize b) {
        return Json{{"before", a.in_bytes()}, {"after", b.in_bytes()}};
    };
    return {{"before", before.label()},
            {"after", after.label()},
            {"packages", std::move(packages)},
            {"packages_known", diff.packages_known},
            {"files", file_lists(diff, false)},
            {"files_known", diff.files_known},
            {"configuration", file_lists(diff, true)},
            {"sizes",
             {{"virtual_size", both(before.virtual_size, after.virtual_size)},
              {"allocated_size", both(before.allocated_size, after.allocated_size)}}},
            {"same_content", !before.content.empty() && before.content == after.content}};
}

std::string diff_text(const Generation& before, const Generation& after, const ContentDiff& diff,
                      std::size_t limit) {
    std::string out = fmt::format("{} -> {}\n", before.label(), after.label());
    package_lines(diff, limit, out);
    if (diff.files_known) {
        file_lines(diff, true, limit, out);
        file_lines(diff, false, limit, out);
    } else {
        out += "  files: not known for one of the two\n";
    }
    return out + size_line("virtual size", before.virtual_size, after.virtual_size) +
           size_line("stored size", before.allocated_size, after.allocated_size);
}

}  // namespace imgforge::store
