// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/ceph/pool.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// A machine whose root disk is an image of a Ceph pool: a clone of a golden generation's snapshot, of the
/// machine's name, marked with its UUID in the image's metadata. No image without that mark is ever removed.

/// A golden generation in a pool.
struct PoolGeneration {
    ceph::PoolName pool;
    store::Generation
        generation;       ///< with image, number, size and SHA-256; its directory only when it is also here
    std::string os{};     ///< "debian13"; empty: the push did not say
    bool stored = false;  ///< this store has it, too
};

/// `storage`: a target of the settings, or "rbd:POOL[:conf=FILE][:id=USER]". `image`: NAME (what is current
/// in the pool) or NAME@GENERATION. Throws Failure::usage for a target of another kind and for what is
/// not there, with the command that pushes it.
PoolGeneration find_in_pool(Lifecycle& lifecycle, const std::string& storage, const std::string& image);

/// "rbd:POOL/IMAGE", as records and domains name it.
std::filesystem::path ceph_disk(const ceph::PoolName& pool, const std::string& image);
/// "rbd:POOL/NAME@gN".
std::filesystem::path ceph_backing(const PoolGeneration& from);
/// The same with configuration file and user, as QEMU's programs take it.
std::string qemu_disk(const MachineRecord& record);
/// The image's name in the pool; empty when the record's disk is not there yet.
std::string ceph_image(const MachineRecord& record);

/// Clones the generation as the machine's root disk of `size` and fills in disk, format and chain. Throws
/// Failure::domain when the pool has an image of that name. A killed call leaves at most an image
/// "imgforge-UUID", which remove_ceph_root() finds.
void make_ceph_root(ceph::Pool& pool, const PoolGeneration& from, ByteSize size, MachineRecord& record);

/// Removes what the pool holds of the machine, its snapshots included. Missing is fine. An image that a
/// killed QEMU still has open is waited for. Throws Failure::domain naming the clones of its snapshots.
void remove_ceph_root(Lifecycle& lifecycle, const MachineRecord& record);

/// Gives libvirt the key the machine's disk is opened with; before each start. Nothing for other machines.
void keep_ceph_login(const virt::Connection& connection, const MachineRecord& record);

/// Usage name of the secret a machine of that pool needs on that connection; empty where the cluster asks for
/// no login, and on the embedded driver, whose QEMU reads client.admin's keyring itself: libvirt 9 gives no
/// secret out there ("No current identity to elevate"). Throws Failure::host for another user there.
std::string ceph_secret_name(const ceph::Pool& pool, bool embedded);

/// QEMU of this host must know Ceph. Throws Failure::host naming the package.
void check_ceph_in_qemu(Lifecycle& lifecycle);

}  // namespace imgforge::lifecycle
