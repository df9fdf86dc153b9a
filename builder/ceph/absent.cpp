// SPDX-License-Identifier: GPL-3.0-or-later
// What stands in for pool.cpp and pool_image.cpp in a program that was built without librbd's headers:
// nothing can be opened.
#ifndef IMGFORGE_WITH_RBD
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/ceph/pool.hpp"

namespace imgforge::ceph {

struct PoolState {
    PoolName name;
};
struct ImageState {};

namespace {

/// No object of these classes exists in such a program, so none of the other functions is ever called.
[[noreturn]] void refuse_pools() {
    throw Error(Failure::host, "this imgforge was built without Ceph",
                "build it with librbd-dev and librados-dev installed, or take the package that has them");
}

}  // namespace

// clang-format off
Pool::Pool(const PoolName& /*name*/) { refuse_pools(); }
Pool::~Pool() = default;
const PoolName& Pool::name() const { return state_->name; }
std::string Pool::cluster_id() const { refuse_pools(); }
std::optional<std::string> Pool::login_key() const { refuse_pools(); }
std::vector<std::string> Pool::images() const { refuse_pools(); }
bool Pool::has_image(const std::string&) const { refuse_pools(); }
void Pool::create_image(const std::string&, std::uint64_t) { refuse_pools(); }
PoolImage Pool::open(const std::string&) const { refuse_pools(); }
PoolImage Pool::open_read_only(const std::string&) const { refuse_pools(); }
void Pool::clone(const std::string&, const std::string&, const std::string&) { refuse_pools(); }
void Pool::rename_image(const std::string&, const std::string&) { refuse_pools(); }
void Pool::copy_image(const std::string&, const std::string&) { refuse_pools(); }
void Pool::remove_image(const std::string&) { refuse_pools(); }
std::optional<std::string> Pool::read_object(const std::string&) const { refuse_pools(); }
void Pool::write_object(const std::string&, const std::string&) { refuse_pools(); }
void Pool::remove_object(const std::string&) { refuse_pools(); }
std::optional<std::string> Pool::attribute(const std::string&, const std::string&) const { refuse_pools(); }
bool Pool::swap_attribute(const std::string&, const std::string&, const std::optional<std::string>&,
                          const std::string&) { refuse_pools(); }

PoolImage::PoolImage(std::unique_ptr<ImageState> state) : state_(std::move(state)) {}
PoolImage::~PoolImage() = default;
PoolImage::PoolImage(PoolImage&&) noexcept = default;
PoolImage& PoolImage::operator=(PoolImage&&) noexcept = default;
void* PoolImage::handle() const { refuse_pools(); }
std::uint64_t PoolImage::size() const { refuse_pools(); }
void PoolImage::resize(std::uint64_t) { refuse_pools(); }
std::string PoolImage::read(std::uint64_t, std::size_t) const { refuse_pools(); }
void PoolImage::write(std::uint64_t, std::string_view) { refuse_pools(); }
void PoolImage::discard(std::uint64_t, std::uint64_t) { refuse_pools(); }
void PoolImage::flush() { refuse_pools(); }
void PoolImage::lock_exclusively() { refuse_pools(); }
std::vector<Snapshot> PoolImage::snapshots() const { refuse_pools(); }
bool PoolImage::is_protected(const std::string&) const { refuse_pools(); }
void PoolImage::create_snapshot(const std::string&) { refuse_pools(); }
void PoolImage::protect(const std::string&) { refuse_pools(); }
void PoolImage::unprotect(const std::string&) { refuse_pools(); }
void PoolImage::remove_snapshot(const std::string&) { refuse_pools(); }
void PoolImage::roll_back_to(const std::string&) { refuse_pools(); }
std::vector<std::string> PoolImage::children(const std::string&) const { refuse_pools(); }
std::optional<std::string> PoolImage::parent() const { refuse_pools(); }
void PoolImage::flatten(const std::function<void(std::uint64_t, std::uint64_t)>&) { refuse_pools(); }
std::vector<PoolImage::Change> PoolImage::changes_since(const std::string&) const { refuse_pools(); }
std::optional<std::string> PoolImage::metadata(const std::string&) const { refuse_pools(); }
void PoolImage::set_metadata(const std::string&, const std::string&) { refuse_pools(); }
void PoolImage::remove_metadata(const std::string&) { refuse_pools(); }
// clang-format on

}  // namespace imgforge::ceph
#endif
