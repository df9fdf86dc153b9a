// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/trust_rules.hpp"

namespace imgforge::engine {

std::vector<std::pair<std::string, std::string>> trust_faults(const Json& block) {
    std::vector<std::pair<std::string, std::string>> faults;
    const bool keyring = block.contains("keyring");
    const bool signature = block.contains("signature");
    if (signature && !keyring) {
        faults.emplace_back("signature",
                            "'signature' needs 'keyring' as well: without the keys it cannot be verified");
    }
    if (block.contains("fingerprint") && !keyring) {
        faults.emplace_back("fingerprint",
                            "'fingerprint' needs 'keyring' as well: it names one of the keyring's keys");
    }
    if (keyring && !signature && !block.contains("checksums")) {
        faults.emplace_back("keyring",
                            "'keyring' needs 'signature', or 'checksums' that are clear-signed: "
                            "there is nothing to verify with it");
    }
    return faults;
}

}  // namespace imgforge::engine
