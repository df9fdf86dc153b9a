// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lazy/hydrate.hpp"

#include <sys/resource.h>

#include <future>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/lock.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/lifecycle/background.hpp"
#include "pipelines/lifecycle/block_job.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/embedded_pause.hpp"
#include "pipelines/lifecycle/lazy/nbdkit.hpp"
#include "pipelines/lifecycle/lazy/web_disk.hpp"
#include "pipelines/lifecycle/machine_files.hpp"
#include "pipelines/lifecycle/pause.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds pace{5};  ///< between two looks at the server or the machine

/// Lowers the priority of this thread, and of the programs it starts: a machine's boot comes first.
void step_back() {
    constexpr int niceness = 15;
    // Linux keeps it for each thread. When it is refused nothing but speed is lost.
    static_cast<void>(setpriority(PRIO_PROCESS, 0, niceness));
}

/// One machine on its way from the server's disk to the local one.
class Hydration {
public:
    Hydration(Lifecycle& lifecycle, std::string name) : lifecycle_(lifecycle), name_(std::move(name)) {}

    Hydrated run(std::optional<std::chrono::milliseconds> timeout) {
        if (!lifecycle_.require(name_).lazy) {
            result_.was_complete = true;
            return result_;
        }
        const auto started = std::chrono::steady_clock::now();
        while (true) {
            try {
                ask_server();
                keep_serving();
                put_under(pull());
                see_it_run();
                return result_;
            } catch (const Error& error) {
                const bool again = error.kind() == Failure::tool || error.kind() == Failure::timeout;
                if (!again || (timeout && std::chrono::steady_clock::now() - started >= *timeout)) {
                    throw;
                }
                lifecycle_.monitor().warning(fmt::format("{}; trying again", error.message()));
            }
            lifecycle_.clock().sleep(pace);
        }
    }

private:
    /// It answers, or this throws.
    void ask_server() {
        const MachineRecord record = lifecycle_.require(name_);
        if (record.lazy) {
            const auto source = lazy_source(lifecycle_, record.lazy->source);
            static_cast<void>(
                targets::accept_index(source, *targets::open_source(source), lazy_services(lifecycle_)));
        }
    }

    /// The machine has its nbdkit and runs. The spawn that is still waiting for it has just started both.
    void keep_serving() {
        const bool free = MachineLock::try_acquire(lifecycle_.places().instances(), name_).has_value();
        if (free) {
            auto [record, lock] = lifecycle_.hold(name_);
            if (!record.lazy) {
                return;
            }
            const int before = record.lazy->pid;
            ensure_nbdkit(lifecycle_, record);
            if (record.lazy->pid != before) {
                lifecycle_.save(record);
            }
        }
        revive(lifecycle_.require(name_));
    }

    /// Lets a machine go on that halted because a read failed. One that halts again at once is reported, and
    /// looked at again after the next step.
    void revive(const MachineRecord& record) {
        // Without the database, which a pull uses at the same time; an embedded root is opened only then.
        const bool embedded = record.is_embedded();
        constexpr auto failed = virt::DomainReason::io_error;
        if (embedded && embedded_pause(lifecycle_.embedded_root(record), record) != failed) {
            return;
        }
        try {
            const auto connection = lifecycle_.open(record);
            const auto domain = connection.find(record.uuid);
            const auto status = domain ? domain->status() : std::nullopt;
            if (status && status->state == virt::DomainState::paused &&
                (embedded || status->reason == failed)) {
                go_on(lifecycle_.host(), record, *domain);
                lifecycle_.monitor().message(fmt::format("machine '{}' goes on", record.name));
            }
        } catch (const Error& error) {
            lifecycle_.monitor().warning(error.message());
        }
    }

    /// It may have halted until just now, and on a busy host its QEMU does not answer every question.
    void see_it_run() {
        constexpr int looks = 4;
        for (int i = 0; result_.was_running && i < looks; ++i) {
            revive(lifecycle_.require(name_));
            lifecycle_.clock().sleep(std::chrono::milliseconds(500));
        }
    }

    /// Brings the image, in a thread that gives way to the machines, and watches this machine meanwhile.
    store::Generation pull() {
        const MachineRecord record = lifecycle_.require(name_);
        static_cast<void>(lifecycle_.store());  // opened by this thread
        auto pulled = std::async(std::launch::async, [&] {
            step_back();
            return pull_image(record);
        });
        while (pulled.wait_for(pace) != std::future_status::ready) {
            revive(record);
        }
        return pulled.get();
    }

    store::Generation pull_image(const MachineRecord& record) {
        // Of many machines that wait for one image, one brings it.
        constexpr std::chrono::hours longest{12};
        const FileLock lock =
            FileLock::acquire(lifecycle_.places().cache() / fmt::format("hydrate-{}.lock", record.image),
                              fmt::format("hydrate {}", record.name), longest);
        const auto source = lazy_source(lifecycle_, record.lazy->source);
        const auto reader = targets::open_source(source);
        const auto services = lazy_services(lifecycle_);
        const auto accepted = targets::accept_index(source, *reader, services);
        const auto pulled = targets::pull_generation(source, *reader, accepted, record.image,
                                                     record.lazy->generation, services);
        result_.bytes += pulled.bytes;
        return pulled.generation;
    }

    void put_under(const store::Generation& generation) {
        auto [record, lock] = lifecycle_.hold(name_);  // a spawn that waits for the machine ends first
        if (!record.lazy) {
            result_.was_complete = true;  // another call was faster
            return;
        }
        auto& store = lifecycle_.store();
        store.require_usable(generation);
        store.add_reference(generation.image, generation.generation,
                            {store::Holder::Kind::instance, record.name});
        const auto chain = image_chain(store, generation);
        const auto connection = lifecycle_.open(record);
        const auto domain = connection.find(record.uuid);
        const auto status = domain ? domain->status() : std::nullopt;
        result_.was_running = status && status->active();
        const fs::path old = record.disk;
        if (result_.was_running) {
            record.disk = move_running(record, *domain, chain.front());
        } else {
            run_checked(lifecycle_.processes(),
                        image::qemu_img::rebase_unsafe(
                            record.disk, fs::proximate(chain.front(), record.disk.parent_path()).string(),
                            image::DiskFormat::qcow2));
        }
        // Before the record says that there is none: a killed call shall not leave it running.
        end_nbdkit(record);
        record.backing = chain;
        record.lazy.reset();
        record.generation = generation.generation;
        lifecycle_.save(record);
        define_machine(lifecycle_, connection, record);
        if (old != record.disk) {
            remove_tree(old);
        }
        result_.image = record.image;
        result_.generation = record.generation;
    }

    /// What the guest has written so far goes into a new overlay on the local image, while it runs on; then
    /// the domain changes over. Returns the new overlay.
    fs::path move_running(const MachineRecord& record, const virt::Domain& domain, const fs::path& base) {
        const fs::path overlay = lifecycle_.folder(record.name) / "root.qcow2";
        const auto now = examine(record, domain);
        if (now.running && !now.running->disks.empty() && now.running->disks.front().path == overlay) {
            return overlay;  // a killed call came as far as here
        }
        remove_tree(overlay);
        image::create_overlay({.overlay = overlay,
                               .backing = base,
                               .backing_name = fs::proximate(base, overlay.parent_path()).string(),
                               .virtual_size = image::virtual_size(record.disk, image::DiskFormat::qcow2)});
        Activity activity(lifecycle_.monitor(), fmt::format("put {} on its local image", record.name));
        domain.start_top_copy("vda", overlay);
        await_copy(lifecycle_.host(), domain,
                   {.target = "vda",
                    .what = fmt::format("copying what '{}' has written", record.name),
                    .longest = std::chrono::minutes(30),
                    .if_ended = "the machine is unchanged; try again, or hydrate it while it is off"},
                   activity);
        domain.pivot_block_copy("vda");
        return overlay;
    }

    Lifecycle& lifecycle_;
    std::string name_;
    Hydrated result_;
};

}  // namespace

Hydrated hydrate_machine(Lifecycle& lifecycle, std::string_view name,
                         std::optional<std::chrono::milliseconds> timeout) {
    return Hydration(lifecycle, std::string(name)).run(timeout);
}

void hydrate_in_background(const InstanceLayout& layout, const MachineRecord& record) {
    start_in_background(layout, {"hydrate", record.name, "--keep-trying"},
                        layout.folder(record.name) / "hydrate.log");
}

void require_complete(const MachineRecord& record, const char* what) {
    if (record.lazy) {
        throw Error(Failure::domain,
                    fmt::format("the disk of machine '{}' is not complete: {} needs all of it here",
                                record.name, what),
                    fmt::format("imgforge hydrate {} brings the rest", record.name));
    }
}

}  // namespace imgforge::lifecycle
