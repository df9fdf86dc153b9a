// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::install {

/// How an installation went on over time, for the report of the run: a point whenever a percent or the step
/// changes.
class ProgressRecord {
public:
    /// `second` since the start of the machine; `percent` 0 to 100.
    void note(double second, double percent, const std::string& step);
    /// `[{second, percent, step}]`.
    Json json() const;

private:
    struct Point {
        double second = 0;
        double percent = 0;
        std::string step;
    };
    std::vector<Point> points_;
};

}  // namespace imgforge::install
