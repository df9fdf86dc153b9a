// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/pull.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/digest.hpp"
#include "builder/base/dsse.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/store/publish.hpp"
#include "pipelines/targets/registry_folder.hpp"
#include "pipelines/targets/s3.hpp"
#include "pipelines/targets/seen.hpp"
#include "pipelines/targets/window_cache.hpp"
#include "pipelines/targets/windows.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

constexpr std::uint64_t follow_index_limit = 64U << 20U;

DiskManifest read_manifest(FolderReader& reader, const std::string& digest) {
    const std::string name = manifest_path(digest);
    const ReadAnswer answer = reader.read(name, follow_index_limit);
    const std::string source = fmt::format("{}/{}", redact(reader.location()), name);
    if (answer.outcome != ReadAnswer::Outcome::found) {
        throw Error(Failure::integrity, fmt::format("{} is missing", source), "push the generation again");
    }
    if (sha256_hex(answer.bytes) != digest) {
        throw Error(Failure::integrity, fmt::format("{} has another digest than its name", source),
                    "it was changed or damaged; nothing was imported");
    }
    return parse_manifest(answer.bytes, source);
}

std::optional<store::Generation> here_already(const store::Store& store, const std::string& image,
                                              const std::string& manifest) {
    for (const store::Generation& generation : store.generations(image)) {
        const Json origin = generation.manifest().value("origin", Json::object());
        if (store.is_usable(generation) && origin.value("sha256", std::string()) == manifest) {
            return generation;
        }
    }
    return std::nullopt;
}

/// One pull from the manifest to the generation.
class Pull {
public:
    Pull(const PullSource& source, FolderReader& reader, const AcceptedIndex& accepted, DiskManifest manifest,
         std::string digest, const PullServices& services)
        : source_(source),
          reader_(reader),
          accepted_(accepted),
          manifest_(std::move(manifest)),
          digest_(std::move(digest)),
          services_(services),
          activity_(services.monitor, fmt::format("pull {}", manifest_.image)),
          work_(services.store, manifest_.image),
          cache_(services.store.places().cache() / "windows") {}

    PullResult run() {
        result_.remote_generation = manifest_.generation;
        result_.windows = manifest_.windows.size();
        const fs::path raw = work_ / "disk.raw";
        {
            const Fd fd = open_fd(raw, O_RDWR | O_CREAT | O_EXCL, 0600);
            if (::ftruncate(fd.get(), static_cast<off_t>(manifest_.virtual_size.in_bytes())) != 0) {
                throw system_error("write", raw.string(), errno);
            }
            const std::vector<const Window*> missing = take_local(fd.get());
            fetch(missing, fd.get());
        }
        const fs::path disk = work_ / "disk.qcow2";
        activity_.detail("writing the disk");
        image::qemu_img::run_convert(services_.processes,
                                     {.from = raw, .from_format = image::DiskFormat::raw, .to = disk},
                                     [&](double percent) { activity_.progress(percent, 100); });
        fs::remove(raw);
        read_back(disk);
        publish(disk);
        cache_.forget(manifest_.windows);
        activity_.finish();
        return result_;
    }

private:
    void put(int fd, const Window& window, std::string_view bytes) const {
        std::uint64_t at = window.number * window_size;
        while (!bytes.empty()) {
            const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
            if (written < 0 && errno != EINTR) {
                throw system_error("write", "the pulled disk", errno);
            }
            const std::size_t done = written > 0 ? static_cast<std::size_t>(written) : 0;
            bytes.remove_prefix(done);
            at += done;
        }
    }

    /// Copies what the newest local generation has and returns what is still missing.
    std::vector<const Window*> take_local(int fd) {
        std::vector<const Window*> missing;
        const auto current = services_.store.current(manifest_.image);
        if (!current) {
            std::transform(manifest_.windows.begin(), manifest_.windows.end(), std::back_inserter(missing),
                           [](const Window& window) { return &window; });
            return missing;
        }
        activity_.detail(fmt::format("looking for windows in {}", current->label()));
        services_.store.add_reference(current->image, current->generation, work_.holder());
        const WindowedDisk local(services_.processes, current->disk(), work_.folder());
        std::map<std::string, std::uint64_t> known;
        for (const Window& window : hashed_windows(local, activity_)) {
            known.emplace(window.sha256, window.number);
        }
        for (const Window& window : manifest_.windows) {
            const auto found = known.find(window.sha256);
            const std::string bytes = found == known.end() ? std::string() : local.read(found->second);
            if (!bytes.empty() && sha256_hex(bytes) == window.sha256) {
                put(fd, window, bytes);
            } else {
                missing.push_back(&window);
            }
        }
        return missing;
    }

    void fetch(const std::vector<const Window*>& missing, int fd) {
        constexpr std::size_t connections = 8;
        std::vector<std::unique_ptr<FolderReader>> readers;
        for (std::size_t i = 0; i < std::min(connections, missing.size()); ++i) {
            readers.push_back(reader_.again());
        }
        std::mutex mutex;
        std::size_t done = 0;
        in_parallel(readers.size(), missing.size(), [&](std::size_t worker, std::size_t i) {
            const Window& window = *missing[i];
            const WindowCache::Found found = cache_.get(window, *readers[worker]);
            put(fd, window, found.bytes);
            const std::lock_guard lock(mutex);
            result_.fetched += found.fetched == 0 ? 0 : 1;
            result_.bytes += found.fetched;
            activity_.progress(static_cast<double>(++done), static_cast<double>(missing.size()), "items",
                               "fetching windows");
        });
    }

    /// The disk that will be published, read as a machine would read it.
    void read_back(const fs::path& disk) {
        activity_.detail("reading it back");
        std::vector<Window> written =
            hashed_windows(WindowedDisk(services_.processes, disk, work_.folder()), activity_);
        const bool same = std::equal(
            written.begin(), written.end(), manifest_.windows.begin(), manifest_.windows.end(),
            [](const Window& a, const Window& b) { return a.number == b.number && a.sha256 == b.sha256; });
        if (!same) {
            throw Error(
                Failure::integrity,
                fmt::format("the disk that was pulled reads differently from the manifest {}", digest_),
                "the manifest contradicts itself, or this host's disk is damaged; nothing was published");
        }
    }

    void publish(const fs::path& disk) {
        store::Candidate candidate;
        candidate.image = manifest_.image;
        candidate.disk = disk;
        candidate.take_disk = true;
        candidate.references.allow_backing = false;
        candidate.signing_key = services_.signing_key;
        const Json& records = manifest_.records;
        candidate.recipe = records.value("recipe", Json::object());
        // The recipe's file is on another host: a refresh here must not look for it.
        candidate.recipe.erase("file");
        candidate.stages = records.value("stages", Json::array());
        candidate.inputs = records.value("inputs", Json::array());
        candidate.policy = records.value("policy", Json::object());
        const Json packages = records.value("packages", Json::object());
        if (packages.value("known", false)) {
            candidate.contents.package_format = packages.value("format", std::string());
            candidate.contents.distribution = packages.value("distribution", std::string());
            candidate.contents.release = packages.value("release", std::string());
            candidate.contents.packages = store::packages_from_json(packages.value("packages", Json::array()),
                                                                    "the pulled packages.json");
        }
        if (records.contains("audit")) {
            candidate.audit = work_ / "audit.json";
            write_file_atomically(*candidate.audit, pretty(records["audit"]));
        }
        candidate.origin = {{"source", redact(source_.location)},
                            {"sha256", digest_},
                            {"verified", accepted_.signed_by_key ? "signature" : "checksum"},
                            {"generation", manifest_.generation}};
        const store::PublishResult published = store::publish(services_.store, services_.processes, candidate,
                                                              services_.monitor, activity_.id());
        result_.published = published.published;
        result_.generation = services_.store.promote(manifest_.image, published.generation.generation);
    }

    const PullSource& source_;
    FolderReader& reader_;
    const AcceptedIndex& accepted_;
    DiskManifest manifest_;
    std::string digest_;
    const PullServices& services_;
    Activity activity_;
    exchange::Workspace work_;
    WindowCache cache_;
    PullResult result_;
};

const IndexEntry& wanted_entry(const FolderIndex& index, const std::string& image,
                               std::optional<int> generation, const std::string& location) {
    const auto found = index.images.find(image);
    if (found == index.images.end()) {
        std::vector<std::string> names;
        for (const auto& [name, unused] : index.images) {
            names.push_back(name);
        }
        throw Error(
            Failure::usage,
            fmt::format("{} has no image '{}'{}", redact(location), image, did_you_mean(image, names)),
            fmt::format("it has: {}", fmt::join(names, ", ")));
    }
    const auto number = generation ? generation : found->second.current;
    for (const IndexEntry& entry : found->second.generations) {
        if (number == entry.generation) {
            return entry;
        }
    }
    throw Error(Failure::usage,
                number ? fmt::format("{} has no generation {} of {}", redact(location), *number, image)
                       : fmt::format("{} of {} has no current generation", image, redact(location)));
}

}  // namespace

std::unique_ptr<FolderReader> open_source(const PullSource& source) {
    if (source.setting.kind == "oci") {
        return open_registry_reader(source.location);
    }
    return source.setting.kind == "s3" ? open_s3_reader(s3_place(source.setting))
                                       : open_folder(source.location);
}

AcceptedIndex accept_index(const PullSource& source, FolderReader& reader, const PullServices& services,
                           bool only_if_changed) {
    SeenIndexes seen(services.store.database());
    const std::string known = only_if_changed ? seen.find(source.location).entity_tag : std::string();
    const ReadAnswer answer = reader.read("index.json", follow_index_limit, known);
    const std::string name = redact(reader.location()) + "/index.json";
    AcceptedIndex accepted{.entity_tag = answer.entity_tag};
    if (answer.outcome == ReadAnswer::Outcome::unchanged) {
        accepted.unchanged = true;
        return accepted;
    }
    if (answer.outcome == ReadAnswer::Outcome::missing) {
        throw Error(Failure::usage, fmt::format("{} does not exist", name),
                    source.setting.kind == "oci"
                        ? fmt::format("for a containerDisk: imgforge images import oci://{}", source.location)
                        : "`imgforge images push NAME DIRECTORY` makes such a directory");
    }
    const Json value = parse_json(answer.bytes, name);
    std::string payload = answer.bytes;
    if (!source.key.empty()) {
        payload = open_envelope(value, index_type, source.key, name);
        accepted.signed_by_key = true;
    } else if (is_envelope(value)) {
        payload = unverified_payload(value, name);
        services.monitor.warning(
            fmt::format("{} is signed, but no key is set to verify it by (--key)", name));
    }
    accepted.index = parse_index(payload, name);
    accepted.digest = sha256_hex(payload);
    const std::int64_t now = services.store.clock().wall_seconds();
    if (accepted.index.expires < now) {
        throw Error(Failure::integrity, fmt::format("{} expired {}", name, iso_time(accepted.index.expires)),
                    "its owner pushes or promotes to renew it; a mirror may have stopped to follow");
    }
    seen.require_not_older(source.location, accepted.index.serial, accepted.digest);
    seen.put(source.location, {.serial = accepted.index.serial, .digest = accepted.digest, .entity_tag = {}});
    return accepted;
}

void mark_up_to_date(const PullSource& source, const AcceptedIndex& accepted, const PullServices& services) {
    SeenIndexes(services.store.database())
        .put(source.location,
             {.serial = accepted.index.serial, .digest = accepted.digest, .entity_tag = accepted.entity_tag});
}

DiskManifest accepted_manifest(const PullSource& source, FolderReader& reader, const AcceptedIndex& accepted,
                               const std::string& image, std::optional<int> generation) {
    const IndexEntry entry = wanted_entry(accepted.index, image, generation, source.location);
    DiskManifest manifest = read_manifest(reader, entry.manifest);
    if (manifest.image != image || manifest.generation != entry.generation) {
        throw Error(Failure::integrity, fmt::format("the manifest of {}@{} is that of {}@{}", image,
                                                    entry.generation, manifest.image, manifest.generation));
    }
    return manifest;
}

PullResult pull_generation(const PullSource& source, FolderReader& reader, const AcceptedIndex& accepted,
                           const std::string& image, std::optional<int> generation,
                           const PullServices& services) {
    const auto started = std::chrono::steady_clock::now();
    const IndexEntry entry = wanted_entry(accepted.index, image, generation, source.location);
    PullResult result;
    if (const auto here = here_already(services.store, image, entry.manifest)) {
        result.generation = here->state == store::GenerationState::current
                                ? *here
                                : services.store.promote(image, here->generation);
        result.remote_generation = entry.generation;
    } else {
        DiskManifest manifest = accepted_manifest(source, reader, accepted, image, entry.generation);
        result = Pull(source, reader, accepted, std::move(manifest), entry.manifest, services).run();
    }
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    return result;
}

}  // namespace imgforge::targets
