// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/signing_key.hpp"

namespace imgforge::store {

inline constexpr const char* attestation_name = "attestation.json";

/// in-toto Statement v1 with a SLSA Provenance v1 predicate about a generation: its disk and manifest are the
/// subjects; recipe, media and packages the resolved dependencies; stages and tools as the manifest has them.
/// `manifest_sha256`: of the manifest's bytes. Pure.
Json provenance(const Json& manifest, const std::string& manifest_sha256);

/// The statement in a DSSE envelope, signed.
Json signed_envelope(const Json& statement, const SigningKey& key);

/// One thing that does not hold; empty: it is what the key's owner signed.
struct AttestationCheck {
    std::vector<std::string> problems{};
    std::string key_id{};             ///< of the signature that held
    Json statement = Json::object();  ///< only when the signature held
};

/// Checks signature and digests of what lies in `folder`: the envelope in attestation.json against `key`,
/// then every subject that the statement names. `disk`: the file that stands for disk.qcow2, elsewhere when
/// it was exported or pulled under another name. Reads only; throws for files that cannot be read.
AttestationCheck check_attestation(const std::filesystem::path& folder, const std::filesystem::path& disk,
                                   const SigningKey& key);

}  // namespace imgforge::store
