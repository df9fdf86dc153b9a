// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/source_schema.hpp"

namespace imgforge::engine {

Json path_schema(const char* description) {
    return {{"type", "string"}, {"format", "path"}, {"minLength", 1}, {"description", description}};
}

Json verification_properties() {
    return {{"sha256",
             {{"type", "string"},
              {"description", "SHA-256 of the file; any other content is rejected"},
              {"pattern", "^[0-9a-fA-F]{64}$"},
              {"x-message", "must be 64 hexadecimal digits"}}},
            {"keyring", path_schema("OpenPGP keyring with the only keys that are trusted: a file, or a "
                                    "publisher such as ubuntu or fedora")},
            {"allow-redirects",
             {{"type", "array"},
              {"items", {{"enum", {"http", "local"}}}},
              {"uniqueItems", true},
              {"description",
               "Redirects that are followed although they are otherwise rejected: http (from https to http), "
               "local "
               "(to other services of this host)"}}},
            {"fingerprint",
             {{"type", "string"},
              {"description", "The only key of the keyring that is trusted"},
              {"pattern", "^[0-9A-Fa-f]{40}$"},
              {"x-message", "must be a key fingerprint of 40 hexadecimal digits"}}}};
}

}  // namespace imgforge::engine
