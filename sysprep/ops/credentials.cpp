// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation credentials_operation() {
    return {
        .name = "credentials",
        .heading = "Remove credential stores from every home",
        .reason = "tokens of the builder's accounts",
        .source = "documentation of the programs named",
        .rows = {"E5"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.remove_all(cleaner.in_homes({".aws",
                                                     ".azure",
                                                     ".config/gcloud",
                                                     ".kube",
                                                     ".docker/config.json",
                                                     ".gnupg",
                                                     ".netrc",
                                                     ".git-credentials",
                                                     ".pgpass",
                                                     ".my.cnf",
                                                     ".npmrc",
                                                     ".pypirc",
                                                     ".cargo/credentials*",
                                                     ".vault-token",
                                                     ".config/gh",
                                                     ".terraform.d",
                                                     ".boto",
                                                     ".local/share/keyrings",
                                                     ".config/containers/auth.json",
                                                     ".cache/*",
                                                     ".cache/.[!.]*"}));
            },
    };
}

}  // namespace imgforge::sysprep
