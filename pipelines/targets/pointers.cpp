// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/pointers.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/lock.hpp"
#include "pipelines/targets/pushed.hpp"

namespace imgforge::targets {
namespace {

constexpr std::chrono::minutes pointer_lock_timeout{10};

/// Two promotions at once would leave targets at the one and the store at the other.
FileLock hold_pointers(const TargetServices& services) {
    return FileLock::acquire(services.store.places().home / ".targets.lock", "promotion",
                             pointer_lock_timeout);
}

struct Prepared {
    NamedTarget target;
    std::unique_ptr<Target> open{};
    PointerMove move{};
};

/// Asks every target; what cannot answer is thrown, or pending with `later`.
std::vector<Prepared> prepare(const std::vector<NamedTarget>& targets, const TargetServices& services,
                              const std::string& image, int generation, bool later) {
    std::vector<Prepared> all;
    for (const NamedTarget& target : targets) {
        Prepared one{.target = target, .open = nullptr, .move = {.target = target.name, .image = image}};
        try {
            one.open = open_target(target, services);
            one.move.outcome =
                one.open->can_promote(image, generation) ? PointerOutcome::moved : PointerOutcome::absent;
        } catch (const Error& error) {
            if (!later) {
                throw Error(error.kind(),
                            fmt::format("target {} cannot be promoted, so nothing was changed: {}",
                                        target.name, error.message()),
                            "--later promotes now and moves this one when it can be reached again");
            }
            one.move.outcome = PointerOutcome::pending;
            one.move.error = error.message();
        }
        all.push_back(std::move(one));
    }
    return all;
}

void move_pointer(PushedTargets& pushed, Target& target, int generation, PointerMove& move) {
    try {
        target.promote(move.image, generation);
        pushed.drop_pending(move.target, move.image);
        move.outcome = PointerOutcome::moved;
    } catch (const Error& error) {
        move.outcome = PointerOutcome::pending;
        move.error = error.message();
        pushed.put_pending(move.target, move.image, move.error);
    }
}

}  // namespace

std::string_view to_string(PointerOutcome outcome) {
    switch (outcome) {
        case PointerOutcome::moved: return "moved";
        case PointerOutcome::absent: return "absent";
        case PointerOutcome::pending: break;
    }
    return "pending";
}

Promotion promote_everywhere(const Settings& settings, const TargetServices& services,
                             const std::string& image, int generation, bool later) {
    PushedTargets pushed(services.store.database());
    const std::vector<NamedTarget> targets = pushed.targets_of(image, settings);
    if (targets.empty()) {
        return {.generation = services.store.promote(image, generation)};
    }
    const FileLock lock = hold_pointers(services);
    std::vector<Prepared> all = prepare(targets, services, image, generation, later);
    for (const Prepared& one : all) {
        if (one.move.outcome != PointerOutcome::absent) {
            pushed.put_pending(one.target.name, image, one.move.error);
        }
    }
    Promotion result{.generation = services.store.promote(image, generation)};
    for (Prepared& one : all) {
        if (one.move.outcome == PointerOutcome::moved) {
            move_pointer(pushed, *one.open, generation, one.move);
        }
        result.moves.push_back(std::move(one.move));
    }
    return result;
}

std::vector<PointerMove> retry_pointers(const Settings& settings, const TargetServices& services) {
    PushedTargets pushed(services.store.database());
    std::vector<PointerMove> moves;
    if (pushed.pending(settings).empty()) {
        return moves;
    }
    const FileLock lock = hold_pointers(services);
    for (const PushedTargets::Pending& one : pushed.pending(settings)) {
        PointerMove move{.target = one.target.name, .image = one.image};
        const auto current = services.store.current(one.image);
        try {
            const std::unique_ptr<Target> open = open_target(one.target, services);
            if (current && open->can_promote(one.image, current->generation)) {
                move_pointer(pushed, *open, current->generation, move);
            } else {
                pushed.drop_pending(move.target, move.image);
                move.outcome = PointerOutcome::absent;
            }
        } catch (const Error& error) {
            move.outcome = PointerOutcome::pending;
            move.error = error.message();
            pushed.put_pending(move.target, move.image, move.error);
        }
        moves.push_back(std::move(move));
    }
    return moves;
}

TargetPush push_and_record(const NamedTarget& target, const TargetServices& services,
                           const store::Generation& generation) {
    return in_context(
        [&] { return fmt::format("push of {} to {}", generation.label(), target.name); },
        [&] {
            TargetPush result = open_target(target, services)->push(generation);
            PushedTargets(services.store.database()).put(target, generation.image, generation.generation);
            return result;
        });
}

}  // namespace imgforge::targets
