// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include "sysprep/ops/text.hpp"

namespace imgforge::sysprep {

Operation mdadm_hostname_operation() {
    return {
        .name = "mdadm-hostname",
        .heading = "Take the old hostname out of the RAID array names",
        .reason = "arrays of another host are assembled as md127",
        .source = "mdadm.conf(5) ARRAY name=",
        .rows = {"C5"},
        .perform =
            [](Cleaner& cleaner) {
                const std::string& name = cleaner.os().hostname;
                if (name.empty() || name == "localhost") {
                    return;
                }
                for (const char* path : {"/etc/mdadm/mdadm.conf", "/etc/mdadm.conf"}) {
                    cleaner.edit(path, [&](const std::string& text) {
                        return words_replaced(text, "name=" + name + ":", "name=any:");
                    });
                }
            },
    };
}

}  // namespace imgforge::sysprep
