// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/device_resolver.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/guest/os_files.hpp"
#include "builder/guest/spare_places.hpp"
#include "builder/guest/system_facts.hpp"

namespace imgforge::guest {

bool is_linux_type(std::string_view type);

/// The type is forced, so that no other driver is tried on untrusted bytes; nodev, so that a device node of
/// the guest never opens a device of the appliance.
void mount_as(Appliance& appliance, const std::string& mountable, const std::string& type,
              const std::string& mount_point, bool read_only);

/// One inspection: the state that its steps share.
class Opening {
public:
    Opening(Appliance& appliance, const OpenOptions& options)
        : appliance_(appliance), fs_(appliance), options_(options) {}

    Inspection run();

private:
    void add_containers();
    void open_containers();
    bool open_container(const std::string& device, const std::string& passphrase, const std::string& name);
    void refuse_hibernated() const;
    void refuse_container_linux() const;
    void find_root();
    bool mount_candidate(const FileSystem& candidate);
    bool names_as_root(const std::vector<FstabEntry>& table, const std::string& mountable) const;
    bool is_claimed(const std::string& mountable) const;
    void claim(const std::string& root);
    void unmount_candidate();
    [[noreturn]] void no_root();
    void mount_others();
    void mount_one(const FstabEntry& entry);
    void mount_esp();
    void mount_unplaced();
    bool is_unplaced(const std::string& mountable) const;
    std::string type_of(const std::string& mountable) const;
    bool is_mounted(const FileSystem& file_system) const;
    std::optional<std::string> array_named(const FstabEntry& entry);
    void finish();
    void mount(const std::string& mountable, const std::string& mount_point);
    DeviceResolver resolver() const;
    std::vector<FstabEntry> fstab() {
        return fs_.exists("/etc/fstab") ? parse_fstab(read_small(fs_, "/etc/fstab"))
                                        : std::vector<FstabEntry>();
    }

    Appliance& appliance_;
    ApplianceFs fs_;
    const OpenOptions& options_;
    Inspection os_;
    std::vector<FstabEntry> fstab_;
    std::vector<Unplaced> unplaced_;
    std::set<std::string> claimed_;  ///< devices that belong to the system found
};

}  // namespace imgforge::guest
