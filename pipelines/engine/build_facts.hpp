// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"

/// What stages of a build tell later ones, and the records. One struct per subject; a stage fills its own and
/// never reads a text key that another one wrote.
namespace imgforge::engine {

/// The installer ISO, or the downloaded disk, that the image comes from.
struct MediumFacts {
    std::string sha256;         ///< measured, 64 hexadecimal digits
    std::string verified_by{};  ///< "sha256", "checksums", "signature of FINGERPRINT"; empty: by nothing
    bool operator==(const MediumFacts&) const = default;
};

/// What the installation put on the disk.
struct InstallFacts {
    std::string os;       ///< row of templates/
    std::string product;  ///< as the installed system calls itself
    std::string label{};  ///< of the installer ISO
    std::string kernel{};
    std::string boot_loader{};
    double seconds = 0;
    std::string acceleration{};  ///< "kvm", "tcg"
    bool operator==(const InstallFacts&) const = default;
};

/// What all customize stages together put in on purpose: neither sysprep nor the audit takes it for a
/// leftover.
struct CustomizedFacts {
    std::vector<std::string> paths{};
    std::vector<std::string> passwords{};  ///< users whose password was set
    std::vector<std::string> users{};
    std::vector<std::string> sudo{};
    std::string hostname{};  ///< empty: not set
    bool operator==(const CustomizedFacts&) const = default;
};

/// What sysprep left on purpose.
struct SysprepFacts {
    std::string machine_id = "empty";  ///< state of /etc/machine-id, as in the option
    std::vector<std::string> keep{};
    std::vector<std::string> keep_passwords{};
    std::size_t changes = 0;
    bool operator==(const SysprepFacts&) const = default;
};

struct AuditFacts {
    std::size_t waived = 0;  ///< findings that the recipe accepts
    bool operator==(const AuditFacts&) const = default;
};

struct CompactFacts {
    std::uint64_t before = 0;                      ///< bytes allocated
    std::map<std::string, std::uint64_t> after{};  ///< bytes allocated by format: "qcow2", "raw"
    ByteSize virtual_size{};
    bool operator==(const CompactFacts&) const = default;
};

/// The generation that holds the build's content.
struct PublishedFacts {
    std::string image;
    int generation = 0;
    bool published = false;  ///< false: an earlier generation has the same content
    bool candidate = false;  ///< becomes current when the build ends well
    std::string reason{};
    std::filesystem::path disk{};
    std::string sha256{};
    ByteSize virtual_size{};
    ByteSize allocated_size{};
    std::string recipe_base{};  ///< what a refresh has in common with the build it renews
    bool operator==(const PublishedFacts&) const = default;
};

/// Clones that were started from the generation.
struct ProofFacts {
    std::vector<std::string> clones{};
    std::vector<std::string> compared{};  ///< identities that differed as they must
    bool operator==(const ProofFacts&) const = default;
};

/// One check of a `verify` stage and how it went.
struct CheckFacts {
    std::string name;  ///< "service nginx is active"
    bool ok = false;
    double seconds = 0;
    std::string output{};  ///< redacted, its end when it was long
    bool operator==(const CheckFacts&) const = default;
};

/// All checks of the `verify` stages so far, in their order.
struct VerifyFacts {
    std::vector<CheckFacts> checks{};
    bool operator==(const VerifyFacts&) const = default;
};

/// A file that was written for another place, outside of the cache and the store.
struct ExportedFile {
    std::filesystem::path path;
    std::string format;  ///< "ova", "qcow2" …
    std::string sha256;
    std::uint64_t size = 0;
    bool operator==(const ExportedFile&) const = default;
};

/// All of them; absent is what no stage has said yet.
struct BuildFacts {
    std::optional<MediumFacts> medium{};
    std::optional<InstallFacts> install{};
    std::optional<CustomizedFacts> customized{};
    std::optional<SysprepFacts> sysprep{};
    std::optional<AuditFacts> audit{};
    std::optional<CompactFacts> compact{};
    std::optional<PublishedFacts> published{};
    std::optional<ProofFacts> proof{};
    std::optional<VerifyFacts> verify{};
    /// Files outside of the store that a layer stands on: of an `overlay: {base: …}`, whose chain was
    /// accepted.
    std::vector<std::filesystem::path> stated_images{};
    std::vector<ExportedFile> exports{};

    /// What a later stage says replaces what an earlier one said of the same subject.
    void update(const BuildFacts& later);
    bool operator==(const BuildFacts&) const = default;
};

/// For a layer's result.json.
Json to_json(const BuildFacts& facts);

/// The reverse. Unknown keys are ignored; a layer that an older imgforge wrote is read too. Throws
/// Json::exception for values of another type.
BuildFacts build_facts(const Json& record);

/// The keys `generation` and `image` of the build record; null when nothing was published.
Json generation_json(const BuildFacts& facts);
Json image_json(const BuildFacts& facts);
/// The key `verify`: {checks: [{name, ok, seconds, output}]}.
Json verify_json(const VerifyFacts& facts);
VerifyFacts verify_facts(const Json& record);
/// The key `files`: [{path, format, sha256, size}], empty when nothing was exported.
Json exports_json(const BuildFacts& facts);

}  // namespace imgforge::engine
