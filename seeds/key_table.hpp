// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/guest_yaml.hpp"
#include "seeds/guest.hpp"

namespace imgforge::seeds {

/// What may stand behind one key; a line of a .keys file (seeds/schemas/cloud-config.keys says how).
struct KeyRule {
    enum Type : unsigned {
        null_type = 1,
        bool_type = 2,
        int_type = 4,
        num_type = 8,
        text_type = 16,
        list_type = 32,
        map_type = 64,
        any_type = 128
    };
    enum class Form { any, ip, cidr, mac, route };

    unsigned types = 0;
    Form form = Form::any;               ///< of a text: what it must be
    std::vector<std::string> choices{};  ///< texts that are fine although `types` has no text
    std::shared_ptr<KeyRule> item{};     ///< of a list
    std::shared_ptr<KeyRule> value{};    ///< of a map of any keys
    std::string map{};                   ///< name of the KeyMap of a map
    bool required = false;
    bool one_of = false;
    bool lax = false;
    bool unique = false;                  ///< an item that stands in the list twice is worth a warning
    std::optional<std::size_t> fewest{};  ///< items of a list, or keys of a map that cannot be a list
    std::optional<std::size_t> most{};
    std::optional<double> low{};
    std::optional<double> high{};
    std::string pattern{};
    std::optional<CloudInitVersion> since{};
    std::optional<CloudInitVersion> until{};
    std::string old{};
};

struct KeyMap {
    bool open = false;
    std::map<std::string, KeyRule> keys{};
    std::shared_ptr<KeyRule> other{};  ///< for keys that are not named
};

/// A .keys file: its maps by name, "" the outermost, "@name" a group.
class KeyTable {
public:
    /// Throws Failure::tool with the line that is not understood.
    explicit KeyTable(std::string_view text);

    /// Checks the tree as one of `map` at `pointer` and reports at the places of the document.
    void check(const GuestYaml& yaml, const std::string& map, const std::string& pointer, const Json& value,
               const Guest& guest, Diagnostics& diagnostics) const;

    const std::map<std::string, KeyMap>& maps() const { return maps_; }

private:
    std::map<std::string, KeyMap> maps_;
};

/// The table of a data file in seeds/schemas, read once per process.
const KeyTable& key_table(const std::string& file);

}  // namespace imgforge::seeds
