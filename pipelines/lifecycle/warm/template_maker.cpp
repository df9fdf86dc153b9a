// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/template_maker.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/random.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qemu_img.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/save_image.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/warm/guest_shell.hpp"
#include "pipelines/lifecycle/warm/identity_script.hpp"
#include "pipelines/lifecycle/warm/memory_file.hpp"
#include "pipelines/lifecycle/warm/network_script.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// The first memory page begins on such a boundary, so that copies of the file can share it by reflink; XML
/// and cookie have far less.
constexpr std::uint64_t head_size = 64U << 10U;

/// The machine that becomes the template: nothing of it is in the database, it lives as long as this command.
MachineRecord template_record(const fs::path& folder, const TemplateSource& source) {
    MachineRecord record = source.record;
    record.name = "imgforge-warm-" + random_hex(4);
    record.uuid = random_uuid();
    record.generation_id = random_uuid();
    record.instance_id = seeds::fresh_instance_id();
    record.nics.clear();
    record.data_disks.clear();
    record.ssh_port.reset();
    record.disk = folder / "disk.qcow2";
    record.backing = source.chain;
    record.seed = folder / "seed.iso";
    record.warm = true;
    // The template's disk is of use only as a whole: a crash on the way throws it away.
    record.ephemeral = true;
    return record;
}

void make_files(const MachineRecord& record, const TemplateSource& source) {
    image::create_overlay(
        {.overlay = record.disk, .backing = source.chain.front(), .virtual_size = source.disk});
    seeds::SeedSpec seed = source.seed;
    seed.hostname = template_hostname;
    seed.instance_id = record.instance_id;
    // sshd runs in the template, with a key that nobody ever trusts: it goes with the seal, and the clone's
    // sshd reads the clone's own.
    seed.extra = {{"ssh_deletekeys", true}, {"ssh_genkeytypes", Json::array({"ed25519"})}};
    seeds::write_seed_iso(seeds::seed_files(seed), seeds::volume_label(seed.datasource), record.seed);
    fs::resize_file(record.seed, warm_seed_size);
}

/// What the template shall be.
struct Shape {
    TemplateKind kind = TemplateKind::mapped;
    bool whole = false;
};

virt::DomainSpec template_domain(Lifecycle& lifecycle, const MachineRecord& record, const fs::path& folder,
                                 const Shape& shape) {
    virt::DomainSpec spec = machine_domain(record, folder, machine_accel(lifecycle, record));
    if (shape.whole) {
        spec.nics.push_back({.kind = virt::NicSpec::Kind::user,
                             .mac = template_mac,
                             .restricted = true,
                             .port = warm_first_nic_port});
    }
    if (shape.kind == TemplateKind::mapped) {
        use_memory_file(spec, folder / "memory.ram", MemoryUse::write);
    }
    return spec;
}

/// The machine on its way to the moment at which it is frozen.
class Template {
public:
    Template(Lifecycle& lifecycle, fs::path folder, const MachineRecord& record, const Shape& shape)
        : lifecycle_(lifecycle),
          folder_(std::move(folder)),
          record_(record),
          shape_(shape),
          connection_(open()),
          domain_(start()),
          console_(log()) {}

    /// Frozen or failed, it must not run on: qemu:///system would end it only with the connection, which this
    /// process keeps.
    ~Template() {
        const interrupt::Shield shield;
        try {
            domain_.destroy();
        } catch (const std::exception& error) {
            lifecycle_.monitor().warning(
                fmt::format("domain '{}' could not be ended: {}", record_.name, error.what()));
        }
    }
    Template(const Template&) = delete;
    Template& operator=(const Template&) = delete;

    void wait(std::chrono::milliseconds timeout) {
        wait_until(
            lifecycle_.clock(), "first boot of the warm template", timeout, [&] { return is_up(); },
            [&] { return fmt::format("{}; console: {}", seen_, console_tail(log(), 1)); },
            std::chrono::milliseconds(500));
    }

    void freeze() {
        const GuestRun run = run_in_guest(lifecycle_.clock(), domain_, template_seal_script(record_.user),
                                          std::chrono::minutes(2));
        if (run.exit_code != 0) {
            throw Error(Failure::guest,
                        fmt::format("the warm template could not be prepared: {}", run.last_words()));
        }
        if (!shape_.whole) {
            detach_seed();
        }
        if (shape_.kind == TemplateKind::mapped) {
            domain_.suspend();
            if (shape_.whole) {
                leave_network(domain_);
            }
            save_devices(lifecycle_.clock(), domain_, folder_ / "devices.state");
        } else {
            save();
        }
    }

private:
    void save() {
        const fs::path raw = folder_ / "memory.raw";
        domain_.save(raw);
        virt::SaveImageHead head = virt::read_save_image_head_of(raw);
        if (head.compression != 0) {
            throw Error(Failure::host,
                        "libvirt compresses memory images on this host (save_image_format in qemu.conf)",
                        "set save_image_format = \"raw\" and restart libvirtd");
        }
        head.stream_offset = head_size;
        virt::copy_save_image(raw, folder_ / "memory.save", head);
        remove_tree(raw);
    }

    fs::path log() const { return folder_ / "console.log"; }

    virt::Connection open() {
        if (!record_.is_embedded()) {
            return lifecycle_.open_uri(record_.connection);
        }
        return virt::Connection::open(virt::embedded_uri(folder_ / "vm"),
                                      lifecycle_.places().cache() / "libvirt");
    }

    virt::Domain start() {
        const auto spec = template_domain(lifecycle_, record_, folder_, shape_);
        for (const auto& disk : spec.disks) {
            if (disk.path == record_.seed) {
                seed_ = disk;
            }
        }
        return connection_.create(virt::domain_xml(spec), true);
    }

    bool is_up() {
        console_.look();
        if (console_.fatal()) {
            throw Error(Failure::guest,
                        fmt::format("the warm template does not come up: {}", *console_.fatal()));
        }
        const auto status = domain_.status();
        if (!status || !status->active()) {
            throw Error(Failure::guest, "the warm template stopped unexpectedly");
        }
        try {
            static_cast<void>(domain_.agent({{"execute", "guest-ping"}}, std::chrono::seconds(3)));
        } catch (const virt::VirtError&) {
            seen_ = "the guest agent does not answer";
            require_agent_soon();
            return false;
        }
        const GuestRun run =
            run_in_guest(lifecycle_.clock(), domain_, template_ready_script(), std::chrono::minutes(1));
        if (run.exit_code == 4) {
            throw Error(Failure::guest,
                        fmt::format("{}@{} has no cloud-init", record_.image, record_.generation),
                        "add cloud-init to the image's packages, or spawn without --warm");
        }
        seen_ = "cloud-init or a service is not through";
        return run.exit_code == 0;
    }

    /// cloud-init's last message comes late: an agent that is silent a while after it is not there.
    void require_agent_soon() {
        constexpr std::chrono::seconds grace{60};
        if (!console_.cloud_init_finished()) {
            return;
        }
        if (!booted_) {
            booted_ = lifecycle_.clock().now();
        }
        if (lifecycle_.clock().now() - *booted_ > grace) {
            throw Error(
                Failure::guest,
                fmt::format(
                    "{}@{} has booted and no guest agent answers: clones get their identity through it",
                    record_.image, record_.generation),
                "add qemu-guest-agent to the image's packages, or spawn without --warm");
        }
    }

    /// Clones get a seed of their own in the same place, as a new disk: nothing of this one is in any cache
    /// then.
    void detach_seed() {
        domain_.detach(virt::disk_xml(seed_), false);
        wait_until(
            lifecycle_.clock(), "removal of the seed from the warm template", std::chrono::minutes(1),
            [&] {
                const auto paths = virt::read_domain_xml(domain_.xml()).disk_paths;
                return std::find(paths.begin(), paths.end(), record_.seed) == paths.end();
            },
            [] { return std::string("the guest still holds it: does its kernel have PCI hot-plug?"); });
    }

    Lifecycle& lifecycle_;
    fs::path folder_;
    const MachineRecord& record_;
    Shape shape_;
    virt::DiskSpec seed_;
    virt::Connection connection_;
    virt::Domain domain_;
    ConsoleWatch console_;
    std::string seen_ = "the guest agent has not answered yet";
    std::optional<Clock::Instant> booted_;
};

/// Its disk is only ever opened as a copy, in a machine's directory.
void name_backing_for_machines(Lifecycle& lifecycle, const fs::path& disk, const fs::path& backing) {
    const fs::path name = fs::proximate(backing, lifecycle.places().instances() / "NAME");
    run_checked(lifecycle.processes(),
                image::qemu_img::rebase_unsafe(disk, name.string(), image::DiskFormat::qcow2));
}

void boot_and_freeze(Lifecycle& lifecycle, const fs::path& folder, const TemplateSource& source,
                     const Shape& shape, std::chrono::milliseconds timeout) {
    const MachineRecord record = template_record(folder, source);
    make_files(record, source);
    if (shape.kind == TemplateKind::mapped) {
        create_memory_file(folder / "memory.ram", record.memory);
    }
    try {
        Template machine(lifecycle, folder, record, shape);
        machine.wait(timeout);
        machine.freeze();
    } catch (Error& error) {
        constexpr std::size_t lines = 15;
        error.add_context(fmt::format("last lines on the console of the warm template:\n{}",
                                      console_tail(folder / "console.log", lines)));
        throw;
    }
    name_backing_for_machines(lifecycle, record.disk, source.chain.front());
    for (const char* const rest : {"vm", "console.log", "console.sock", "seed.iso"}) {
        remove_tree(folder / rest);
    }
}

}  // namespace

TemplateKind make_template(Lifecycle& lifecycle, const fs::path& folder, const TemplateSource& source,
                           std::chrono::milliseconds timeout) {
    try {
        boot_and_freeze(lifecycle, folder, source, {TemplateKind::mapped, source.whole}, timeout);
        return TemplateKind::mapped;
    } catch (const virt::VirtError& error) {
        lifecycle.monitor().message(fmt::format(
            "the template's memory cannot be a file that clones map ({}); it is saved by libvirt, and each "
            "clone copies it",
            error.message()));
    }
    remove_tree(folder);
    make_directories(folder, 0711);
    boot_and_freeze(lifecycle, folder, source, {TemplateKind::saved, false}, timeout);
    return TemplateKind::saved;
}

}  // namespace imgforge::lifecycle
