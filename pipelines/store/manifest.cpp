// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/manifest.hpp"

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/image/qcow2_header.hpp"
#include "pipelines/store/attestation.hpp"
#include "pipelines/store/files.hpp"
#include "pipelines/store/index_file.hpp"

#ifndef IMGFORGE_VERSION
#define IMGFORGE_VERSION "0.1.0"
#endif

namespace fs = std::filesystem;

namespace imgforge::store {
namespace {

constexpr int manifest_format = 1;

/// Writes one file and remembers its digest.
class Folder {
public:
    explicit Folder(fs::path path) : path_(std::move(path)) {}

    void add(const std::string& name, const std::string& bytes) {
        write_file_atomically(path_ / name, bytes);
        digests_[name] = sha256_hex(bytes);
    }
    const Json& digests() const { return digests_; }

private:
    fs::path path_;
    Json digests_ = Json::object();
};

Json packages_record(const GuestContents& contents) {
    return {{"known", !contents.package_format.empty()},
            {"format", contents.package_format},
            {"distribution", contents.distribution},
            {"release", contents.release},
            {"packages", packages_to_json(contents.packages)}};
}

Json disk_record(const fs::path& disk, const Generation& record) {
    const image::Qcow2Header header = image::read_qcow2_header(disk);
    return {{"file", "disk.qcow2"},
            {"format", "qcow2"},
            {"sha256", record.sha256},
            {"virtual_size", record.virtual_size.in_bytes()},
            {"allocated_size", record.allocated_size.in_bytes()},
            {"file_size", fs::file_size(disk)},
            {"backing_file", header.backing_file ? Json(*header.backing_file) : Json()},
            {"backing_format", header.backing_format ? Json(*header.backing_format) : Json()}};
}

}  // namespace

std::string tool_version() {
    return IMGFORGE_VERSION;
}

Generation write_records(const fs::path& scratch, const Candidate& candidate, Generation record) {
    Folder folder(scratch);
    const GuestContents& contents = candidate.contents;
    folder.add("packages.json", pretty(packages_record(contents)));
    const SbomSubject subject{.image = record.image,
                              .generation = record.generation,
                              .disk_sha256 = record.sha256,
                              .package_format = contents.package_format,
                              .distribution = contents.distribution,
                              .release = contents.release,
                              .created = iso_time(record.created),
                              .tool_version = tool_version()};
    folder.add("sbom.spdx.json", pretty(sbom(subject, contents.packages)));
    folder.add("sbom.cdx.json", pretty(cyclonedx(subject, contents.packages)));
    folder.add("audit.json",
               candidate.audit
                   ? read_file(*candidate.audit)
                   : pretty(Json{{"clean", nullptr},
                                 {"reason", candidate.origin.is_null() ? "the recipe has no audit stage"
                                                                       : "imported without an audit"}}));
    if (contents.files) {
        folder.add("files.json.gz", gzip(files_to_text(read_files(*contents.files))));
    }
    Json own = to_json(record);
    own.erase("manifest_sha256");
    own.erase("state");  // changes during its life; the manifest does not
    own["image"] = record.image;
    Json tools = candidate.tools;
    tools["imgforge"] = tool_version();
    Json manifest = {{"format", manifest_format},
                     {"image", record.image},
                     {"generation", record.generation},
                     {"created", iso_time(record.created)},
                     {"recipe", candidate.recipe},
                     {"inputs", candidate.inputs},
                     {"stages", candidate.stages},
                     {"tools", tools},
                     {"disk", disk_record(scratch / "disk.qcow2", record)},
                     {"files", folder.digests()},
                     {"policy", candidate.policy},
                     {"store", own}};
    if (!candidate.origin.is_null()) {
        manifest["origin"] = candidate.origin;
    }
    const std::string text = pretty(manifest);
    write_file_atomically(scratch / "manifest.json", text);
    record.manifest_sha256 = sha256_hex(text);
    if (!candidate.signing_key.empty()) {
        const SigningKey key = SigningKey::load_or_create(candidate.signing_key);
        write_file_atomically(scratch / attestation_name,
                              pretty(signed_envelope(provenance(manifest, record.manifest_sha256), key)));
    }
    return record;
}

}  // namespace imgforge::store
