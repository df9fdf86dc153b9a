// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/base/clock.hpp"
#include "builder/virt/domain.hpp"
#include "builder/virt/domain_spec.hpp"

namespace imgforge::lifecycle {

/// What a machine does with a file that holds its memory.
enum class MemoryUse {
    write,  ///< the template: what its guest writes is in the file
    map,  ///< a clone: pages are shared with all others until its guest writes them; the file stays as it is
};

/// Makes `file` for the template's memory: sparse, readable by its owner alone. Throws when it exists.
void create_memory_file(const std::filesystem::path& file, ByteSize memory);

/// Bytes of the file for a machine with so much memory: libvirt gives machines whole MiB.
ByteSize memory_file_size(ByteSize memory);

/// Gives the machine its memory from `file`. One that maps it starts without memory balloon, and waits for
/// load_devices().
void use_memory_file(virt::DomainSpec& spec, const std::filesystem::path& file, MemoryUse use);

/// Writes the state of the devices of a suspended domain (some 700 KiB) to `state`. It cannot go on
/// afterwards. Throws VirtError when QEMU refuses, Failure::timeout.
void save_devices(Clock& clock, const virt::Domain& domain, const std::filesystem::path& state);

/// Gives a domain that use_memory_file() prepared and create_paused() started the state of its devices. It
/// still stands: resume() lets it go on. Throws VirtError when its devices are not those of the template
/// (QEMU has ended then), Failure::timeout.
void load_devices(Clock& clock, const virt::Domain& domain, const std::filesystem::path& state);

/// Takes the user network from a suspended template: which MAC got which address belongs to its state, and a
/// clone's DHCP client would be refused the address of the template. The card stays, without a link.
void leave_network(const virt::Domain& domain);

/// Gives the card of a clone its link back, before its guest goes on: it never learns that there was none.
void join_network(const virt::Domain& domain);

}  // namespace imgforge::lifecycle
