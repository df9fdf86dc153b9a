// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::ceph {

/// A pool and who asks for it. As text what QEMU and `rbd` take: "rbd:POOL[:conf=FILE][:id=USER]".
struct PoolName {
    std::string pool;
    std::filesystem::path conf = "/etc/ceph/ceph.conf";
    std::string user = "admin";  ///< without "client."
    bool operator==(const PoolName&) const = default;
};

/// True for texts that parse_pool_name() is for.
bool is_pool_name(std::string_view text);
/// Throws Failure::usage for an unknown part or an empty pool.
PoolName parse_pool_name(const std::string& text);
/// With conf and id only where they differ from the defaults.
std::string to_string(const PoolName& name);

/// A snapshot of an image.
struct Snapshot {
    std::string name;
    std::uint64_t size = 0;
    std::int64_t created = 0;  ///< seconds since 1970
};

struct PoolState;
struct ImageState;

/// An open image. From any thread, but closed by one. What Ceph refuses is an Error that names the image:
/// Failure::domain for what is in use (EBUSY) or exists, Failure::tool else.
class PoolImage {
public:
    explicit PoolImage(std::unique_ptr<ImageState> state);
    ~PoolImage();
    PoolImage(PoolImage&&) noexcept;
    PoolImage& operator=(PoolImage&&) noexcept;

    std::uint64_t size() const;
    void resize(std::uint64_t size);
    /// Fewer bytes than `length` only at the end of the image.
    std::string read(std::uint64_t offset, std::size_t length) const;
    void write(std::uint64_t offset, std::string_view bytes);
    void discard(std::uint64_t offset, std::uint64_t length);
    void flush();

    /// Keeps all other writers out until this object goes. That of a killed process ends by itself (30 s by
    /// default). Throws Failure::domain when somebody has it.
    void lock_exclusively();

    std::vector<Snapshot> snapshots() const;  ///< oldest first
    bool is_protected(const std::string& snapshot) const;
    void create_snapshot(const std::string& name);
    void protect(const std::string& snapshot);
    /// Throws Failure::domain with the clones' names when there are some.
    void unprotect(const std::string& snapshot);
    void remove_snapshot(const std::string& name);
    /// Makes the image what the snapshot is.
    void roll_back_to(const std::string& snapshot);
    /// "POOL/NAME" of the clones of a snapshot, whoever made them.
    std::vector<std::string> children(const std::string& snapshot) const;
    /// "POOL/NAME@SNAPSHOT" of what this is a clone of.
    std::optional<std::string> parent() const;
    /// Copies what is still the parent's.
    void flatten(const std::function<void(std::uint64_t done, std::uint64_t total)>& progress);

    /// Offset and length of what was written or discarded since the snapshot; all that was ever written with
    /// an empty name.
    struct Change {
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
    };
    std::vector<Change> changes_since(const std::string& snapshot) const;

    std::optional<std::string> metadata(const std::string& key) const;
    void set_metadata(const std::string& key, const std::string& value);
    void remove_metadata(const std::string& key);

    /// librbd's own handle, for pool.cpp.
    void* handle() const;

private:
    std::unique_ptr<ImageState> state_;
};

/// A connection to one pool.
class Pool {
public:
    /// Throws Failure::host when librbd is missing (with the package), the configuration or key cannot be
    /// read, or the cluster does not answer within 15 s; Failure::usage for an unknown pool.
    explicit Pool(const PoolName& name);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    const PoolName& name() const;
    /// UUID of the cluster.
    std::string cluster_id() const;
    /// The key that this user logs in with, in base64: a secret. Nothing where the cluster asks for none.
    /// Throws Failure::host when no keyring has it.
    std::optional<std::string> login_key() const;
    std::vector<std::string> images() const;
    bool has_image(const std::string& image) const;
    void create_image(const std::string& image, std::uint64_t size);
    PoolImage open(const std::string& image) const;
    PoolImage open_read_only(const std::string& image) const;
    /// Nothing is copied. Of the old clone format on purpose: with it a snapshot with clones cannot be
    /// unprotected, whoever asks.
    void clone(const std::string& image, const std::string& snapshot, const std::string& name);
    /// Throws Failure::domain when `to` is taken.
    void rename_image(const std::string& from, const std::string& to);
    /// An image with all that `from` holds, its snapshots included, and the same parent.
    void copy_image(const std::string& from, const std::string& to);
    /// Missing is fine. Throws Failure::domain while it has snapshots or is open elsewhere.
    void remove_image(const std::string& image);

    /// Small objects beside the images.
    std::optional<std::string> read_object(const std::string& object) const;
    void write_object(const std::string& object, const std::string& bytes);
    void remove_object(const std::string& object);
    /// An attribute of an object; nothing when it or the object is not there.
    std::optional<std::string> attribute(const std::string& object, const std::string& key) const;
    /// Sets it if it still is `expected` (nothing: not there): one atomic step for all clients. The object is
    /// made when it is missing.
    bool swap_attribute(const std::string& object, const std::string& key,
                        const std::optional<std::string>& expected, const std::string& value);

private:
    std::unique_ptr<PoolState> state_;
};

}  // namespace imgforge::ceph
