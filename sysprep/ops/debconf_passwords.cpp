// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation debconf_passwords_operation() {
    return {
        .name = "debconf-passwords",
        .heading = "Empty the passwords that debconf remembers",
        .reason = "answers to password questions are kept as text",
        .source = "debconf-devel(7) type password",
        .rows = {"E8"},
        .families = {"debian"},
        .remove = {"/var/cache/debconf/*.dat-old"},
        .empty = {"/var/cache/debconf/passwords.dat"},
    };
}

}  // namespace imgforge::sysprep
