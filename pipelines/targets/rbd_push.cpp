// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/rbd_push.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/disk_view.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/store/image_os.hpp"
#include "pipelines/targets/rbd_generations.hpp"
#include "pipelines/targets/windows.hpp"

namespace imgforge::targets {
namespace {

/// Runs of zeros at least this long are left out of an object: the smallest piece BlueStore gives back.
constexpr std::uint64_t hole_size = 64ULL << 10U;

class RbdPushJob {
public:
    RbdPushJob(store::Store& store, ProcessRunner& processes, Monitor& monitor,
               const store::Generation& generation, ceph::Pool& pool)
        : monitor_(monitor),
          generation_(generation),
          pool_(pool),
          work_(store, generation.image),
          disk_(open_disk(store, processes)) {}

    RbdPush run() {
        Activity activity(monitor_,
                          fmt::format("push {} to {}", generation_.label(), ceph::to_string(pool_.name())));
        activity.detail("reading the disk");
        hash_objects(activity);
        record_.generation = generation_.generation;
        record_.sha256 = generation_.sha256;
        record_.size = disk_.size();
        record_.created = generation_.created;
        record_.os = store::image_os(generation_);
        record_.digest = sha256_hex(to_text(wanted_, disk_.size()));
        result_.digest = record_.digest;
        result_.objects = wanted_.size();
        ceph::PoolImage image = open_or_create();
        image.lock_exclusively();
        if (!is_there(image)) {
            send(image, activity);
            publish(image);
        }
        activity.finish();
        return result_;
    }

private:
    image::DiskView open_disk(store::Store& store, ProcessRunner& processes) {
        store.add_reference(generation_.image, generation_.generation, work_.holder());
        return {processes, image::read_backing_chain(generation_.disk(), image::DiskFormat::qcow2),
                work_.folder()};
    }

    std::string object(std::uint64_t number) const {
        std::string bytes;
        disk_.read(number * rbd_object_size, rbd_object_size, bytes);
        return bytes;
    }

    void hash_objects(Activity& activity) {
        std::set<std::uint64_t> numbers;
        for (const image::ByteRange& range : disk_.data()) {
            for (std::uint64_t at = range.start / rbd_object_size; at * rbd_object_size < range.end(); ++at) {
                numbers.insert(at);
            }
        }
        const std::vector<std::uint64_t> list(numbers.begin(), numbers.end());
        std::mutex mutex;
        std::size_t done = 0;
        in_parallel(2, list.size(), [&](std::size_t, std::size_t i) {
            const std::string bytes = object(list[i]);
            const std::string sha256 = is_all_zero(bytes) ? std::string() : sha256_hex(bytes);
            const std::lock_guard lock(mutex);
            activity.progress(static_cast<double>(++done), static_cast<double>(list.size()), "items");
            if (!sha256.empty()) {
                wanted_.emplace(list[i], sha256);
            }
        });
    }

    ceph::PoolImage open_or_create() {
        const std::string pointer = rbd_pointer_object(generation_.image);
        const bool ours = pool_.attribute(pointer, "image") == generation_.image;
        const bool exists = pool_.has_image(generation_.image);
        if (exists && !ours) {
            throw Error(Failure::domain,
                        fmt::format("{}/{} exists and was not pushed by imgforge", pool_.name().pool,
                                    generation_.image),
                        "rename or remove it (rbd mv, rbd rm), or push to another pool");
        }
        if (!ours) {
            pool_.swap_attribute(pointer, "image", std::nullopt, generation_.image);
        }
        if (!exists) {
            pool_.create_image(generation_.image, disk_.size());
        }
        return pool_.open(generation_.image);
    }

    /// True when the snapshot is there: made after all data, so at most its protection is missing.
    bool is_there(ceph::PoolImage& image) {
        const std::string snapshot = snapshot_name(generation_.generation);
        const auto snapshots = image.snapshots();
        if (std::none_of(snapshots.begin(), snapshots.end(),
                         [&](const ceph::Snapshot& item) { return item.name == snapshot; })) {
            return false;
        }
        const std::string key = rbd_metadata_key(generation_.generation);
        const auto text = image.metadata(key);
        const std::string digest = text ? parse_rbd_generation(*text, key).digest : "not recorded";
        if (digest != record_.digest) {
            throw Error(Failure::domain,
                        fmt::format("{}/{}@{} is another disk than {} (digest {:.12} there, {:.12} here)",
                                    pool_.name().pool, generation_.image, snapshot, generation_.label(),
                                    digest, record_.digest),
                        "two hosts build this image: push from one of them, or to a pool for each");
        }
        image.protect(snapshot);
        result_.existed = true;
        return true;
    }

    /// What the image's head has: known from the newest generation, except what was written since.
    void learn_head(ceph::PoolImage& image) {
        std::string base;
        for (const ceph::Snapshot& snapshot : image.snapshots()) {
            const auto number = generation_of_snapshot(snapshot.name);
            if (!number) {
                continue;
            }
            const std::string object = rbd_manifest_object(generation_.image, *number);
            if (const auto text = pool_.read_object(object)) {
                head_ = parse_rbd_objects(*text, object);
                base = snapshot.name;
            }
        }
        for (const ceph::PoolImage::Change& change : image.changes_since(base)) {
            for (std::uint64_t at = change.offset / rbd_object_size;
                 at * rbd_object_size < change.offset + change.length; ++at) {
                unsure_.insert(at);
            }
        }
    }

    /// Numbers of objects that may have to change.
    std::vector<std::uint64_t> candidates() const {
        std::set<std::uint64_t> numbers = unsure_;
        for (const auto& [number, sha256] : wanted_) {
            const auto known = head_.find(number);
            if (known == head_.end() || known->second != sha256) {
                numbers.insert(number);
            }
        }
        for (const auto& [number, sha256] : head_) {
            if (wanted_.count(number) == 0) {
                numbers.insert(number);
            }
        }
        const std::uint64_t end = (disk_.size() + rbd_object_size - 1) / rbd_object_size;
        numbers.erase(numbers.lower_bound(end), numbers.end());
        return {numbers.begin(), numbers.end()};
    }

    void send(ceph::PoolImage& image, Activity& activity) {
        learn_head(image);
        if (image.size() != disk_.size()) {
            image.resize(disk_.size());
        }
        const std::vector<std::uint64_t> list = candidates();
        std::atomic<std::uint64_t> done{0};
        std::mutex mutex;
        in_parallel(4, list.size(), [&](std::size_t, std::size_t i) {
            send_object(image, list[i]);
            const std::lock_guard lock(mutex);
            activity.progress(static_cast<double>(++done), static_cast<double>(list.size()), "items",
                              "sending");
        });
        image.flush();
        result_.sent = sent_;
        result_.found = found_;
        result_.bytes = bytes_;
    }

    void send_object(ceph::PoolImage& image, std::uint64_t number) {
        const auto wanted = wanted_.find(number);
        const bool maybe = unsure_.count(number) != 0;
        if (maybe && wanted != wanted_.end() &&
            sha256_hex(image.read(number * rbd_object_size, rbd_object_size)) == wanted->second) {
            ++found_;
            return;
        }
        if (maybe || head_.count(number) != 0) {
            image.discard(number * rbd_object_size,
                          std::min(rbd_object_size, disk_.size() - number * rbd_object_size));
        }
        if (wanted != wanted_.end()) {
            write_sparse(image, number);
        }
        ++sent_;
    }

    /// Stretches of zeros stay unwritten: the object is new, or was discarded just now.
    void write_sparse(ceph::PoolImage& image, std::uint64_t number) {
        const std::string bytes = object(number);
        const std::string_view all = bytes;
        const auto is_hole = [&](std::size_t at) { return is_all_zero(all.substr(at, hole_size)); };
        std::size_t at = 0;
        while (at < all.size()) {
            if (is_hole(at)) {
                at += hole_size;
                continue;
            }
            std::size_t end = at + hole_size;
            while (end < all.size() && !is_hole(end)) {
                end += hole_size;
            }
            end = std::min(end, all.size());
            image.write(number * rbd_object_size + at, all.substr(at, end - at));
            bytes_ += end - at;
            at = end;
        }
    }

    /// The data is there: what describes it first, then the snapshot, and its protection as the last step.
    void publish(ceph::PoolImage& image) {
        const std::string snapshot = snapshot_name(generation_.generation);
        pool_.write_object(rbd_manifest_object(generation_.image, generation_.generation),
                           to_text(wanted_, disk_.size()));
        image.set_metadata(rbd_metadata_key(generation_.generation), to_text(record_));
        image.create_snapshot(snapshot);
        image.protect(snapshot);
    }

    Monitor& monitor_;
    const store::Generation& generation_;
    ceph::Pool& pool_;
    exchange::Workspace work_;
    image::DiskView disk_;
    RbdObjects wanted_;
    RbdObjects head_;
    std::set<std::uint64_t> unsure_;
    RbdGeneration record_;
    RbdPush result_;
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> found_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace

RbdPush push_to_rbd(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                    const store::Generation& generation, ceph::Pool& pool) {
    store.require_sound(generation);
    RbdPush result = RbdPushJob(store, processes, monitor, generation, pool).run();
    if (generation.state == store::GenerationState::current) {
        result.current = promote_in_rbd(pool, generation.image, generation.generation);
    }
    return result;
}

}  // namespace imgforge::targets
