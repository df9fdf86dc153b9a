// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace imgforge::lifecycle {

void in_parallel(std::size_t count, std::size_t width, const std::function<void(std::size_t)>& body) {
    if (count == 1) {
        body(0);
        return;
    }
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto work = [&] {
        for (std::size_t i = next++; i < count; i = next++) {
            try {
                body(i);
            } catch (...) {
                const std::lock_guard guard(mutex);
                if (!failure) {
                    failure = std::current_exception();
                }
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < std::min(count, width); ++i) {
            threads.emplace_back(work);
        }
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace imgforge::lifecycle
