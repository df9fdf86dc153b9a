// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/block_job.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

using JobNow = std::optional<virt::BlockJob>;

void await_job(const Host& host, const virt::Domain& domain, const DiskCopy& copy, Activity& activity,
               const std::function<bool(const JobNow&)>& done) {
    JobNow job;
    wait_until(
        *host.clock, copy.what, copy.longest,
        [&] {
            job = domain.block_job(copy.target);
            if (job) {
                activity.progress(static_cast<double>(job->done), static_cast<double>(job->total), "bytes");
            }
            return done(job);
        },
        [&] {
            return job ? fmt::format("{} of {} bytes copied", job->done, job->total) : std::string("no job");
        });
}

}  // namespace

void await_copy(const Host& host, const virt::Domain& domain, const DiskCopy& copy, Activity& activity) {
    await_job(host, domain, copy, activity, [&](const JobNow& job) {
        if (!job) {
            throw Error(Failure::domain, fmt::format("libvirt ended {} before it was complete", copy.what),
                        copy.if_ended);
        }
        return job->total > 0 && job->done == job->total;
    });
}

void await_job_end(const Host& host, const virt::Domain& domain, const DiskCopy& copy, Activity& activity) {
    await_job(host, domain, copy, activity, [](const JobNow& job) { return !job || !job->running; });
}

}  // namespace imgforge::lifecycle
