// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/fake_clock.hpp"

namespace imgforge::test {

void FakeClock::sleep(std::chrono::milliseconds duration) {
    now_ += duration;
    wall_ms_ += duration.count();
}

}  // namespace imgforge::test
