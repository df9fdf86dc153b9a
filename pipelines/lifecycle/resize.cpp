// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/resize.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qemu_img.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_changes.hpp"
#include "pipelines/lifecycle/change_journal.hpp"
#include "pipelines/lifecycle/domain_check.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;
constexpr const char* at_next_start = "at the next start";

/// One machine being changed.
class Changing {
public:
    Changing(Lifecycle& lifecycle, MachineRecord& record)
        : lifecycle_(lifecycle), record_(record), domain_(find_domain()) {
        reality_ = examine(record_, domain_);
    }

    void require_changeable() const {
        require_same_disks(record_, reality_);
        if (reality_.saved) {
            throw Error(
                Failure::domain,
                fmt::format("machine '{}' is saved and comes back with the hardware it had", record_.name),
                fmt::format("imgforge start {} first", record_.name));
        }
    }

    AppliedChange set_memory(ByteSize memory) {
        AppliedChange change{fmt::format("memory {}", memory.text()), false, at_next_start};
        if (running() && memory <= reality_.running->memory) {
            try {
                domain_.set_memory(memory, false, {.live = true});
                change.live = true;
                change.note = "by its balloon";
            } catch (const virt::VirtError& error) {
                change.note = fmt::format("{} ({})", at_next_start, error.message());
            }
        } else if (running()) {
            change.note = fmt::format("{}: more than the {} it was started with", at_next_start,
                                      reality_.running->memory.text());
        }
        domain_.set_memory(memory, true, {.config = true});
        domain_.set_memory(memory, false, {.config = true});
        record_.memory = memory;
        lifecycle_.save(record_);
        return change;
    }

    AppliedChange set_vcpus(unsigned count) {
        const int wanted = static_cast<int>(count);
        AppliedChange change{fmt::format("{} CPUs", count), false, at_next_start};
        if (running() && wanted <= reality_.running->vcpus) {
            try {
                domain_.set_vcpus(wanted, false, {.live = true});
                change.live = true;
                change.note.clear();
            } catch (const virt::VirtError& error) {
                change.note = fmt::format("{} ({})", at_next_start, error.message());
            }
        } else if (running()) {
            change.note = fmt::format("{}: more than the {} it was started with", at_next_start,
                                      reality_.running->vcpus);
        }
        domain_.set_vcpus(wanted, true, {.config = true});
        domain_.set_vcpus(wanted, false, {.config = true});
        record_.vcpus = count;
        lifecycle_.save(record_);
        return change;
    }

    AppliedChange grow_disk(ByteSize size) {
        const ByteSize now = record_.ceph ? size_in_pool(record_)
                                          : image::virtual_size(record_.disk, image::DiskFormat::qcow2);
        if (size < now) {
            throw Error(Failure::domain,
                        fmt::format("the root disk of machine '{}' has {} and cannot shrink to {}",
                                    record_.name, now.text(), size.text()),
                        "a disk only grows; a smaller one needs a new machine");
        }
        AppliedChange change{fmt::format("disk {}", size.text()), running(),
                             running() ? "the guest sees it immediately; its file system grows "
                                         "at its next boot (or by growpart and resize2fs or "
                                         "xfs_growfs now)"
                                       : "its file system grows at the next boot"};
        if (running()) {
            domain_.resize_block(root_target(), size.in_bytes());
        } else if (record_.ceph) {
            resize_in_pool(record_, size);
        } else {
            run_checked(lifecycle_.processes(),
                        image::qemu_img::resize(record_.disk, image::DiskFormat::qcow2, size));
        }
        return change;
    }

    /// The record first: a disk that it names and the domain lacks is put back by `show --repair`.
    AppliedChange add_data_disk(const fs::path& file, ByteSize size) {
        DataDisk disk{file, "qcow2", size};
        image::create_empty_qcow2(disk.path, size);
        record_.data_disks.push_back(disk);
        lifecycle_.save(record_);
        const std::string target = free_target();
        const std::string xml = virt::disk_xml({.path = disk.path, .format = disk.format, .target = target});
        try {
            running() ? domain_.attach(xml, true) : domain_.attach_to_definition(xml);
        } catch (...) {
            record_.data_disks.pop_back();
            lifecycle_.save(record_);
            remove_tree(disk.path);
            throw;
        }
        reality_ = examine(record_, domain_);
        return {fmt::format("data disk {} of {}", target, size.text()), running(),
                running() ? "" : at_next_start};
    }

    /// Names for that many new disks.
    std::vector<fs::path> free_files(std::size_t count) const {
        std::vector<fs::path> files;
        for (int number = 1; files.size() < count; ++number) {
            auto file = lifecycle_.folder(record_.name) / fmt::format("data-{}.qcow2", number);
            if (!fs::exists(file)) {
                files.push_back(std::move(file));
            }
        }
        return files;
    }

    bool running() const { return reality_.running.has_value(); }

private:
    virt::Domain find_domain() const {
        auto domain = lifecycle_.open(record_).find(record_.uuid);
        if (!domain) {
            throw Error(Failure::domain,
                        fmt::format("libvirt does not know machine '{}' any more", record_.name),
                        fmt::format("imgforge show {} --repair", record_.name));
        }
        return *domain;
    }

    std::string root_target() const {
        for (const auto& disk : reality_.defined.disks) {
            if (fs::path(disk.path) == reality_.root) {
                return disk.target;
            }
        }
        return "vda";
    }

    std::string free_target() const {
        std::set<std::string> taken;
        for (const auto* facts : {&reality_.defined, running() ? &*reality_.running : &reality_.defined}) {
            for (const auto& disk : facts->disks) {
                taken.insert(disk.target);
            }
        }
        for (char letter = 'a'; letter <= 'z'; ++letter) {
            if (const std::string target = std::string("vd") + letter; taken.count(target) == 0) {
                return target;
            }
        }
        throw Error(Failure::domain, fmt::format("machine '{}' has 26 disks already", record_.name));
    }

    Lifecycle& lifecycle_;
    MachineRecord& record_;
    virt::Domain domain_;
    DomainReality reality_;
};

void set_hardware(Lifecycle& lifecycle, MachineRecord& record, const MachineChanges& changes,
                  std::vector<AppliedChange>& applied) {
    if (!changes.memory && !changes.vcpus && !changes.disk && changes.data_disks.empty()) {
        return;
    }
    if (record.is_remote() && (changes.disk || !changes.data_disks.empty())) {
        throw Error(Failure::domain, fmt::format("machine '{}' is on another host: its disks cannot be "
                                                 "changed from here",
                                                 record.name));
    }
    Changing changing(lifecycle, record);
    changing.require_changeable();
    const auto data_disks = changing.free_files(changes.data_disks.size());
    ChangeJournal journal(lifecycle, record,
                          {.sizes = changes.memory || changes.vcpus, .data_disks = data_disks});
    if (changes.memory) {
        applied.push_back(changing.set_memory(*changes.memory));
    }
    if (changes.vcpus) {
        applied.push_back(changing.set_vcpus(*changes.vcpus));
    }
    if (changes.disk) {
        applied.push_back(changing.grow_disk(*changes.disk));
    }
    for (std::size_t i = 0; i < data_disks.size(); ++i) {
        applied.push_back(changing.add_data_disk(data_disks[i], changes.data_disks[i]));
    }
    journal.finish();
}

}  // namespace

std::vector<AppliedChange> set_machine(Lifecycle& lifecycle, std::string_view name,
                                       const MachineChanges& changes) {
    auto [record, lock] = lifecycle.hold(name);
    std::vector<AppliedChange> applied;
    set_hardware(lifecycle, record, changes, applied);
    if (changes.comment) {
        record.comment = *changes.comment;
        applied.push_back({fmt::format("comment \"{}\"", *changes.comment), true, ""});
    }
    if (changes.protect) {
        record.protect = *changes.protect;
        applied.push_back({*changes.protect ? "protected" : "not protected", true, ""});
    }
    if (changes.ttl) {
        record.expires =
            changes.ttl->count() == 0 ? 0 : lifecycle.clock().wall_seconds() + changes.ttl->count();
        applied.push_back(
            {record.expires == 0 ? "never expires" : "expires " + iso_time(record.expires), true, ""});
    }
    lifecycle.save(record);
    return applied;
}

}  // namespace imgforge::lifecycle
