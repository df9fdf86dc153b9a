// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/trust_rules.hpp"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace imgforge::engine {
namespace {

/// All sixteen combinations: each is verified, or an error.
TEST(TrustRules, no_combination_is_silently_nothing) {
    for (unsigned bits = 0; bits < 16; ++bits) {
        const bool checksums = (bits & 1U) != 0;
        const bool signature = (bits & 2U) != 0;
        const bool keyring = (bits & 4U) != 0;
        const bool fingerprint = (bits & 8U) != 0;
        Json block = {{"iso", "x.iso"}};
        using Given = std::vector<std::pair<const char*, bool>>;
        for (const auto& [key, given] : Given{{"checksums", checksums},
                                              {"signature", signature},
                                              {"keyring", keyring},
                                              {"fingerprint", fingerprint}}) {
            if (given) {
                block[key] = "x";
            }
        }
        const bool something_to_verify = signature || checksums;
        const bool sound = keyring ? something_to_verify : !signature && !fingerprint;
        EXPECT_EQ(trust_faults(block).empty(), sound) << block.dump();
    }
}

}  // namespace
}  // namespace imgforge::engine
