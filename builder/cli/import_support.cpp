// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/import_support.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/base/signing_place.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/fetch/download.hpp"
#include "pipelines/fetch/remote_size.hpp"
#include "templates/distribution.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

std::string known_system(const std::string& os) {
    const std::vector<std::string> names = templates::distribution_names();
    if (!os.empty() && std::find(names.begin(), names.end(), os) == names.end()) {
        throw Error(Failure::usage, fmt::format("unknown distribution '{}'{}", os, did_you_mean(os, names)),
                    fmt::format("known: {}; leave --os out for any other system", fmt::join(names, ", ")));
    }
    return os;
}

std::string known_arch(const std::string& arch) {
    static const std::vector<std::string> names = {"amd64",   "x86_64",  "arm64", "aarch64", "armhf",
                                                   "ppc64el", "ppc64le", "s390x", "riscv64", "i386"};
    if (!arch.empty() && std::find(names.begin(), names.end(), arch) == names.end()) {
        throw Error(Failure::usage,
                    fmt::format("unknown architecture '{}'{}", arch, did_you_mean(arch, names)),
                    fmt::format("known: {}", fmt::join(names, ", ")));
    }
    return arch;
}

std::string proof_of(const exchange::ImageSource& source) {
    if (!source.medium.keyring.empty()) {
        return "verified by a signature";
    }
    return source.medium.checksums.empty() && !source.medium.sha256 ? "not verified"
                                                                    : "verified by a checksum";
}

void announce(const CommandContext& context, const exchange::ImageSource& source) {
    const std::string& location = source.medium.location;
    const auto size = fetch::source_size(location);
    context.monitor->message(fmt::format("{}: importing {} ({}), {}", source.name,
                                         fetch::without_credentials(location),
                                         size ? size->text() : "of unknown size", proof_of(source)));
}

/// NAME@GEN for an image that came in now.
std::string fetched(CommandContext& context, const exchange::ImageSource& source) {
    const exchange::ImportResult result = import_source(context, source);
    context.monitor->message(fmt::format("{}: {}", result.generation.label(), result.reason));
    return result.generation.label();
}

}  // namespace

Option source_format_option() {
    return {.names = {"--format"},
            .value = "FORMAT",
            .help = "format of the disk, if the file name does not say it",
            .choices = {"qcow2", "raw", "vmdk", "vhdx", "vdi"},
            .completes = Completes::choice};
}

std::vector<Option> source_options() {
    return {
        {.names = {"--os"},
         .value = "ID",
         .help = "operating system in it, such as debian12 (default: derived from the name)"},
        {.names = {"--arch"}, .value = "ARCH", .help = "architecture: amd64, arm64 … (default: this host's)"},
        source_format_option(),
        {.names = {"--sha256"}, .value = "DIGEST", .help = "SHA-256 of the file; any other file is refused"},
    };
}

std::vector<Option> proof_options() {
    return {
        {.names = {"--checksums"},
         .value = "URL",
         .help = "file that lists the digest (SHA256SUMS, SHA512SUMS, CHECKSUM), URL or path",
         .completes = Completes::file},
        {.names = {"--signature"},
         .value = "URL",
         .help = "detached signature of the checksums file, or of the image without one",
         .completes = Completes::file},
        {.names = {"--keyring"},
         .value = "FILE",
         .help = "OpenPGP keyring with the only keys that count",
         .completes = Completes::file},
        {.names = {"--fingerprint"}, .value = "F", .help = "the only key of the keyring that counts"},
    };
}

exchange::SourceRequest source_request(const Arguments& arguments, const std::string& source) {
    exchange::SourceRequest request{.source = source};
    request.os = known_system(arguments.get_or("os", ""));
    request.arch = known_arch(arguments.get_or("arch", ""));
    if (const auto format = arguments.get("format")) {
        request.format = image::parse_disk_format(*format);
    }
    request.sha256 = arguments.get("sha256");
    if (request.sha256 && (request.sha256->size() != 64 ||
                           !std::all_of(request.sha256->begin(), request.sha256->end(),
                                        [](unsigned char c) { return std::isxdigit(c) != 0; }))) {
        throw Error(Failure::usage, fmt::format("--sha256 '{}' is not a SHA-256 digest", *request.sha256),
                    "it has 64 hexadecimal digits; `sha256sum FILE` prints it");
    }
    request.checksums = arguments.get_or("checksums", "");
    request.signature = arguments.get_or("signature", "");
    request.keyring = arguments.get_or("keyring", "");
    request.fingerprint = arguments.get_or("fingerprint", "");
    return request;
}

catalog::Catalog open_catalog() {
    return catalog::Catalog::load(catalog::catalog_folders());
}

exchange::ImportResult import_source(CommandContext& context, const exchange::ImageSource& source,
                                     const exchange::CleanDisk& clean) {
    announce(context, source);
    OpenStore open(context);
    return exchange::import_image(source,
                                  {.store = open.store,
                                   .processes = *context.processes,
                                   .monitor = *context.monitor,
                                   .signing_key = signing_key_file(context.settings, context.places)},
                                  clean);
}

std::string pulled_image(CommandContext& context, const Arguments& arguments, const std::string& text,
                         const std::string& pull, const std::function<void()>& before_fetch) {
    std::error_code code;
    const bool location = exchange::looks_like_location(text);
    if (!location) {
        // An image of the store goes before a row of the catalogue and before a file of the same name.
        const store::ImageSpec spec = store::parse_image_spec(text);
        const OpenStore open(context);
        const bool stored = !open.store.generations(spec.name).empty();
        if (spec.generation || pull == "never" || (stored && pull == "missing")) {
            return text;
        }
        const bool known = open_catalog().find(spec.name, arguments.get_or("arch", "")).has_value();
        if (!known && !fs::is_regular_file(text, code)) {
            return text;  // the store's own error names what can be done
        }
    }
    const exchange::ImageSource source =
        exchange::resolve_source(source_request(arguments, text), open_catalog());
    if (pull != "always") {
        const OpenStore open(context);
        if (const auto before = exchange::imported_before(open.store, source)) {
            return before->label();
        }
    }
    if (pull == "never" && source.kind != exchange::ImageSource::Kind::file) {
        throw Error(Failure::usage,
                    fmt::format("{} is not in the store and --pull never forbids to fetch it", text),
                    fmt::format("imgforge images import {}", text));
    }
    before_fetch();
    return fetched(context, source);
}

}  // namespace imgforge::cli
