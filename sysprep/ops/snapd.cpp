// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include "builder/base/json.hpp"

namespace imgforge::sysprep {

Operation snapd_operation() {
    return {
        .name = "snapd",
        .heading = "Remove the identity of snapd and LXD",
        .reason = "one serial and one login for all clones; the list of installed snaps stays",
        .source = "snapd overlord/auth, lxd documentation",
        .rows = {"D6"},
        .remove = {"/var/lib/snapd/cookie/*", "/var/lib/snapd/device/*", "/var/lib/snapd/auth.json",
                   "/root/snap/*", "/var/snap/lxd/common/lxd/server.{key,crt}"},
        .perform =
            [](Cleaner& cleaner) {
                // state.json is the database of installed snaps: only login and device go.
                cleaner.edit("/var/lib/snapd/state.json", [](const std::string& text) {
                    Json state = Json::parse(text, nullptr, false);
                    if (!state.is_object() || !state.contains("data") || !state["data"].is_object() ||
                        !(state["data"].contains("auth") || state["data"].contains("device"))) {
                        return text;
                    }
                    state["data"].erase("auth");
                    state["data"].erase("device");
                    return state.dump();
                });
            },
    };
}

}  // namespace imgforge::sysprep
