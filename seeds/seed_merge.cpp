// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/guest_yaml.hpp"
#include "seeds/findings.hpp"
#include "seeds/mime_parts.hpp"
#include "seeds/seed_view.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

/// One of cloud-init's mergers with its settings: "list(append)".
using Settings = std::map<std::string, std::set<std::string>>;

/// mergers/__init__.py string_extract_mergers and dict_extract_mergers.
Settings settings_of(const Json& how) {
    Settings settings;
    if (how.is_array()) {
        for (const Json& entry : how) {
            auto& words = settings[text_child(entry, "name")];
            for (const Json& word : child_of(entry, "settings")) {
                words.insert(word.is_string() ? word.get<std::string>() : "");
            }
        }
        return settings;
    }
    std::string text = how.is_string() ? how.get<std::string>() : "";
    while (!text.empty()) {
        const std::size_t open = text.find('(');
        const std::size_t close = text.find(')', open);
        if (open == std::string::npos || close == std::string::npos) {
            break;
        }
        auto& words = settings[std::string(trimmed(text.substr(0, open)))];
        std::string inner = text.substr(open + 1, close - open - 1);
        while (!inner.empty()) {
            const std::size_t comma = std::min(inner.find(','), inner.size());
            words.emplace(trimmed(inner.substr(0, comma)));
            inner.erase(0, comma + 1);
        }
        text.erase(0, std::min(close + 2, text.size()));
    }
    return settings;
}

/// mergers/m_dict.py, m_list.py and m_str.py.
class Merger {
public:
    explicit Merger(Settings settings) : settings_(std::move(settings)) {}

    Json merge(const Json& old, const Json& fresh) const {
        if (old.is_object() && settings_.contains("dict")) {
            return fresh.is_object() ? maps(old, fresh) : old;
        }
        if (old.is_array() && settings_.contains("list")) {
            return fresh.is_array() ? lists(old, fresh) : has("list", "no_replace") ? old : fresh;
        }
        if (old.is_string() && settings_.contains("str")) {
            const bool append = fresh.is_string() && has("str", "append");
            return append ? Json(old.get<std::string>() + fresh.get<std::string>()) : fresh;
        }
        return old;
    }

private:
    bool has(const std::string& merger, const std::string& word) const {
        const auto found = settings_.find(merger);
        return found != settings_.end() && found->second.contains(word);
    }

    /// What both may go into instead of deciding; maps are always gone into by the map merger.
    bool recurses(const std::string& merger, const Json& fresh) const {
        const bool list = has(merger, "recurse_list") || has(merger, "recurse_array");
        const bool dict = merger == "dict" || has(merger, "recurse_dict");
        return (fresh.is_array() && list) || (fresh.is_string() && has(merger, "recurse_str")) ||
               (fresh.is_object() && dict);
    }

    Json maps(Json old, const Json& fresh) const {
        for (const auto& [key, value] : fresh.items()) {
            if (!old.contains(key)) {
                old[key] = value;
            } else if (value.is_null() && has("dict", "allow_delete")) {
                old.erase(key);
            } else {
                old[key] = has("dict", "replace")    ? value
                           : recurses("dict", value) ? merge(old[key], value)
                                                     : old[key];
            }
        }
        return old;
    }

    Json lists(Json old, const Json& fresh) const {
        if (has("list", "append")) {
            old.insert(old.end(), fresh.begin(), fresh.end());
            return old;
        }
        if (has("list", "prepend")) {
            Json out = fresh;
            out.insert(out.end(), old.begin(), old.end());
            return out;
        }
        // Replacing ends with the shorter of the two: what the fresh list has beyond it is lost.
        for (std::size_t i = 0; i < std::min(old.size(), fresh.size()) && !has("list", "no_replace"); ++i) {
            old[i] = recurses("list", fresh[i]) ? merge(old[i], fresh[i]) : fresh[i];
        }
        return old;
    }

    Settings settings_;
};

/// Takes the parts apart as cloud-init's handlers do.
class Collector {
public:
    explicit Collector(std::vector<std::string>& others) : others_(others) {}

    void take(const std::string& raw, const std::string& type, const std::string& how,
              const std::string& name) {
        const std::string text = gunzipped(gunzipped(raw, name), name);
        const bool by_type = !type.empty() && type != "text/plain";
        const UserDataKind kind = by_type ? kind_of_type(type) : user_data_kind(text);
        if (kind == UserDataKind::mime && kind_by_prefix(text) == UserDataKind::unknown) {
            for (const MimePart& part : mime_parts(text)) {
                take(part.bytes, part.type, part.merge_type, part.name.empty() ? name : part.name);
            }
        } else if (kind == UserDataKind::cloud_config || kind == UserDataKind::mime) {
            config(text, how, name);
        } else if (kind != UserDataKind::empty) {
            others_.push_back(fmt::format("{}: {}, {} bytes", name,
                                          by_type ? type : std::string(mime_type(kind)), text.size()));
        }
    }

    const Json& merged() const { return merged_; }

private:
    void config(const std::string& text, const std::string& header, const std::string& name) {
        Diagnostics faults;
        const auto yaml = parse_guest_yaml(text, name, faults);
        if (!yaml || !yaml->document.root.is_object()) {
            others_.push_back(fmt::format("{}: dropped, it cannot be read as a cloud-config", name));
            return;
        }
        Json fresh = yaml->document.root;
        Json how = header.empty() ? Json("dict(replace)+list()+str()") : Json(header);
        for (const char* const key : {"merge_how", "merge_type"}) {
            if (fresh.contains(key)) {
                how = fresh[key];
                fresh.erase(key);
            }
        }
        merged_ = Merger(settings_of(how)).merge(merged_, fresh);
    }

    std::vector<std::string>& others_;
    Json merged_ = Json::object();
};

}  // namespace

Json merged_config(const std::string& user_data, const std::string& name, std::vector<std::string>& others) {
    Collector collector(others);
    collector.take(user_data, "", "", name);
    return collector.merged();
}

}  // namespace imgforge::seeds
