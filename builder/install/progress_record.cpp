// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/progress_record.hpp"

#include <cmath>

namespace imgforge::install {
namespace {

/// An installer that goes to and fro between its steps shall not fill the disk.
constexpr std::size_t most_points = 2000;

double tenths(double value) {
    return std::round(value * 10) / 10;
}

}  // namespace

void ProgressRecord::note(double second, double percent, const std::string& step) {
    const bool new_step = points_.empty() || points_.back().step != step;
    if (points_.size() < most_points && (new_step || percent - points_.back().percent >= 1)) {
        points_.push_back({.second = tenths(second), .percent = tenths(percent), .step = step});
    }
}

Json ProgressRecord::json() const {
    Json list = Json::array();
    for (const Point& point : points_) {
        list.push_back({{"second", point.second}, {"percent", point.percent}, {"step", point.step}});
    }
    return list;
}

}  // namespace imgforge::install
