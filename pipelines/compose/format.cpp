// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/format.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"
#include "pipelines/compose/yaml_line.hpp"

namespace imgforge::compose {
namespace {

/// One level of nesting: where it stood and where it stands now.
struct Level {
    std::size_t before = 0;
    std::size_t now = 0;
    bool list = false;
};

class Formatter {
public:
    std::string run(const std::string& text) {
        for (const std::string& raw : lines_of(text)) {
            take(raw);
        }
        flush_comments(std::string::npos, 0, levels_);
        while (!out_.empty() && out_.back().empty()) {
            out_.pop_back();
        }
        std::string made;
        for (const std::string& line : out_) {
            made += line + "\n";
        }
        return made;
    }

private:
    void take(const std::string& raw) {
        const std::size_t indent = std::min(raw.find_first_not_of(' '), raw.size());
        if (block_ && (indent == raw.size() || indent > *block_)) {
            // The inside of a block text: blanks at the end belong to it.
            put(indent == raw.size() ? std::string() : shifted(raw), true);
            return;
        }
        block_.reset();
        const std::string line = trimmed(raw);
        if (open_.any()) {
            open_.read(line);
            put(line.empty() ? line : shifted(line), true);
            return;
        }
        if (line.empty()) {
            if (!comments_.empty()) {
                comments_.emplace_back(0, "");
            } else if (!out_.empty() && !out_.back().empty()) {
                out_.emplace_back();
            }
        } else if (line[indent] == '#') {
            comments_.emplace_back(indent, line.substr(indent));
        } else {
            structure(line, indent);
        }
    }

    void structure(const std::string& line, std::size_t indent) {
        const YamlLine parts = taken_apart(line.substr(indent));
        if (!parts.entry && !parts.key && !levels_.empty() && !parts.marker) {
            open_.read(line);  // the next line of a plain text
            flush_comments(indent, moved(indent), levels_);
            put(shifted(line), true);
            return;
        }
        const std::vector<Level> open = levels_;
        const std::size_t now = parts.marker ? 0 : level(indent, parts.entry);
        shift_ = static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(indent);
        flush_comments(indent, now, open);
        put(std::string(now, ' ') + parts.text, false);
        std::size_t before = indent;
        std::size_t after = now;
        for (const std::size_t width : parts.dashes) {
            before += width;
            after += 2;
            levels_.push_back({before, after, false});
        }
        open_.read(parts.text);
        if (parts.block) {
            block_ = parts.key ? before : indent;
        }
    }

    /// Where a line at `indent` stands now.
    std::size_t level(std::size_t indent, bool entry) {
        while (!levels_.empty() && (levels_.back().before > indent ||
                                    (levels_.back().before == indent && levels_.back().list && !entry))) {
            levels_.pop_back();
        }
        if (levels_.empty()) {
            levels_.push_back({indent, 0, entry});
        } else if (levels_.back().before < indent ||
                   (entry && !levels_.back().list && levels_.back().before == indent)) {
            levels_.push_back({indent, levels_.back().now + 2, entry});
        }
        return levels_.back().now;
    }

    /// Comments belong to what follows them, unless they stand where an earlier level does.
    void flush_comments(std::size_t indent, std::size_t now, const std::vector<Level>& open) {
        for (auto& [column, text] : comments_) {
            std::size_t place = now;
            for (const Level& level : open) {
                place = column != indent && level.before == column ? level.now : place;
            }
            if (text.empty() && (out_.empty() || out_.back().empty())) {
                continue;
            }
            out_.push_back(text.empty() ? text : std::string(place, ' ') + text);
        }
        comments_.clear();
    }

    std::size_t moved(std::size_t indent) const {
        return static_cast<std::size_t>(
            std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(indent) + shift_, 0));
    }

    std::string shifted(const std::string& line) const {
        const std::size_t indent = line.find_first_not_of(' ');
        return std::string(moved(indent), ' ') + line.substr(indent);
    }

    void put(std::string line, bool inside) {
        if (!inside || !line.empty() || !out_.empty()) {
            out_.push_back(std::move(line));
        }
    }

    std::vector<std::string> out_;
    std::vector<std::pair<std::size_t, std::string>> comments_;
    std::vector<Level> levels_;
    std::optional<std::size_t> block_;  ///< column of the line that opened a block text
    OpenText open_;
    std::ptrdiff_t shift_ = 0;
};

Json tree_of(const std::string& text, const std::string& file, Diagnostics& diagnostics) {
    const std::optional<YamlDocument> document = parse_yaml(text, file, diagnostics);
    return document ? document->root : Json();
}

std::string without_end_blanks(const std::string& text) {
    std::string made;
    for (const std::string& line : lines_of(text)) {
        made += trimmed(line) + "\n";
    }
    return made;
}

}  // namespace

std::string formatted(const std::string& text, const std::string& file) {
    Diagnostics diagnostics;
    const Json before = tree_of(text, file, diagnostics);
    diagnostics.throw_if_errors();
    const auto same = [&](const std::string& made) {
        Diagnostics faults;
        const Json after = tree_of(made, file, faults);
        return !faults.has_errors() && after == before && after.dump() == before.dump();
    };
    const std::string made = Formatter().run(text);
    if (same(made) && Formatter().run(made) == made) {
        return made;
    }
    const std::string plain = without_end_blanks(text);
    return same(plain) ? plain : text;
}

}  // namespace imgforge::compose
