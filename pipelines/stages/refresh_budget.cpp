// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh_budget.hpp"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge::stages {
namespace {

/// MemAvailable of proc(5); physical memory when it is missing.
ByteSize available_memory() {
    const std::string text = read_file("/proc/meminfo", 1U << 16U);
    const std::size_t at = text.find("MemAvailable:");
    if (at != std::string::npos) {
        return ByteSize::kib(std::strtoull(text.c_str() + at + 13, nullptr, 10));
    }
    return ByteSize::bytes(static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

}  // namespace

Budget Budget::from_settings(const Settings& settings, const std::filesystem::path& home,
                             std::optional<int> jobs) {
    const BudgetSetting& budget = settings.budget;
    const int cores = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
    Budget result;
    result.jobs = jobs ? *jobs : settings.jobs.value_or(std::max(cores / 2, 1));
    result.memory = budget.memory ? *budget.memory : ByteSize::bytes(available_memory().in_bytes() / 5 * 4);
    result.cpus = budget.cpus.value_or(cores);
    result.disk = budget.disk ? *budget.disk : ByteSize::bytes(free_space(home) / 10 * 9);
    return result;
}

bool fits(const Budget& budget, const std::vector<JobNeed>& running, const JobNeed& need) {
    std::uint64_t memory = need.memory.in_bytes();
    std::uint64_t disk = need.disk.in_bytes();
    int cpus = need.cpus;
    for (const JobNeed& job : running) {
        memory += job.memory.in_bytes();
        disk += job.disk.in_bytes();
        cpus += job.cpus;
    }
    if (disk > budget.disk.in_bytes()) {
        return false;
    }
    return running.empty() || (static_cast<int>(running.size()) < budget.jobs &&
                               memory <= budget.memory.in_bytes() && cpus <= budget.cpus);
}

void run_within(const Budget& budget, const std::vector<JobNeed>& needs,
                const std::function<void(std::size_t)>& job,
                const std::function<void(std::size_t)>& refused) {
    std::mutex mutex;
    std::condition_variable changed;
    std::list<std::size_t> waiting;
    std::list<std::size_t> running;
    std::exception_ptr stop;
    for (std::size_t i = 0; i < needs.size(); ++i) {
        waiting.push_back(i);
    }
    std::vector<std::jthread> threads;
    const auto start = [&](std::size_t i) {
        threads.emplace_back([&, i] {
            std::exception_ptr fault;
            try {
                job(i);
            } catch (...) {
                fault = std::current_exception();
            }
            const std::lock_guard guard(mutex);
            running.remove(i);
            stop = stop ? stop : fault;
            changed.notify_all();
        });
    };
    std::unique_lock lock(mutex);
    while (!waiting.empty() && !stop && !interrupt::requested()) {
        std::vector<JobNeed> in_use;
        for (const std::size_t i : running) {
            in_use.push_back(needs[i]);
        }
        const auto next = std::find_if(waiting.begin(), waiting.end(),
                                       [&](std::size_t i) { return fits(budget, in_use, needs[i]); });
        if (next != waiting.end()) {
            const std::size_t i = *next;
            waiting.erase(next);
            running.push_back(i);
            start(i);
        } else if (running.empty()) {
            refused(waiting.front());
            waiting.pop_front();
        } else {
            // Woken by the end of a job; the time limit is only there to notice a signal.
            changed.wait_for(lock, std::chrono::milliseconds(200));
        }
    }
    lock.unlock();
    threads.clear();  // joins
    if (stop) {
        std::rethrow_exception(stop);
    }
    interrupt::check();
}

}  // namespace imgforge::stages
