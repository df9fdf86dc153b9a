// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation installer_files_operation() {
    return {
        .name = "installer-files",
        .heading = "Remove kickstart, AutoYaST and setup answers",
        .reason = "anaconda writes them after %post, with the password hashes",
        .source = "anaconda boot-options.rst inst.nosave; AutoYaST guide; setup-alpine",
        .rows = {"E7"},
        .remove = {"/root/{anaconda-ks,original-ks,initial-setup-ks}.cfg", "/root/anaconda-post.log",
                   "/root/ks-*.log", "/var/log/anaconda", "/root/autoinst.xml", "/root/inst-sys",
                   "/var/adm/autoinstall/*", "/var/log/YaST2", "/etc/install.inf", "/var/log/agama*",
                   "/root/answers"},
    };
}

}  // namespace imgforge::sysprep
