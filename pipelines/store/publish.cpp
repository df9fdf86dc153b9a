// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/publish.hpp"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/image/backing_chain.hpp"
#include "pipelines/store/delta.hpp"
#include "pipelines/store/files.hpp"
#include "pipelines/store/manifest.hpp"

namespace fs = std::filesystem;
namespace qemu_img = imgforge::image::qemu_img;

namespace imgforge::store {
namespace {

using image::DiskFormat;

/// What was decided about one publication, and the means for it.
struct Work {
    Store& store;
    ProcessRunner& processes;
    const Candidate& candidate;
    Activity& activity;
    Store::Scratch& scratch;
    std::vector<image::ChainLink> chain;  ///< of the candidate's disk, top first
    std::string content;
    std::optional<Generation> parent{};
    std::string how{};
    bool copied = false;  ///< the target is the candidate's file, byte by byte

    fs::path target() const { return scratch.folder / "disk.qcow2"; }
};

/// Fingerprint of the stage that installed the system: with another one no block of the disk lies where it
/// was.
std::string install_fingerprint(const Json& stages) {
    for (const Json& stage : stages) {
        if (stage.value("type", std::string()) == "install") {
            return stage.value("fingerprint", std::string());
        }
    }
    return {};
}

/// The generation that already has this content, if publishing again would say nothing new.
std::optional<PublishResult> already_there(const Store& store, const Candidate& candidate,
                                           const std::string& content) {
    if (content.empty()) {
        return std::nullopt;
    }
    const auto current = store.current(candidate.image);
    const std::vector<Generation> all = store.generations(candidate.image);
    for (auto other = all.rbegin(); other != all.rend(); ++other) {
        const bool newer = !current || other->generation >= current->generation;
        if (!newer || other->content != content || !store.is_usable(*other)) {
            continue;
        }
        const char* const text = other->state == GenerationState::current
                                     ? "packages and files are those of {}, the current generation"
                                 : other->state == GenerationState::candidate
                                     ? "{} of an interrupted build has the same packages and files"
                                     : "packages and files are those of {}, which was rolled back";
        return PublishResult{.published = false,
                             .generation = *other,
                             .reason = fmt::format(fmt::runtime(text), other->label())};
    }
    return std::nullopt;
}

/// Chooses the parent and holds it, in one locked step, so that nobody deletes it meanwhile.
void hold_parent(Work& work) {
    const std::string& image = work.candidate.image;
    const FileLock held = work.store.lock(image, "choose a parent");
    std::vector<Generation> usable;
    for (Generation& generation : work.store.generations(image)) {
        if (generation.virtual_size == work.chain.front().virtual_size &&
            work.store.damage(generation).empty()) {
            usable.push_back(std::move(generation));
        }
    }
    const std::optional<int> number = choose_parent(usable, work.candidate.max_depth);
    if (!number) {
        return;
    }
    const Generation parent = *work.store.find(image, *number);
    const Json manifest = parent.manifest();
    const std::string before = install_fingerprint(manifest.value("stages", Json::array()));
    if (before != install_fingerprint(work.candidate.stages)) {
        return;
    }
    work.store.add_reference(image, *number, {Holder::Kind::build, work.scratch.name});
    work.parent = parent;
}

std::uint64_t standalone_size(const Work& work) {
    if (work.chain.size() == 1) {
        return allocated_size(work.candidate.disk);
    }
    std::uint64_t sum = 0;
    for (const image::ChainLink& link : work.chain) {
        sum += allocated_size(link.file);
    }
    return sum;
}

/// True when the difference was worth keeping.
bool write_as_difference(Work& work) {
    const Generation& parent = *work.parent;
    work.activity.detail(fmt::format("difference to {}", parent.label()));
    write_delta(work.processes,
                {.disk = work.candidate.disk,
                 .parent = parent.disk(),
                 .parent_name = fmt::format("../{}/disk.qcow2", parent.generation),
                 .target = work.target(),
                 .compression = work.candidate.compression},
                [&](double percent) { work.activity.progress(percent, 100); });
    const std::uint64_t size = allocated_size(work.target());
    const std::uint64_t whole = std::max<std::uint64_t>(standalone_size(work), 1);
    if (size * 2 > whole) {
        fs::remove(work.target());
        return false;
    }
    work.how = fmt::format("stored as difference to {} ({} in place of {})", parent.label(),
                           ByteSize::bytes(size).text(), ByteSize::bytes(whole).text());
    return true;
}

void write_whole(Work& work) {
    work.activity.detail("whole disk");
    const image::Qcow2Header& header = *work.chain.front().header;
    const bool plain = work.chain.size() == 1 && header.snapshot_count == 0 && header.bitmap_count == 0;
    work.copied = plain && (work.candidate.take_disk || !work.candidate.disk_sha256.empty());
    if (plain && work.candidate.take_disk) {
        fs::rename(work.candidate.disk, work.target());
    } else if (plain) {
        copy_file_fast(work.candidate.disk, work.target());
    } else {
        qemu_img::run_convert(
            work.processes,
            {.from = work.candidate.disk, .to = work.target(), .compression = work.candidate.compression},
            [&](double percent) { work.activity.progress(percent, 100); });
    }
    work.parent.reset();
    work.how = "stored in full";
}

Generation describe_disk(Work& work) {
    sync_file(work.target());
    Generation record;
    record.image = work.candidate.image;
    record.content = work.content;
    record.created = work.store.clock().wall_seconds();
    record.virtual_size = image::virtual_size(work.target(), DiskFormat::qcow2);
    record.parent = work.parent ? std::optional(work.parent->generation) : std::nullopt;
    record.depth = work.parent ? work.parent->depth + 1 : 0;
    const auto size = static_cast<double>(fs::file_size(work.target()));
    record.sha256 = sha256_file(work.target(), [&](std::uint64_t done) {
        interrupt::check();
        work.activity.progress(static_cast<double>(done), size, "bytes", "digest");
    });
    record.allocated_size = ByteSize::bytes(allocated_size(work.target()));
    return record;
}

/// A file that was moved is itself; one that was copied and whose digest is known needs no second reading.
void compare_with_candidate(Work& work, const Generation& written) {
    const std::string& known = work.candidate.disk_sha256;
    if (!work.copied) {
        work.activity.detail("comparing");
        require_same_content(work.processes, work.candidate.disk, work.target());
    } else if (!known.empty() && written.sha256 != known) {
        throw Error(Failure::integrity,
                    fmt::format("the copy of {} has the SHA-256 {}, expected {}",
                                work.candidate.disk.string(), written.sha256, known),
                    "the file was changed meanwhile; run the command again");
    }
}

PublishResult write_generation(Work& work) {
    hold_parent(work);
    if (!work.parent || !write_as_difference(work)) {
        write_whole(work);
    }
    const Generation disk = describe_disk(work);
    compare_with_candidate(work, disk);
    PublishResult result{.published = true, .generation = {}, .reason = work.how};
    result.generation = work.store.adopt(work.candidate.image, work.scratch, [&](int number) {
        Generation record = disk;
        record.generation = number;
        record.folder = work.store.image_folder(record.image) / std::to_string(number);
        return write_records(work.scratch.folder, work.candidate, std::move(record));
    });
    return result;
}

}  // namespace

std::string content_digest(const GuestContents& contents, ByteSize virtual_size) {
    if (!contents.known()) {
        return {};
    }
    Hasher hasher;
    hasher.add(fmt::format("size {}\n", virtual_size.in_bytes()));
    for (const Json& package : packages_to_json(contents.packages)) {
        hasher.add(canonical(Json{package["name"], package["version"], package["architecture"]})).add("\n");
    }
    if (contents.files) {
        std::vector<FileRecord> files = read_files(*contents.files);
        std::sort(files.begin(), files.end(),
                  [](const FileRecord& a, const FileRecord& b) { return a.path < b.path; });
        for (const FileRecord& file : files) {
            if (!is_volatile(file.path)) {
                // Sizes of directories depend on the history of the file system, not on what is in it.
                const std::uint64_t size = file.type == 'f' || file.type == 'l' ? file.size : 0;
                hasher.add(fmt::format("{}\n{} {:o} {} {} {} {} {}\n", file.path, file.type, file.mode,
                                       file.uid, file.gid, size, file.digest, file.target));
            }
        }
    }
    return hasher.hex();
}

PublishResult publish(Store& store, ProcessRunner& processes, const Candidate& candidate, Monitor& monitor,
                      std::uint64_t parent_activity) {
    if (!is_image_name(candidate.image)) {
        throw Error(Failure::recipe, fmt::format("invalid image name '{}'", candidate.image),
                    "use a-z, 0-9, '.', '_' and '-', at most 64, with a letter or digit first");
    }
    std::vector<image::ChainLink> chain =
        image::read_backing_chain(candidate.disk, DiskFormat::qcow2, candidate.references);
    const std::string content = content_digest(candidate.contents, chain.front().virtual_size);
    if (auto same = already_there(store, candidate, content)) {
        return *same;
    }
    Activity activity(monitor, "publish " + candidate.image, parent_activity);
    Store::Scratch scratch = store.make_scratch(candidate.image);
    try {
        Work work{.store = store,
                  .processes = processes,
                  .candidate = candidate,
                  .activity = activity,
                  .scratch = scratch,
                  .chain = std::move(chain),
                  .content = content};
        PublishResult result = write_generation(work);
        activity.finish();
        return result;
    } catch (...) {
        const interrupt::Shield shield;
        try {
            store.drop_scratch(candidate.image, scratch);
        } catch (const Error&) {
            // A file system that is full to the last byte; the next command removes it.
        }
        throw;
    }
}

}  // namespace imgforge::store
