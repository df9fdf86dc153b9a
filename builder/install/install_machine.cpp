// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/install_machine.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <fstream>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/json.hpp"
#include "builder/base/log.hpp"
#include "builder/base/process_watch.hpp"
#include "builder/install/artefacts.hpp"
#include "builder/install/progress_record.hpp"
#include "builder/virt/connection.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/embedded_root.hpp"

namespace imgforge::install {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using virt::DomainReason;

namespace {

/// Reads what was added to a file that somebody else writes.
class FileTail {
public:
    explicit FileTail(fs::path path) : path_(std::move(path)) {}
    std::string read_new() {
        std::ifstream in(path_, std::ios::binary);
        if (!in || !in.seekg(offset_)) {
            return {};
        }
        std::string bytes(std::istreambuf_iterator<char>(in), {});
        offset_ += static_cast<std::streamoff>(bytes.size());
        return bytes;
    }

private:
    fs::path path_;
    std::streamoff offset_ = 0;
};

/// Short, because nothing is read from the console meanwhile.
constexpr seconds status_deadline{3};
constexpr std::chrono::minutes longest_unanswered{10};

/// A libvirt that did not answer to the end leaves its QEMU behind: nobody else would end it.
void end_left_over(const InstallPlan& plan) {
    const auto left = [&] {
        return virt::embedded_qemu(plan.folder / "libvirt", plan.name, fmt::format("guest={},", plan.name));
    };
    if (const auto pid = left(); plan.connection.empty() && pid) {
        log::warn(fmt::format("QEMU process {} of {} is ended without libvirt", *pid, plan.name));
        if (const auto qemu = ProcessWatch::open(*pid); qemu && left() == pid && qemu->signal(SIGKILL)) {
            qemu->await_end(fmt::format("end of QEMU process {}", *pid), seconds(30));
        }
    }
}

std::string embedded_or(const InstallPlan& plan) {
    return plan.connection.empty() ? virt::embedded_uri(plan.folder / "libvirt") : plan.connection;
}

std::string outcome_record(const InstallReport& report) {
    const Outcome& outcome = report.outcome;
    return pretty({{"kind", std::string(to_string(outcome.kind))},
                   {"message", outcome.message},
                   {"step", outcome.step},
                   {"remedy", outcome.remedy},
                   {"answer", outcome.answer},
                   {"seconds", report.seconds},
                   {"cpu_seconds", report.cpu_seconds},
                   {"waited", std::chrono::duration<double>(outcome.waited).count()}});
}

/// One installation's machine from start to teardown.
class Session {
public:
    Session(const InstallPlan& plan, Clock& clock, Activity& activity, Monitor& monitor)
        : plan_(plan),
          clock_(clock),
          activity_(activity),
          monitor_(monitor),
          artefacts_(plan.folder),
          connection_(virt::Connection::open(embedded_or(plan), plan.capabilities)),
          domain_(start()),
          started_(clock.now()),
          answered_(started_),
          watcher_(*plan.row, watch_options(), started_),
          console_(install_channels(plan).console) {
        for (const fs::path& path : install_channels(plan).logs) {
            logs_.emplace_back(path);
        }
    }

    ~Session() {
        const interrupt::Shield shield;
        try {
            close();
        } catch (const std::exception& error) {
            log::warn(fmt::format("closing the installation machine: {}", error.what()));
        }
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    InstallReport run() {
        while (!watcher_.outcome()) {
            look();
            if (!watcher_.outcome()) {
                clock_.sleep(milliseconds(250));
            }
        }
        InstallReport report{.outcome = *watcher_.outcome(),
                             .seconds = std::chrono::duration<double>(clock_.now() - started_).count(),
                             .cpu_seconds = std::chrono::duration<double>(cpu_used_).count(),
                             .tail = watcher_.tail(40),
                             .log_tail = watcher_.log_tail(8)};
        artefacts_.text("outcome.json", outcome_record(report));
        if (!report.outcome.worth_verifying()) {
            monitor_.warning(report.outcome.message);  // at once: collecting what is left takes a while
        }
        const interrupt::Shield shield;
        close();
        report.reach = reach_;
        return report;
    }

private:
    WatchOptions watch_options() const {
        return {.marker = plan_.marker,
                .slowness = plan_.accel == virt::DomainSpec::Accel::kvm ? 1.0 : 8.0,
                .total = plan_.total,
                .expected_seconds = plan_.expected_seconds,
                .asked = plan_.asked};
    }

    virt::Domain start() const {
        const std::string xml = virt::domain_xml(install_domain(plan_));
        artefacts_.text("domain.xml", xml);
        for (const auto& [name, text] : plan_.texts) {
            artefacts_.text(name, text);
        }
        return connection_.create(xml, !plan_.keep_failed);
    }

    /// One round: bytes four times a second, the domain's state every second, its statistics every five.
    void look() {
        const auto now = clock_.now();
        if (now - state_seen_ >= seconds(1)) {
            state_seen_ = now;
            look_at_domain();
        }
        watcher_.console(console_.read_new(), now);
        for (FileTail& file : logs_) {
            watcher_.log(file.read_new(), now);
        }
        if (stopped_) {  // only after its last bytes were read
            watcher_.ended(by_itself_, how_, now);
            return;
        }
        watcher_.tick(now);
        const double elapsed = std::chrono::duration<double>(now - started_).count();
        const InstallProgress& progress = watcher_.progress();
        activity_.progress(progress.fraction() * 100, 100, "%", progress.title(),
                           progress.remaining(elapsed, plan_.expected_seconds));
        progress_record_.note(elapsed, progress.fraction() * 100, progress.title());
    }

    /// A host that is too busy lets libvirt or QEMU's monitor fall silent for a while; the console goes on
    /// telling.
    struct Asked {
        std::optional<virt::DomainStatus> status;
        bool answered = true;
    };
    Asked ask_status() {
        try {
            const auto status = domain_.status(status_deadline);
            answered_ = clock_.now();
            return {.status = status};
        } catch (const virt::VirtError& error) {
            if (error.cause() != virt::VirtCause::timeout || clock_.now() - answered_ > longest_unanswered) {
                throw;
            }
            log::debug(fmt::format("no status of the domain: {}", error.message()));
            return {.status = virt::DomainStatus{.state = virt::DomainState::running}, .answered = false};
        }
    }

    void look_at_domain() {
        const auto [status, answered] = ask_status();
        if (!status || !status->active()) {
            const auto stop = domain_.last_stop();
            // A transient domain is gone before libvirt's event with the reason is delivered.
            if (!status && !stop && looks_after_end_++ < 10) {
                return;
            }
            stopped_ = true;
            const auto& last = stop ? stop : status;
            by_itself_ = last && last->reason == DomainReason::shutdown;
            how_ = stop ? stop->text() : status ? status->text() : "the domain has vanished";
            return;
        }
        if (status->reason == DomainReason::io_error) {
            throw Error(Failure::host, "the installation machine stopped at an I/O error of its disk",
                        "free space on the file system of " + plan_.disk.string());
        }
        if (answered && clock_.now() - stats_seen_ >= seconds(5)) {
            stats_seen_ = clock_.now();
            look_at_statistics();
        }
    }

    void look_at_statistics() {
        try {
            cpu_used_ = domain_.cpu_time();
            watcher_.stats({.written = domain_.block_stats("vda").write_bytes, .cpu = cpu_used_},
                           stats_seen_);
        } catch (const virt::VirtError& error) {
            // It may power off between two questions; the next look at its state says how.
            log::debug(fmt::format("no statistics: {}", error.what()));
        }
    }

    bool ended_well() const { return watcher_.outcome() && watcher_.outcome()->worth_verifying(); }

    void close() {
        if (std::exchange(closed_, true)) {
            return;
        }
        artefacts_.attempt("progress.json",
                           [this] { artefacts_.text("progress.json", pretty(progress_record_.json())); });
        const bool keep = plan_.keep_failed && watcher_.outcome() && !ended_well() && !stopped_;
        if (!ended_well() && !stopped_) {
            artefacts_.attempt("screen.png", [this] { domain_.screenshot(plan_.folder / "screen.png"); });
        }
        if (keep) {
            reach_ = fmt::format(
                "socat -,rawer UNIX-CONNECT:{}   (console; end with Ctrl-C)\n  virsh -c '{}' destroy {}",
                console_socket(plan_.folder).string(), embedded_or(plan_), plan_.name);
        } else {
            domain_.destroy();
        }
        artefacts_.attempt("console.txt",
                           [this] { artefacts_.decode(install_channels(plan_).console, "console.txt"); });
        if (!keep) {  // a machine that is kept goes on writing them
            artefacts_.attempt("serial0.log", [this] { mask_channels(); });
        }
        if (!keep && plan_.connection.empty()) {
            const fs::path log = plan_.folder / "libvirt" / "log" / "qemu" / (plan_.name + ".log");
            artefacts_.attempt("domain.log",
                               [&] { artefacts_.text("domain.log", read_file(log, 16U << 20U)); });
        }
    }

    void mask_channels() const {
        const InstallChannels channels = install_channels(plan_);
        artefacts_.mask(channels.console);
        for (const fs::path& log : channels.logs) {
            artefacts_.mask(log);
        }
    }

    const InstallPlan& plan_;
    Clock& clock_;
    Activity& activity_;
    Monitor& monitor_;
    Artefacts artefacts_;
    virt::Connection connection_;
    virt::Domain domain_;
    Clock::Instant started_;
    Clock::Instant answered_;  ///< by libvirt, the last time
    Watcher watcher_;
    ProgressRecord progress_record_;
    FileTail console_;
    std::vector<FileTail> logs_;
    Clock::Instant state_seen_{};
    Clock::Instant stats_seen_{};
    std::chrono::nanoseconds cpu_used_{0};
    int looks_after_end_ = 0;
    bool stopped_ = false;
    bool by_itself_ = false;
    bool closed_ = false;
    std::string how_;
    std::string reach_;
};

}  // namespace

InstallReport run_install(const InstallPlan& plan, Clock& clock, Activity& activity, Monitor& monitor) {
    make_directories(plan.folder, 0700);
    InstallReport report;
    try {
        Session session(plan, clock, activity, monitor);
        report = session.run();
    } catch (...) {
        end_left_over(plan);
        remove_tree(plan.folder / "libvirt");
        throw;
    }
    // The worker that held the root has ended with the session; what is worth keeping was copied out of it.
    if (report.reach.empty()) {
        end_left_over(plan);
        remove_tree(plan.folder / "libvirt");
    }
    return report;
}

}  // namespace imgforge::install
