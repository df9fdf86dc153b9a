// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/checks_record.hpp"

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/signing_key.hpp"
#include "pipelines/store/attestation.hpp"
#include "pipelines/store/index_file.hpp"
#include "pipelines/store/rows.hpp"
#include "pipelines/store/seal.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

/// The manifest as it was published, or with the checks of a build that died before it was recorded.
Json trusted_manifest(const Generation& generation) {
    const std::string text = read_file(generation.manifest_path());
    Json manifest = parse_json(text, generation.manifest_path().string());
    if (sha256_hex(text) != generation.manifest_sha256 && !manifest.contains("verify")) {
        throw Error(Failure::integrity,
                    fmt::format("the manifest of {} is not the one that was published", generation.label()),
                    "imgforge images verify");
    }
    return manifest;
}

/// Only files are replaced; the directory and the disk stay sealed otherwise.
void write_sealed(const Generation& generation, const std::string& manifest, const Json& envelope) {
    unseal(generation.folder);
    fs::permissions(generation.folder, fs::perms::owner_all, fs::perm_options::add);
    write_file_atomically(generation.manifest_path(), manifest);
    if (!envelope.is_null()) {
        write_file_atomically(generation.folder / attestation_name, pretty(envelope));
    }
    seal(generation.folder);
}

}  // namespace

bool record_checks(Store& store, std::string_view image, int generation, const Json& verify,
                   const fs::path& signing_key) {
    const interrupt::Shield shield;
    const FileLock held = store.lock(image, "record checks");
    const fs::path images = store.places().images();
    auto found = Rows(store.database(), images).generation(image, generation);
    if (!found || found->state != GenerationState::candidate) {
        return false;
    }
    Json manifest = trusted_manifest(*found);
    manifest["verify"] = verify;
    const std::string text = pretty(manifest);
    found->manifest_sha256 = sha256_hex(text);
    Json envelope;
    if (!signing_key.empty() && fs::exists(found->folder / attestation_name)) {
        envelope = signed_envelope(provenance(manifest, found->manifest_sha256),
                                   SigningKey::load_or_create(signing_key));
    }
    write_sealed(*found, text, envelope);
    store.database().transaction([&] {
        Rows rows(store.database(), images);
        rows.put_generation(*found);
        rows.touch(image);
    });
    const Rows rows(store.database(), images);
    if (const auto row = rows.image(image)) {
        write_index(store.image_folder(image), {.image = *row, .generations = rows.generations(image)});
    }
    return true;
}

}  // namespace imgforge::store
