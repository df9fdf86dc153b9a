// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/targets/pull.hpp"

namespace imgforge::lifecycle {

/// A machine that starts before its golden image is here: its root disk is an overlay whose base an nbdkit of
/// its own reads from a web server. hydrate_machine() brings the image and puts it under the disk.

/// A generation on a web server that machines can start from.
struct WebDisk {
    LazyRoot root;                 ///< without socket and process
    store::Generation generation;  ///< with image, number (of the source) and size
    std::string os{};              ///< "debian13"; empty: its manifest does not say
};

/// `source`: a target of the settings or a URL; `image`: NAME or NAME@GENERATION of its index, which is
/// judged as for `images pull`. Throws Failure::usage for targets of another kind and for what is not there.
WebDisk find_web_disk(Lifecycle& lifecycle, const std::string& source, const std::string& image);

/// What pulling from the target of that name takes.
targets::PullSource lazy_source(const Lifecycle& lifecycle, const std::string& source);
targets::PullServices lazy_services(Lifecycle& lifecycle);

/// Starts the machine's nbdkit and makes the overlay of `size` on it; fills in the record. Throws
/// Failure::integrity for a file that is not the disk of its manifest.
void make_lazy_root(Lifecycle& lifecycle, MachineRecord& record, ByteSize image_size, ByteSize size);

}  // namespace imgforge::lifecycle
