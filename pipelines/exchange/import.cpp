// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/exchange/import.hpp"

#include <chrono>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/image_lock.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/exchange/container_source.hpp"
#include "pipelines/exchange/foreign_disk.hpp"
#include "pipelines/exchange/unpack.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/store/publish.hpp"

namespace fs = std::filesystem;
namespace qemu_img = imgforge::image::qemu_img;

namespace imgforge::exchange {
namespace {

using image::DiskFormat;

std::string verified_word(const std::string& verified_by) {
    return verified_by.empty() ? "none" : verified_by.starts_with("signature") ? "signature" : "checksum";
}

/// Generations that new machines could get: the current one and what is newer, newest first.
std::vector<store::Generation> in_service(const store::Store& store, const std::string& image) {
    const auto current = store.current(image);
    std::vector<store::Generation> found;
    for (store::Generation& generation : store.generations(image)) {
        const bool newer = !current || generation.generation >= current->generation;
        if (newer && store.is_usable(generation)) {
            found.insert(found.begin(), std::move(generation));
        }
    }
    return found;
}

Json origin_of(const store::Generation& generation) {
    try {
        return generation.manifest().value("origin", Json::object());
    } catch (const Error&) {
        return Json::object();  // `images verify` tells of a damaged manifest
    }
}

/// One import from the fetched file to the generation.
class Import {
public:
    Import(const ImageSource& source, const ImportServices& services, const CleanDisk& clean)
        : source_(source),
          services_(services),
          clean_(clean),
          activity_(services.monitor, "import " + source.name) {}

    ImportResult run() {
        const auto started = std::chrono::steady_clock::now();
        fetch();
        ImportResult result = same_origin().value_or(ImportResult{});
        if (result.generation.generation == 0) {
            result = take_in();
        }
        result.origin = origin_;
        forget_download();
        activity_.finish();
        result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
        return result;
    }

private:
    void fetch() {
        if (source_.kind == ImageSource::Kind::registry) {
            find_container();
            return;
        }
        if (source_.kind == ImageSource::Kind::file && !fs::is_regular_file(source_.medium.location)) {
            throw Error(Failure::recipe, fmt::format("{} is not a file", source_.medium.location),
                        "name a disk image, a URL, or a name that `imgforge catalog` lists");
        }
        activity_.detail("fetching");
        const fetch::FetchServices given{.places = services_.store.places(),
                                         .processes = &services_.processes,
                                         .monitor = &services_.monitor,
                                         .activity = activity_.id(),
                                         .download = services_.download};
        medium_ = fetch::fetch_medium(source_.medium, given);
        origin_ = {{"source", fetch::without_credentials(source_.medium.location)},
                   {"sha256", medium_.sha256},
                   {"verified", verified_word(medium_.verified_by)}};
    }

    /// Only the manifest: its digest says whether the image is here already.
    void find_container() {
        container_.emplace(source_.medium.location, source_.arch);
        medium_.sha256 = container_->digest();
        const bool stated = source_.medium.sha256.has_value();
        if (stated && *source_.medium.sha256 != medium_.sha256) {
            throw Error(Failure::integrity,
                        fmt::format("the manifest has the SHA-256 {}, expected {}", medium_.sha256,
                                    *source_.medium.sha256),
                        "the tag names another image now; nothing was imported");
        }
        medium_.verified_by = stated ? "sha256" : "";
        origin_ = {{"source", fetch::without_credentials(source_.medium.location)},
                   {"sha256", medium_.sha256},
                   {"verified", verified_word(medium_.verified_by)}};
    }

    /// The same file again, cleaned or not as before: nothing of it needs to be read.
    std::optional<ImportResult> same_origin() const {
        for (const store::Generation& generation : in_service(services_.store, source_.name)) {
            const Json origin = origin_of(generation);
            if (origin.value("sha256", "") == medium_.sha256 &&
                origin.value("cleaned", false) == static_cast<bool>(clean_)) {
                return ImportResult{
                    .generation = generation,
                    .reason = fmt::format("{} was made from the same file", generation.label())};
            }
        }
        return std::nullopt;
    }

    ImportResult take_in() {
        const Workspace work(services_.store, source_.name);
        const fs::path file = unpack(work);
        if (file == medium_.path) {
            image::require_unused(file, false);
        }
        activity_.detail("checking");
        const ForeignDisk disk = check_foreign_disk(services_.processes, file, disk_name_, source_.format);
        store::Candidate candidate = describe(disk);
        place_disk(work, file, disk, candidate);
        if (const auto same = same_content(candidate.disk, disk.virtual_size)) {
            return *same;
        }
        const store::PublishResult published = store::publish(services_.store, services_.processes, candidate,
                                                              services_.monitor, activity_.id());
        return {.generation = services_.store.promote(source_.name, published.generation.generation),
                .published = true,
                .reason = published.reason};
    }

    fs::path unpack(const Workspace& work) {
        if (container_) {
            const auto all = static_cast<double>(container_->size());
            disk_name_ = container_->extract(work.folder(), work / "unpacked", [&](std::uint64_t done) {
                activity_.progress(static_cast<double>(done), all, "bytes", "fetching");
            });
            return work / "unpacked";
        }
        disk_name_ = unpacked_name(source_.file_name);
        if (disk_name_ == source_.file_name) {
            return medium_.path;
        }
        activity_.detail("unpacking");
        const auto size = static_cast<double>(fs::file_size(medium_.path));
        unpack_file(medium_.path, work / "unpacked", [&](std::uint64_t done) {
            activity_.progress(static_cast<double>(done), size, "bytes", "unpacking");
        });
        return work / "unpacked";
    }

    store::Candidate describe(const ForeignDisk& disk) {
        store::Candidate candidate;
        candidate.image = source_.name;
        candidate.recipe = {{"name", source_.name}, {"os", source_.os}, {"arch", source_.arch}};
        candidate.inputs = Json::array({{{"name", container_ ? source_.medium.location : source_.file_name},
                                         {"sha256", medium_.sha256}}});
        origin_["format"] = std::string(to_string(disk.format));
        origin_["verified_by"] = medium_.verified_by;
        origin_["cleaned"] = static_cast<bool>(clean_);
        candidate.origin = origin_;
        candidate.references.allow_backing = false;
        candidate.signing_key = services_.signing_key;
        candidate.max_depth = 0;  // the publisher's image changes as a whole from one release to the next
        return candidate;
    }

    /// The disk that is published: the file itself where it is a plain qcow2, else a private one in `work`.
    void place_disk(const Workspace& work, const fs::path& file, const ForeignDisk& disk,
                    store::Candidate& candidate) {
        if (disk.plain && !clean_) {
            candidate.disk = file;
            // An unpacked file is ours to move; one of the user's is copied and then known by its digest.
            candidate.take_disk = file != medium_.path;
            candidate.disk_sha256 = candidate.take_disk ? std::string() : medium_.sha256;
            return;
        }
        candidate.disk = work / "disk.qcow2";
        candidate.take_disk = true;
        if (disk.plain) {
            copy_file_fast(file, candidate.disk, 0600);
        } else {
            activity_.detail("converting");
            qemu_img::run_convert(services_.processes,
                                  {.from = file, .from_format = disk.format, .to = candidate.disk},
                                  [&](double percent) { activity_.progress(percent, 100); });
        }
        if (clean_) {
            activity_.detail("cleaning");
            candidate.audit = work / "audit.json";
            clean_(candidate.disk, *candidate.audit);
        }
    }

    /// The same disk in another wrapping. The first block that differs ends the comparison.
    std::optional<ImportResult> same_content(const fs::path& disk, ByteSize virtual_size) {
        for (const store::Generation& generation : in_service(services_.store, source_.name)) {
            if (generation.virtual_size != virtual_size) {
                continue;
            }
            activity_.detail(fmt::format("comparing with {}", generation.label()));
            const ProcessResult answer = services_.processes.run(
                qemu_img::compare(disk, DiskFormat::qcow2, generation.disk(), DiskFormat::qcow2));
            if (answer.ok()) {
                return ImportResult{.generation = generation,
                                    .reason = fmt::format("{} has the same content", generation.label())};
            }
        }
        return std::nullopt;
    }

    /// What came in is in the store now; the download would only take space.
    void forget_download() const {
        if (source_.kind != ImageSource::Kind::file && fetch::is_url(source_.medium.location)) {
            std::error_code code;
            fs::remove(medium_.path, code);
        }
    }

    const ImageSource& source_;
    const ImportServices& services_;
    const CleanDisk& clean_;
    Activity activity_;
    fetch::Medium medium_;
    std::optional<ContainerSource> container_{};
    std::string disk_name_{};
    Json origin_;
};

}  // namespace

ImportResult import_image(const ImageSource& source, const ImportServices& services, const CleanDisk& clean) {
    return in_context([&] { return "import of " + fetch::without_credentials(source.medium.location); },
                      [&] { return Import(source, services, clean).run(); });
}

std::optional<store::Generation> imported_before(const store::Store& store, const ImageSource& source) {
    if (source.kind == ImageSource::Kind::file) {
        return std::nullopt;
    }
    for (const store::Generation& generation : in_service(store, source.name)) {
        if (origin_of(generation).value("source", "") == fetch::without_credentials(source.medium.location)) {
            return generation;
        }
    }
    return std::nullopt;
}

}  // namespace imgforge::exchange
