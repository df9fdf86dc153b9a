// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/meta_data_checks.hpp"

#include <fmt/format.h>

#include "builder/base/guest_yaml.hpp"
#include "seeds/findings.hpp"

namespace imgforge::seeds {

namespace {

void check_meta_data_values(const Json& root, Findings& findings) {
    if (!root.is_object() && !root.is_null()) {
        findings.error("", "meta-data is a map of keys, cloud-init cannot use this", "instance-id: i-0001");
        return;
    }
    if (child_of(root, "instance-id").is_null()) {
        findings.warning("", "no instance-id is given, so a clone does not notice that it is a new machine",
                         "add for example instance-id: i-0001");
    }
    for (const char* const key : {"instance-id", "local-hostname"}) {
        const Json& value = child_of(root, key);
        if (!value.is_null() && !value.is_string()) {
            findings.warning(std::string("/") + key,
                             fmt::format("'{}' is not text but {}", key, value.dump()), "put it in quotes");
        }
    }
}

}  // namespace

Diagnostics check_meta_data(const std::string& text, const std::string& name) {
    return check_yaml(text, name, [](const GuestYaml& yaml, Findings& findings, Diagnostics&) {
        check_meta_data_values(yaml.document.root, findings);
    });
}

}  // namespace imgforge::seeds
