// SPDX-License-Identifier: GPL-3.0-or-later
// LIBS: imgforge_fetch
#include <cstdint>
#include <cstdlib>

#include "pipelines/fetch/checksum_file.hpp"
#include "pipelines/fetch/signature.hpp"

// Checksums files and gpgv's status lines come from strangers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& sum : imgforge::fetch::parse_checksums(text)) {
        if (sum.hex.size() != 64 && sum.hex.size() != 128) {
            std::abort();
        }
    }
    imgforge::fetch::good_signer(text);
    return 0;
}
