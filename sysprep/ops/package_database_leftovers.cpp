// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation package_database_leftovers_operation() {
    return {
        .name = "package-database-leftovers",
        .heading = "Remove locks and copies in the package databases",
        .reason = "left by the last package run",
        .source = "rpm(8) __db files, dpkg(1)",
        .rows = {"F9"},
        .order = Operation::order_rebuild,
        .remove = {"/var/lib/rpm/__db.*", "/var/lib/dpkg/*-old", "/var/lib/dpkg/lock*"},
    };
}

}  // namespace imgforge::sysprep
