// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/doctor/doctor.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::doctor {

std::vector<Check> examine(DoctorContext& context, const std::vector<CheckType>& types) {
    std::vector<Check> found;
    for (const CheckType& type : types) {
        if (type.slow && context.quick) {
            continue;
        }
        Activity activity(context.monitor, "checking " + type.name);
        try {
            found.push_back(type.run(context));
        } catch (const Error& error) {
            found.push_back({.name = type.name,
                             .ok = false,
                             .detail = error.message(),
                             .fix = error.hint(),
                             .required = error.kind() == Failure::host});
        }
        Check& check = found.back();
        check.name = type.name;
        if (!check.ok && check.fix.empty() && check.command.empty()) {
            check.fix = type.fix;
            check.command = type.command;
        }
        if (check.fix.empty()) {
            check.fix = check.command;
        }
    }
    return found;
}

Json to_json(const std::vector<Check>& checks) {
    Json list = Json::array();
    for (const Check& check : checks) {
        list.push_back({{"name", check.name},
                        {"ok", check.ok},
                        {"required", check.required},
                        {"detail", check.detail},
                        {"fix", check.fix.empty() ? Json(nullptr) : Json(check.fix)},
                        {"command", check.command.empty() ? Json(nullptr) : Json(check.command)}});
    }
    return {{"checks", list}};
}

std::string to_text(const std::vector<Check>& checks) {
    std::string text;
    for (const Check& check : checks) {
        text += fmt::format("{:<8} {:<16} {}\n",
                            check.ok         ? "ok"
                            : check.required ? "MISSING"
                                             : "limited",
                            check.name, check.detail);
        if (!check.ok && !check.fix.empty()) {
            text += fmt::format("{:<8} {:<16} fix: {}\n", "", "", check.fix);
        }
    }
    return text;
}

}  // namespace imgforge::doctor
