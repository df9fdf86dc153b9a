// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_reason.hpp"

#include <array>
#include <cstddef>

#include "builder/virt/libvirt_library.hpp"

namespace imgforge::virt {
namespace {

using R = DomainReason;

// In the order of libvirt-domain.h.
constexpr std::array when_running{R::unknown,       R::booted,   R::migrated,           R::restored,
                                  R::from_snapshot, R::unpaused, R::migration_canceled, R::save_canceled,
                                  R::woken_up,      R::crashed,  R::post_copy};
constexpr std::array when_off{R::unknown, R::shutdown, R::destroyed,     R::crashed, R::migrated,
                              R::saved,   R::failed,   R::from_snapshot, R::daemon};
constexpr std::array when_paused{R::unknown,       R::user,     R::migrating, R::saving,
                                 R::dumping,       R::io_error, R::watchdog,  R::from_snapshot,
                                 R::shutting_down, R::snapshot, R::crashed,   R::starting_up};
constexpr std::array when_crashed{R::unknown, R::panicked};
constexpr std::array when_stopped{R::shutdown, R::destroyed, R::crashed,      R::migrated,
                                  R::saved,    R::failed,    R::from_snapshot};

constexpr std::array<std::string_view, 26> reason_words{"unknown",
                                                        "booted",
                                                        "migrated",
                                                        "restored",
                                                        "from snapshot",
                                                        "unpaused",
                                                        "migration canceled",
                                                        "save canceled",
                                                        "woken up",
                                                        "crashed",
                                                        "post-copy",
                                                        "shutdown",
                                                        "destroyed",
                                                        "saved",
                                                        "failed",
                                                        "daemon",
                                                        "user",
                                                        "migrating",
                                                        "saving",
                                                        "dumping",
                                                        "I/O error",
                                                        "watchdog",
                                                        "shutting down",
                                                        "snapshot",
                                                        "starting up",
                                                        "panicked"};
static_assert(reason_words.size() == static_cast<std::size_t>(R::panicked) + 1);

template <std::size_t N>
DomainReason at(const std::array<DomainReason, N>& reasons, int number) {
    return number >= 0 && static_cast<std::size_t>(number) < N ? reasons[static_cast<std::size_t>(number)]
                                                               : R::unknown;
}

}  // namespace

std::string_view to_string(DomainReason reason) {
    return reason_words[static_cast<std::size_t>(reason)];
}

DomainReason domain_reason(int state, int reason) {
    switch (state) {
        case VIR_DOMAIN_RUNNING: return at(when_running, reason);
        case VIR_DOMAIN_SHUTOFF: return at(when_off, reason);
        case VIR_DOMAIN_PAUSED: return at(when_paused, reason);
        case VIR_DOMAIN_CRASHED: return at(when_crashed, reason);
        case VIR_DOMAIN_SHUTDOWN: return R::user;
        default: return R::unknown;
    }
}

DomainReason stop_reason(int detail) {
    return at(when_stopped, detail);
}

DomainReason domain_reason(int number) {
    return number >= 0 && number <= static_cast<int>(R::panicked) ? static_cast<DomainReason>(number)
                                                                  : R::unknown;
}

}  // namespace imgforge::virt
