// SPDX-License-Identifier: GPL-3.0-or-later
#ifdef IMGFORGE_WITH_RBD
#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/ceph/pool.hpp"
#include "builder/ceph/pool_state.hpp"

namespace imgforge::ceph {
namespace {

std::string label(const ImageState& state, const std::string& snapshot = {}) {
    return state.connection->name.pool + "/" + state.name + (snapshot.empty() ? "" : "@" + snapshot);
}

void require(const ImageState& state, long long result, const char* action,
             const std::string& snapshot = {}) {
    require_done(static_cast<int>(std::min<long long>(result, 0)), action, label(state, snapshot));
}

/// The image at a snapshot, for what looks at that state of it; back at the head when it goes.
class AtSnapshot {
public:
    AtSnapshot(const ImageState& state, const std::string& snapshot) : state_(state) {
        require(state_, state_.connection->api.rbd_snap_set(state_.image, snapshot.c_str()), "look at",
                snapshot);
    }
    ~AtSnapshot() { state_.connection->api.rbd_snap_set(state_.image, nullptr); }
    AtSnapshot(const AtSnapshot&) = delete;
    AtSnapshot& operator=(const AtSnapshot&) = delete;

private:
    const ImageState& state_;
};

}  // namespace

PoolImage::PoolImage(std::unique_ptr<ImageState> state) : state_(std::move(state)) {}
PoolImage::PoolImage(PoolImage&&) noexcept = default;
PoolImage& PoolImage::operator=(PoolImage&&) noexcept = default;

PoolImage::~PoolImage() {
    if (state_ && state_->image != nullptr) {
        state_->connection->api.rbd_close(state_->image);
    }
}

void* PoolImage::handle() const {
    return state_->image;
}

std::uint64_t PoolImage::size() const {
    std::uint64_t size = 0;
    require(*state_, state_->connection->api.rbd_get_size(state_->image, &size), "read the size of");
    return size;
}

void PoolImage::resize(std::uint64_t size) {
    require(*state_, state_->connection->api.rbd_resize(state_->image, size), "resize");
}

std::string PoolImage::read(std::uint64_t offset, std::size_t length) const {
    std::string bytes(length, '\0');
    const auto got = state_->connection->api.rbd_read(state_->image, offset, length, bytes.data());
    require(*state_, got, "read");
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

void PoolImage::write(std::uint64_t offset, std::string_view bytes) {
    require(*state_, state_->connection->api.rbd_write(state_->image, offset, bytes.size(), bytes.data()),
            "write to");
}

void PoolImage::discard(std::uint64_t offset, std::uint64_t length) {
    require(*state_, state_->connection->api.rbd_discard(state_->image, offset, length), "discard in");
}

void PoolImage::flush() {
    require(*state_, state_->connection->api.rbd_flush(state_->image), "flush");
}

void PoolImage::lock_exclusively() {
    const int result = state_->connection->api.rbd_lock_acquire(state_->image, RBD_LOCK_MODE_EXCLUSIVE);
    if (result == -EBUSY || result == -EROFS) {
        throw Error(Failure::domain, fmt::format("{} is being written by somebody else", label(*state_)),
                    "wait until that push has ended and try again");
    }
    require(*state_, result, "lock");
}

std::vector<Snapshot> PoolImage::snapshots() const {
    const RbdApi& api = state_->connection->api;
    int room = 64;
    std::vector<rbd_snap_info_t> found(static_cast<std::size_t>(room));
    int count = api.rbd_snap_list(state_->image, found.data(), &room);
    while (count == -ERANGE) {
        found.resize(static_cast<std::size_t>(room));
        count = api.rbd_snap_list(state_->image, found.data(), &room);
    }
    require(*state_, count, "list snapshots of");
    std::vector<Snapshot> list;
    for (int i = 0; i < count; ++i) {
        const rbd_snap_info_t& snapshot = found[static_cast<std::size_t>(i)];
        timespec created{};
        api.rbd_snap_get_timestamp(state_->image, snapshot.id, &created);  // zero when it fails
        list.push_back({snapshot.name, snapshot.size, created.tv_sec});
    }
    if (count > 0) {
        api.rbd_snap_list_end(found.data());
    }
    return list;
}

bool PoolImage::is_protected(const std::string& snapshot) const {
    int result = 0;
    require(*state_, state_->connection->api.rbd_snap_is_protected(state_->image, snapshot.c_str(), &result),
            "look at", snapshot);
    return result != 0;
}

void PoolImage::create_snapshot(const std::string& name) {
    require(*state_, state_->connection->api.rbd_snap_create(state_->image, name.c_str()), "create snapshot",
            name);
}

void PoolImage::protect(const std::string& snapshot) {
    const int result = state_->connection->api.rbd_snap_protect(state_->image, snapshot.c_str());
    if (result != -EBUSY) {  // it is protected already
        require(*state_, result, "protect", snapshot);
    }
}

void PoolImage::unprotect(const std::string& snapshot) {
    const int result = state_->connection->api.rbd_snap_unprotect(state_->image, snapshot.c_str());
    if (result == -EBUSY) {
        std::string names;
        for (const std::string& child : children(snapshot)) {
            names += (names.empty() ? "" : ", ") + child;
        }
        throw Error(Failure::domain, fmt::format("{} has clones: {}", label(*state_, snapshot), names),
                    "destroy those machines, or flatten them: imgforge consolidate NAME, rbd flatten");
    }
    if (result != -EINVAL) {  // it is not protected
        require(*state_, result, "unprotect", snapshot);
    }
}

void PoolImage::remove_snapshot(const std::string& name) {
    require(*state_, state_->connection->api.rbd_snap_remove(state_->image, name.c_str()), "remove snapshot",
            name);
}

void PoolImage::roll_back_to(const std::string& snapshot) {
    require(*state_, state_->connection->api.rbd_snap_rollback(state_->image, snapshot.c_str()), "go back to",
            snapshot);
}

std::vector<std::string> PoolImage::children(const std::string& snapshot) const {
    const AtSnapshot at(*state_, snapshot);
    const RbdApi& api = state_->connection->api;
    std::vector<rbd_linked_image_spec_t> found(64);
    std::size_t count = found.size();
    int result = api.rbd_list_children3(state_->image, found.data(), &count);
    while (result == -ERANGE) {
        found.resize(count);
        result = api.rbd_list_children3(state_->image, found.data(), &count);
    }
    require(*state_, result, "list clones of", snapshot);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back(std::string(found[i].pool_name) + "/" + found[i].image_name);
    }
    api.rbd_linked_image_spec_list_cleanup(found.data(), count);
    return names;
}

std::optional<std::string> PoolImage::parent() const {
    const RbdApi& api = state_->connection->api;
    rbd_linked_image_spec_t image{};
    rbd_snap_spec_t snapshot{};
    const int result = api.rbd_get_parent(state_->image, &image, &snapshot);
    if (result == -ENOENT) {
        return std::nullopt;
    }
    require(*state_, result, "read the parent of");
    std::string text = fmt::format("{}/{}@{}", image.pool_name, image.image_name, snapshot.name);
    api.rbd_linked_image_spec_cleanup(&image);
    api.rbd_snap_spec_cleanup(&snapshot);
    return text;
}

void PoolImage::flatten(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    const auto forward = [](std::uint64_t done, std::uint64_t total, void* sink) {
        (*static_cast<const std::function<void(std::uint64_t, std::uint64_t)>*>(sink))(done, total);
        return 0;
    };
    std::function<void(std::uint64_t, std::uint64_t)> sink = progress;
    require(*state_, state_->connection->api.rbd_flatten_with_progress(state_->image, forward, &sink),
            "flatten");
}

std::vector<PoolImage::Change> PoolImage::changes_since(const std::string& snapshot) const {
    const auto collect = [](std::uint64_t offset, std::size_t length, int, void* list) {
        static_cast<std::vector<Change>*>(list)->push_back({offset, length});
        return 0;
    };
    std::vector<Change> changes;
    require(
        *state_,
        state_->connection->api.rbd_diff_iterate2(
            state_->image, snapshot.empty() ? nullptr : snapshot.c_str(), 0, size(), 0, 1, collect, &changes),
        "compare with", snapshot);
    return changes;
}

std::optional<std::string> PoolImage::metadata(const std::string& key) const {
    std::string value(4096, '\0');
    std::size_t length = value.size();
    int result = state_->connection->api.rbd_metadata_get(state_->image, key.c_str(), value.data(), &length);
    if (result == -ERANGE) {
        value.resize(length);
        result = state_->connection->api.rbd_metadata_get(state_->image, key.c_str(), value.data(), &length);
    }
    if (result == -ENOENT) {
        return std::nullopt;
    }
    require(*state_, result, "read metadata of");
    return std::string(value.c_str());
}

void PoolImage::set_metadata(const std::string& key, const std::string& value) {
    require(*state_, state_->connection->api.rbd_metadata_set(state_->image, key.c_str(), value.c_str()),
            "write metadata of");
}

void PoolImage::remove_metadata(const std::string& key) {
    const int result = state_->connection->api.rbd_metadata_remove(state_->image, key.c_str());
    if (result != -ENOENT) {
        require(*state_, result, "remove metadata of");
    }
}

}  // namespace imgforge::ceph
#endif
