// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/verify_digests.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"

namespace fs = std::filesystem;

namespace imgforge::store {

namespace {

Finding finding_of(const DigestTask& task, std::string problem) {
    return {.image = task.image,
            .generation = task.generation,
            .what = task.what,
            .path = task.path,
            .problem = std::move(problem)};
}

}  // namespace

std::vector<Finding> run_tasks(std::vector<DigestTask> tasks, int threads, Activity& activity) {
    std::sort(tasks.begin(), tasks.end(), [](const DigestTask& a, const DigestTask& b) {
        return fs::file_size(a.path) > fs::file_size(b.path);
    });
    double total = 0;
    for (const DigestTask& task : tasks) {
        total += static_cast<double>(fs::file_size(task.path));
    }
    std::atomic<std::size_t> next{0};
    std::atomic<std::uint64_t> done{0};
    std::mutex mutex;
    std::vector<Finding> findings;
    std::exception_ptr stop;
    const auto work = [&] {
        for (std::size_t i = next++; i < tasks.size(); i = next++) {
            const DigestTask& task = tasks[i];
            try {
                std::uint64_t before = 0;
                const std::string digest = sha256_file(task.path, [&](std::uint64_t bytes) {
                    interrupt::check();
                    done += bytes - before;
                    before = bytes;
                });
                const std::lock_guard guard(mutex);
                activity.progress(static_cast<double>(done), total, "bytes");
                if (digest != task.expected) {
                    findings.push_back(
                        finding_of(task, fmt::format("was changed: its digest is {}, published was {}",
                                                     digest, task.expected)));
                }
            } catch (const Error& error) {
                const std::lock_guard guard(mutex);
                findings.push_back(finding_of(task, error.message()));
            } catch (...) {
                const std::lock_guard guard(mutex);
                stop = std::current_exception();
                next = tasks.size();
            }
        }
    };
    const auto count =
        threads > 0 ? static_cast<unsigned>(threads) : std::max(std::thread::hardware_concurrency(), 1U);
    {
        std::vector<std::jthread> workers;
        for (unsigned i = 1; i < std::min<std::size_t>(count, tasks.size()); ++i) {
            workers.emplace_back(work);
        }
        work();
    }
    if (stop) {
        std::rethrow_exception(stop);
    }
    return findings;
}

}  // namespace imgforge::store
