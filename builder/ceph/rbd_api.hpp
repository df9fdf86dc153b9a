// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <rados/librados.h>
#include <rbd/librbd.h>

namespace imgforge::ceph {

/// The functions of librados and librbd that are used, as their headers declare them. One line here is one
/// symbol that must be in the library.
#define IMGFORGE_RADOS_FUNCTIONS(X) \
    X(rados_create)                 \
    X(rados_conf_read_file)         \
    X(rados_conf_set)               \
    X(rados_conf_get)               \
    X(rados_cluster_fsid)           \
    X(rados_connect)                \
    X(rados_shutdown)               \
    X(rados_ioctx_create)           \
    X(rados_ioctx_destroy)          \
    X(rados_write_full)             \
    X(rados_stat)                   \
    X(rados_read)                   \
    X(rados_remove)                 \
    X(rados_getxattr)               \
    X(rados_create_write_op)        \
    X(rados_release_write_op)       \
    X(rados_write_op_create)        \
    X(rados_write_op_cmpxattr)      \
    X(rados_write_op_setxattr)      \
    X(rados_write_op_operate)

#define IMGFORGE_RBD_FUNCTIONS(X)         \
    X(rbd_list2)                          \
    X(rbd_image_spec_list_cleanup)        \
    X(rbd_create)                         \
    X(rbd_clone3)                         \
    X(rbd_remove)                         \
    X(rbd_rename)                         \
    X(rbd_deep_copy)                      \
    X(rbd_image_options_create)           \
    X(rbd_image_options_destroy)          \
    X(rbd_image_options_set_uint64)       \
    X(rbd_open)                           \
    X(rbd_open_read_only)                 \
    X(rbd_close)                          \
    X(rbd_resize)                         \
    X(rbd_get_size)                       \
    X(rbd_lock_acquire)                   \
    X(rbd_snap_list)                      \
    X(rbd_snap_list_end)                  \
    X(rbd_snap_create)                    \
    X(rbd_snap_remove)                    \
    X(rbd_snap_protect)                   \
    X(rbd_snap_unprotect)                 \
    X(rbd_snap_is_protected)              \
    X(rbd_snap_rollback)                  \
    X(rbd_snap_set)                       \
    X(rbd_snap_get_timestamp)             \
    X(rbd_flatten_with_progress)          \
    X(rbd_get_parent)                     \
    X(rbd_linked_image_spec_cleanup)      \
    X(rbd_snap_spec_cleanup)              \
    X(rbd_list_children3)                 \
    X(rbd_linked_image_spec_list_cleanup) \
    X(rbd_diff_iterate2)                  \
    X(rbd_write)                          \
    X(rbd_read)                           \
    X(rbd_discard)                        \
    X(rbd_flush)                          \
    X(rbd_metadata_get)                   \
    X(rbd_metadata_set)                   \
    X(rbd_metadata_remove)

/// Both libraries, loaded.
struct RbdApi {
#define IMGFORGE_MEMBER(name) decltype(&::name) name = nullptr;
    IMGFORGE_RADOS_FUNCTIONS(IMGFORGE_MEMBER)
    IMGFORGE_RBD_FUNCTIONS(IMGFORGE_MEMBER)
#undef IMGFORGE_MEMBER
};

/// Loads them once per process. Throws Failure::host naming the package when they are not there.
const RbdApi& rbd_api();

}  // namespace imgforge::ceph
