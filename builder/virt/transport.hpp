// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>

#include "builder/base/json.hpp"

namespace imgforge::virt {

/// Carries one request to whoever holds the libvirt connection and brings its answer. Requests and answers
/// are JSON (native_host.hpp lists them), because the embedded driver allows one root per process ("already
/// open with path"): each embedded root therefore lives in a worker process of its own, everything else in
/// this process.
class Transport {
public:
    virtual ~Transport() = default;
    /// Throws what the other side threw, VirtError included; Failure::timeout when no answer came within
    /// `deadline`.
    virtual Json call(const Json& request, std::chrono::milliseconds deadline) = 0;
};

}  // namespace imgforge::virt
