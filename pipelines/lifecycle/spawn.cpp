// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spawn.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/random.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/machine_files.hpp"
#include "pipelines/lifecycle/machine_size.hpp"
#include "pipelines/lifecycle/parallel.hpp"
#include "pipelines/lifecycle/placement.hpp"
#include "pipelines/lifecycle/preflight.hpp"
#include "pipelines/lifecycle/remote_machine.hpp"
#include "pipelines/lifecycle/warm/warm_clone.hpp"
#include "templates/distribution.hpp"

namespace imgforge::lifecycle {
namespace {

using Seconds = std::chrono::duration<double>;

/// Who logs in: asked for, else the distribution's cloud user, else one of our own.
struct Login {
    std::string user;
    bool images_own = true;  ///< the image's cloud-init makes it by itself
    std::string family{};    ///< of the distribution, empty when unknown
};

Login choose_login(const store::Generation& generation, const std::string& wanted) {
    const Json manifest = generation.manifest();
    const std::string os = manifest.contains("recipe") && manifest["recipe"].is_object()
                               ? manifest["recipe"].value("os", "")
                               : "";
    std::string images_own;
    std::string family;
    for (const auto& row : templates::distributions()) {
        if (row.name == os) {
            images_own = row.login_user;
            family = row.family;
        }
    }
    if (!wanted.empty()) {
        return {wanted, wanted == images_own, family};
    }
    return images_own.empty() ? Login{"imgforge", false, family} : Login{images_own, true, family};
}

MachineSize size_of(const Lifecycle& lifecycle, const SpawnOptions& options) {
    MachineSize size = machine_size(lifecycle.settings(),
                                    options.size.empty() ? lifecycle.settings().default_size : options.size);
    size.memory = options.memory.value_or(size.memory);
    size.vcpus = options.vcpus.value_or(size.vcpus);
    if (options.disk) {
        size.disk = options.disk;
    }
    return size;
}

MachineRecord common_record(Lifecycle& lifecycle, const SpawnOptions& options,
                            const store::Generation& generation, const Placement& placement) {
    const MachineSize size = size_of(lifecycle, options);
    MachineRecord record;
    record.image = generation.image;
    record.generation = generation.generation;
    record.connection = placement.connection;
    record.host = placement.host;
    record.pool = placement.pool;
    for (const auto& network : options.networks.empty()
                                   ? default_networks(lifecycle.settings(), placement.embedded())
                                   : options.networks) {
        record.nics.push_back({network});
    }
    record.memory = size.memory;
    record.vcpus = size.vcpus;
    record.firmware = options.firmware;
    record.tpm = options.tpm;
    record.cpu = options.cpu;
    record.autostart = options.autostart;
    record.ephemeral = options.ephemeral;
    record.warm = options.warm;
    record.comment = options.comment;
    record.shares = options.shares;
    for (const auto disk : options.data_disks) {
        record.data_disks.push_back({{}, "qcow2", disk});
    }
    record.created = lifecycle.clock().wall_seconds();
    return record;
}

/// Names and MACs that domains of that daemon have already, ours or not. An embedded root is new and holds
/// none.
void add_taken(Lifecycle& lifecycle, const Placement& placement, ReservationRequest& request) {
    if (placement.embedded()) {
        return;
    }
    const auto connection = lifecycle.open_uri(placement.connection);
    const std::set<std::string> ours = lifecycle.reservations().uuids();
    for (const auto& row : connection.domains()) {
        request.taken_names.insert(row.name);
        if (ours.count(row.uuid) != 0) {
            continue;  // its MACs are reserved; to read them from its XML would make each spawn dearer than
                       // the one before
        }
        if (const auto domain = connection.find(row.uuid)) {
            for (const auto& mac : virt::read_domain_xml(domain->xml(true)).macs) {
                request.taken_macs.insert(mac);
            }
        }
    }
}

void check_options(const SpawnOptions& options, const MachineRecord& record, const Placement& placement) {
    for (const auto& nic : record.nics) {
        if (placement.embedded() && nic.network.kind != NetworkSpec::Kind::user) {
            throw Error(Failure::usage,
                        fmt::format("the embedded driver has no network '{}'", nic.network.text()),
                        "use --network user, or --connect qemu:///system");
        }
        if (options.count > 1 && (nic.network.mac || nic.network.ip)) {
            throw Error(Failure::usage, "a fixed MAC or IP fits one machine only",
                        "leave it out, or spawn them one by one");
        }
    }
    if (!options.start && options.wait != Wait::none) {
        throw Error(Failure::usage, "a machine that is not started gives no signal",
                    "use --wait none with --no-start");
    }
    if (placement.pool.empty()) {
        return;
    }
    if (options.mode != DiskMode::overlay || !options.shares.empty()) {
        throw Error(Failure::usage, "on another host machines are overlays without shared folders",
                    "leave --copy, --thick and --share out");
    }
}

/// One spawn from the first reservation to the last signal; what it made is undone unless finish() was
/// reached.
class Spawn {
public:
    Spawn(Lifecycle& lifecycle, const SpawnOptions& options)
        : lifecycle_(lifecycle),
          options_(options),
          generation_(lifecycle.store().resolve(options.image)),
          started_(std::chrono::steady_clock::now()) {}

    std::vector<MachineView> run() {
        prepare();
        try {
            reserve();
            make_all();
            wait_all();
            return finish();
        } catch (Error& error) {
            explain(error);
            undo();
            throw;
        } catch (...) {
            undo();
            throw;
        }
    }

private:
    /// Everything that can be checked before anything is made.
    void prepare() {
        placement_ = place(lifecycle_, options_.host, size_of(lifecycle_, options_).memory);
        common_ = common_record(lifecycle_, options_, generation_, placement_);
        check_options(options_, common_, placement_);
        if (options_.warm) {
            require_warm_possible(options_, common_);
        }
        const Login login = choose_login(generation_, options_.user);
        common_.user = login.user;
        // Debian, Ubuntu, Alpine and Arch are built for the first x86-64; the others' C libraries refuse a
        // CPU without CMPXCHG16B.
        common_.needs_cx16 = login.family != "debian" && login.family != "ubuntu" &&
                             login.family != "alpine" && login.family != "arch";
        source_.chain = image_chain(lifecycle_.store(), generation_);
        source_.mode = options_.mode;
        source_.disk_size = size_of(lifecycle_, options_).disk;
        if (source_.disk_size && *source_.disk_size < generation_.virtual_size) {
            throw Error(
                Failure::usage,
                fmt::format("a root disk of {} cannot hold {}, which has {}", source_.disk_size->text(),
                            generation_.label(), generation_.virtual_size.text()),
                "a disk can only grow: --disk must be at least that");
        }
        source_.seed = common_seed(lifecycle_, options_, login.user, login.images_own);
        if (placement_.pool.empty() && options_.start && !options_.overcommit) {
            check_memory(common_.memory, options_.count);
        }
        if (!placement_.embedded()) {
            std::vector<NetworkSpec> networks;
            std::transform(common_.nics.begin(), common_.nics.end(), std::back_inserter(networks),
                           [](const Nic& nic) { return nic.network; });
            prepare_networks(lifecycle_.open_uri(placement_.connection), networks);
            if (placement_.pool.empty() && placement_.connection == "qemu:///system") {
                auto files = source_.chain;
                files.push_back(lifecycle_.places().instances() / "x" / "disk.qcow2");
                check_paths_for_system(files);
            }
        }
    }

    void reserve() {
        const bool numbered = options_.count > 1 || options_.name.empty();
        const std::string pattern = options_.name.empty() ? generation_.image : options_.name;
        ReservationRequest request{NamePattern(pattern, numbered && pattern.find('{') == std::string::npos),
                                   options_.count, common_};
        request.forward_ssh = std::any_of(common_.nics.begin(), common_.nics.end(), [](const Nic& nic) {
            return nic.network.kind == NetworkSpec::Kind::user;
        });
        add_taken(lifecycle_, placement_, request);
        machines_ = lifecycle_.reservations().reserve(request);
        for (auto& machine : machines_) {
            machine.record.generation_id = random_uuid();
            lifecycle_.store().add_reference(generation_.image, generation_.generation,
                                             {store::Holder::Kind::instance, machine.record.name});
        }
    }

    void make_all() {
        if (!placement_.pool.empty()) {
            remote_base_ = provide_image(lifecycle_, placement_, generation_, source_.chain);
        }
        if (options_.warm) {
            thaw();
        }
        constexpr std::size_t width = 8;
        in_parallel(machines_.size(), width, [&](std::size_t i) { make(machines_[i]); });
    }

    void thaw() {
        const ByteSize disk = source_.disk_size.value_or(generation_.virtual_size);
        const TemplateKey key = template_key(lifecycle_, common_, generation_, disk);
        template_ = provide_template(
            lifecycle_, key, {common_, source_.chain, disk, template_seed(source_.seed)}, timeout(common_));
        source_.warm_disk = template_->disk();
    }

    std::chrono::milliseconds timeout(const MachineRecord& record) const {
        const bool kvm = machine_accel(lifecycle_, record) == virt::DomainSpec::Accel::kvm;
        return options_.timeout.value_or(kvm ? std::chrono::minutes(5) : std::chrono::minutes(15));
    }

    void make(Reserved& machine) {
        interrupt::check();
        const seeds::SeedSpec seed = make_machine_files(lifecycle_, machine.record, source_);
        if (remote_base_) {
            move_to_pool(lifecycle_, machine.record, *remote_base_,
                         source_.disk_size.value_or(generation_.virtual_size));
        }
        const auto connection = lifecycle_.open(machine.record);
        for (const auto& nic : machine.record.nics) {
            if (nic.network.ip) {
                connection.reserve_address(libvirt_network(nic.network), *nic.network.mac,
                                           machine.record.name, *nic.network.ip);
            }
        }
        const auto domain = define_machine(lifecycle_, connection, machine.record);
        if (template_) {
            start_warm(lifecycle_, connection, machine.record, *template_, seed, machine.port);
        } else if (options_.start) {
            domain.start();
            machine.port.reset();  // QEMU has it now
        }
        if (machine.record.autostart && !machine.record.is_embedded()) {
            domain.set_autostart(true);
        }
    }

    void wait_all() {
        ready_.resize(machines_.size());
        constexpr std::size_t width = 64;
        in_parallel(machines_.size(), width, [&](std::size_t i) {
            MachineRecord& record = machines_[i].record;
            if (options_.wait != Wait::none) {
                Activity activity(lifecycle_.monitor(), fmt::format("wait for {}", record.name));
                ready_[i] = wait_until_ready(lifecycle_, record, options_.wait, timeout(record));
            }
            record.seconds = Seconds(std::chrono::steady_clock::now() - started_).count();
        });
    }

    std::vector<MachineView> finish() {
        std::vector<MachineView> views;
        std::vector<MachineRecord> records;
        for (auto& machine : machines_) {
            machine.record.state = RecordState::ready;
            records.push_back(machine.record);
        }
        lifecycle_.save_all(records);
        for (std::size_t i = 0; i < machines_.size(); ++i) {
            const MachineRecord& record = records[i];
            MachineView view{.record = record,
                             .state = options_.start ? "running" : "shut off",
                             .addresses = ready_[i].addresses};
            view.addresses.resize(record.nics.size());
            view.seconds = record.seconds;
            views.push_back(std::move(view));
        }
        return views;
    }

    /// The end of the console of the machine that failed, before its log is removed with it.
    void explain(Error& error) const {
        for (const auto& machine : machines_) {
            constexpr std::size_t lines = 15;
            const std::string tail = console_tail(lifecycle_.console_log(machine.record), lines);
            const bool named = machines_.size() == 1 ||
                               error.message().find("'" + machine.record.name + "'") != std::string::npos;
            if (named && !tail.empty()) {
                error.add_context(
                    fmt::format("last lines on the console of {}:\n{}", machine.record.name, tail));
            }
        }
    }

    void undo() noexcept {
        const interrupt::Shield shield;
        for (const auto& machine : machines_) {
            try {
                erase_machine(lifecycle_, machine.record);
            } catch (const std::exception& error) {
                lifecycle_.monitor().warning(fmt::format(
                    "machine '{}' could not be removed again ({}); `imgforge cleanup` tries once more",
                    machine.record.name, error.what()));
            }
        }
    }

    Lifecycle& lifecycle_;
    const SpawnOptions& options_;
    store::Generation generation_;
    std::chrono::steady_clock::time_point started_;
    Placement placement_;
    MachineRecord common_;
    MachineSource source_;
    std::optional<std::filesystem::path> remote_base_;
    std::optional<WarmTemplate> template_;
    std::vector<Reserved> machines_;
    std::vector<Readiness> ready_;
};

}  // namespace

std::vector<MachineView> spawn(Lifecycle& lifecycle, const SpawnOptions& options) {
    if (options.count < 1 || options.count > 1000) {
        throw Error(Failure::usage, fmt::format("cannot spawn {} machines at once", options.count),
                    "--count is from 1 to 1000");
    }
    return Spawn(lifecycle, options).run();
}

}  // namespace imgforge::lifecycle
