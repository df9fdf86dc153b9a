// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/install/cpio.hpp"
#include "builder/install/deb_file.hpp"

namespace imgforge::install {

/// debian-installer's initial RAM disk as a tree that installer packages (udebs) are taken out of and put
/// into, the way its build does it. Source: debian-installer build/Makefile and build/util, udpkg's database
/// format.
class InstallerInitrd {
public:
    /// Unpacks the netboot flavour.
    explicit InstallerInitrd(std::string_view packed);

    /// Names and virtual names of the udebs inside.
    std::set<std::string> installed() const;
    /// Forgets a udeb: its record, scripts and templates. Its files stay (nothing refers to them then).
    void drop(const std::string& name);
    /// Forgets all kernel modules with their udebs' records.
    void drop_kernel();
    /// Unpacks a udeb into the tree and records it as unpacked; its postinst runs when the installer starts.
    void add(const DebFile& udeb);
    /// The kernel image a kernel-image udeb brought along, removed from the tree. Throws when there was none.
    std::string take_kernel();
    /// Makes the modules' index with depmod(8) for the one kernel version in the tree; returns that version.
    std::string index_modules(ProcessRunner& runner);
    /// Makes it the flavour that looks for its components on a disc.
    void set_medium(std::string_view medium);

    const CpioTree& tree() const { return tree_; }
    /// gzip(cpio), with missing parent directories added; equal trees give equal bytes.
    std::string pack() const;

private:
    void put(CpioEntry entry);
    std::string& text(const std::string& path);
    std::string modules_folder() const;

    CpioTree tree_;
};

}  // namespace imgforge::install
