// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spawn.hpp"

#include <algorithm>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/random.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_root.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/forwarder.hpp"
#include "pipelines/lifecycle/lazy/hydrate.hpp"
#include "pipelines/lifecycle/lazy/web_disk.hpp"
#include "pipelines/lifecycle/machine_files.hpp"
#include "pipelines/lifecycle/parallel.hpp"
#include "pipelines/lifecycle/placement.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/preflight.hpp"
#include "pipelines/lifecycle/remote_machine.hpp"
#include "pipelines/lifecycle/spawn_batch.hpp"
#include "pipelines/lifecycle/spawn_plan.hpp"
#include "pipelines/lifecycle/warm/warm_clone.hpp"
#include "pipelines/store/image_os.hpp"

namespace imgforge::lifecycle {
namespace {

using Seconds = std::chrono::duration<double>;

/// Less than this boots no kernel: the number lacks its unit.
constexpr ByteSize least_memory = ByteSize::mib(16);

/// The names the machines get: those asked for, else of the image.
NamePattern names_of(const SpawnOptions& options, const std::string& image) {
    const bool numbered = options.count > 1 || options.name.empty();
    const std::string& pattern = options.name.empty() ? image : options.name;
    return {pattern, numbered && pattern.find('{') == std::string::npos};
}

void check_numbers(const Host& host, const SpawnOptions& options) {
    if (options.count < 1 || options.count > 1000) {
        throw Error(Failure::usage, fmt::format("cannot spawn {} machines in one command", options.count),
                    "--count is from 1 to 1000");
    }
    const ByteSize memory = size_of(host, options).memory;
    if (memory < least_memory) {
        throw Error(Failure::usage, fmt::format("no machine runs in {} of memory", memory.text()),
                    "write the unit: --memory 1536M, --memory 2G");
    }
}

/// One spawn from the first reservation to the last signal.
class Spawn {
public:
    Spawn(Lifecycle& lifecycle, const SpawnOptions& options)
        : lifecycle_(lifecycle),
          options_(options),
          in_pool_(options.storage.empty()
                       ? std::nullopt
                       : std::optional(find_in_pool(lifecycle, options.storage, options.image))),
          on_web_(options.lazy.empty()
                      ? std::nullopt
                      : std::optional(find_web_disk(lifecycle, options.lazy, options.image))),
          generation_(in_pool_  ? in_pool_->generation
                      : on_web_ ? on_web_->generation
                                : lifecycle.store().resolve(options.image)),
          started_(std::chrono::steady_clock::now()),
          batch_(lifecycle, options.rollback, options.wait != Wait::none) {}

    std::vector<MachineView> run() {
        prepare();
        try {
            reserve();
            make_all();
        } catch (const Error& error) {
            batch_.undo_undefined();
            throw batch_.settled(error);
        } catch (...) {
            batch_.undo();
            throw;
        }
        return wait_or_keep();
    }

private:
    /// Everything that can be checked before anything is made.
    void prepare() {
        if (stored()) {
            lifecycle_.store().require_usable(generation_);
        }
        const ByteSize memory =
            options_.overcommit ? ByteSize() : size_of(lifecycle_.host(), options_).memory;
        placement_ = place(lifecycle_, options_.host, memory, options_.count);
        common_ = common_record(lifecycle_.host(), options_, generation_, placement_);
        check_options(options_, common_, placement_);
        if (options_.warm) {
            require_warm_possible(options_, common_);
        }
        const Login login = choose_login(in_pool_ ? in_pool_->os : os(), options_.user);
        set_login(login, common_);
        check_published(lifecycle_, common_);
        prepare_root();
        source_.mode = options_.mode;
        source_.disk_size = size_of(lifecycle_.host(), options_).disk;
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
            prepare_networks(lifecycle_.open_uri(placement_.connection), networks_of(common_));
            if (placement_.pool.empty() && placement_.connection == "qemu:///system") {
                auto files = source_.make_root ? std::vector<std::filesystem::path>() : source_.chain;
                files.push_back(lifecycle_.places().instances() / "x" / "disk.qcow2");
                check_paths_for_system(files);
            }
        }
    }

    /// Where root disks come from: the store, a pool (one clone after the other: milliseconds), a web server.
    void prepare_root() {
        if (in_pool_) {
            if (uri_host(placement_.connection).empty()) {
                check_ceph_in_qemu(lifecycle_);
            }
            pool_ = std::make_unique<ceph::Pool>(in_pool_->pool);
            common_.ceph =
                CephRoot{ceph::to_string(in_pool_->pool), ceph_secret_name(*pool_, placement_.embedded())};
            source_.make_root = [this](MachineRecord& record) {
                const std::lock_guard guard(cloning_);
                make_ceph_root(*pool_, *in_pool_, root_size(), record);
            };
        } else if (on_web_) {
            common_.lazy = on_web_->root;
            source_.make_root = [this](MachineRecord& record) {
                make_lazy_root(lifecycle_, record, generation_.virtual_size, root_size());
            };
        } else {
            source_.chain = image_chain(lifecycle_.store(), generation_);
        }
    }

    ByteSize root_size() const { return source_.disk_size.value_or(generation_.virtual_size); }
    /// Whether this store has the generation: then it stays while the machines live.
    bool stored() const { return in_pool_ ? in_pool_->stored : !on_web_; }
    std::string os() const { return on_web_ ? on_web_->os : store::image_os(generation_); }

    void reserve() {
        ReservationRequest request{names_of(options_, generation_.image), options_.count, common_};
        request.forward_ssh = std::any_of(common_.nics.begin(), common_.nics.end(), [](const Nic& nic) {
            return nic.network.kind == NetworkSpec::Kind::user;
        });
        add_taken(lifecycle_, placement_, request);
        batch_.take(lifecycle_.reservations().reserve(request));
        ready_.resize(batch_.machines().size());
        for (auto& machine : batch_.machines()) {
            machine.record.generation_id = random_uuid();
            if (stored()) {
                lifecycle_.store().add_reference(generation_.image, generation_.generation,
                                                 {store::Holder::Kind::instance, machine.record.name});
            }
        }
        placement_.turn.reset();
    }

    void make_all() {
        if (!placement_.pool.empty() && !in_pool_) {
            remote_base_ = provide_image(lifecycle_, placement_, generation_, source_.chain);
        }
        if (options_.warm) {
            thaw();
        }
        constexpr std::size_t width = 8;
        in_parallel(batch_.machines().size(), width,
                    [&](std::size_t i) { with_console(i, [&] { make(i); }); });
        for (std::size_t i = 0; on_web_ && options_.start && i < batch_.machines().size(); ++i) {
            hydrate_in_background(lifecycle_, batch_.machines()[i].record);  // gives way to the boot
        }
        if (common_.autostart && !placement_.embedded()) {
            keep_networks(lifecycle_.monitor(), lifecycle_.open_uri(placement_.connection),
                          networks_of(common_));
        }
    }

    void thaw() {
        const ByteSize disk = source_.disk_size.value_or(generation_.virtual_size);
        const TemplateKey key = template_key(lifecycle_, common_, generation_, disk);
        template_ = provide_template(lifecycle_, key,
                                     {common_, source_.chain, disk, template_seed(source_.seed), key.whole},
                                     timeout(common_));
        source_.warm_disk = template_->disk();
    }

    std::chrono::milliseconds timeout(const MachineRecord& record) const {
        const bool kvm = machine_accel(lifecycle_, record) == virt::DomainSpec::Accel::kvm;
        return options_.timeout.value_or(kvm ? std::chrono::minutes(5) : std::chrono::minutes(15));
    }

    void make(std::size_t i) {
        Reserved& machine = batch_.machines()[i];
        interrupt::check();
        const seeds::SeedSpec seed = make_machine_files(lifecycle_, machine.record, source_);
        if (!placement_.pool.empty()) {
            move_to_pool(lifecycle_, machine.record, remote_base_, root_size());
        }
        const auto connection = lifecycle_.open(machine.record);
        for (const auto& nic : machine.record.nics) {
            if (nic.network.ip) {
                connection.reserve_address(libvirt_network(nic.network), *nic.network.mac,
                                           machine.record.name, *nic.network.ip);
            }
        }
        const auto domain = define_machine(lifecycle_, connection, machine.record, Definition::fresh);
        batch_.step(i) = SpawnStep::defined;
        if (template_) {
            start_warm(lifecycle_, connection, machine.record, *template_, seed, machine.port);
        } else if (options_.start) {
            keep_ceph_login(connection, machine.record);
            domain.start();
            machine.port.reset();  // QEMU has it now
        }
        if (machine.record.autostart && !machine.record.is_embedded()) {
            domain.set_autostart(true);
        }
        batch_.step(i) = SpawnStep::started;
    }

    /// The machines run. One that does not answer stays, so that its user can look at it.
    std::vector<MachineView> wait_or_keep() {
        try {
            wait_all();
            return finish();
        } catch (const Error& error) {
            throw batch_.settled(error);
        } catch (...) {
            options_.rollback ? batch_.undo() : batch_.keep("the command that waited for it was interrupted");
            throw;
        }
    }

    void wait_all() {
        if (options_.wait != Wait::none && !options_.rollback) {
            // A command that is killed while it waits leaves machines, not remains.
            for (auto& machine : batch_.machines()) {
                machine.record.not_ready =
                    fmt::format("its signal '{}' has not been seen", to_string(options_.wait));
            }
            batch_.record_all();
        }
        constexpr std::size_t width = 64;
        in_parallel(batch_.machines().size(), width, [&](std::size_t i) {
            MachineRecord& record = batch_.machines()[i].record;
            if (options_.wait != Wait::none) {
                Activity activity(lifecycle_.monitor(), fmt::format("wait for {}", record.name));
                with_console(i, [&] {
                    ready_[i] = wait_until_ready(lifecycle_, record, options_.wait, timeout(record));
                });
            }
            record.seconds = Seconds(std::chrono::steady_clock::now() - started_).count();
            record.not_ready.clear();
            batch_.step(i) = SpawnStep::arrived;
        });
    }

    std::vector<MachineView> finish() {
        batch_.record_all();
        if (!common_.published.empty()) {
            ensure_forwarder(lifecycle_);
        }
        std::vector<MachineView> views;
        for (std::size_t i = 0; i < batch_.machines().size(); ++i) {
            const MachineRecord& record = batch_.machines()[i].record;
            MachineView view{.record = record,
                             .state = options_.start ? "running" : "shut off",
                             .autostart = record.autostart,
                             .addresses = ready_[i].addresses};
            view.addresses.resize(record.nics.size());
            view.seconds = record.seconds;
            views.push_back(std::move(view));
        }
        return views;
    }

    /// What fails for one machine is noted, and gets the end of its console before its log may be removed.
    template <class Body>
    void with_console(std::size_t i, Body&& body) {
        const Reserved& machine = batch_.machines()[i];
        try {
            std::forward<Body>(body)();
        } catch (Error& error) {
            batch_.trouble(i) = error.message();
            constexpr std::size_t lines = 15;
            const std::string tail = console_tail(lifecycle_.console_log(machine.record), lines);
            if (!tail.empty()) {
                error.add_context(
                    fmt::format("last lines on the console of {}:\n{}", machine.record.name, tail));
            }
            throw;
        }
    }

    Lifecycle& lifecycle_;
    const SpawnOptions& options_;
    std::optional<PoolGeneration> in_pool_;
    std::optional<WebDisk> on_web_;
    store::Generation generation_;
    std::chrono::steady_clock::time_point started_;
    Placement placement_;
    MachineRecord common_;
    MachineSource source_;
    std::optional<std::filesystem::path> remote_base_;
    std::unique_ptr<ceph::Pool> pool_;
    std::mutex cloning_;
    std::optional<WarmTemplate> template_;
    SpawnBatch batch_;
    std::vector<Readiness> ready_;  ///< one for each machine, written by several threads
};

}  // namespace

void check_spawn(Lifecycle& lifecycle, const SpawnOptions& options) {
    check_numbers(lifecycle.host(), options);
    if (!options.name.empty()) {
        const Reservations& reserved = lifecycle.reservations();
        names_of(options, {}).choose(options.count, [&](const std::string& name) {
            return !reserved.find(name);
        });
    }
    check_seed(lifecycle, options);
}

std::vector<MachineView> spawn(Lifecycle& lifecycle, const SpawnOptions& options) {
    check_numbers(lifecycle.host(), options);
    return Spawn(lifecycle, options).run();
}

}  // namespace imgforge::lifecycle
