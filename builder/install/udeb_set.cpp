// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/udeb_set.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string_view>

#include <cstring>

namespace imgforge::install {

namespace {

constexpr std::string_view image_prefix = "kernel-image-";
constexpr std::string_view di_suffix = "-di";

class Closure {
public:
    Closure(const PackageIndex& udebs, const std::set<std::string>& present, const std::string& abi,
            std::vector<std::string>& missing)
        : udebs_(udebs), there_(present), abi_(abi), missing_(missing) {}

    void add(const std::string& name) {
        const Stanza stanza_of(udebs_.has(name) ? stanzas_.emplace_back(udebs_.by_name(name).stanza)
                                                : std::string_view());
        if (stanza_of.text().empty()) {
            missing_.push_back(name);
            return;
        }
        there_.insert(name);
        for (const DependencyChoice& provided : parse_dependencies(stanza_of.field("Provides")))
            there_.insert(provided.names.front());
        result_.push_back(name);
        open_.push_back(parse_dependencies(stanza_of.field("Depends")));
    }

    std::vector<std::string> run() {
        while (!open_.empty()) {
            const std::vector<DependencyChoice> choices = std::move(open_.front());
            open_.pop_front();
            for (const DependencyChoice& choice : choices)
                satisfy(choice);
        }
        return std::move(result_);
    }

private:
    void satisfy(const DependencyChoice& choice) {
        for (const std::string& name : choice.names) {
            if (there_.count(name) != 0)
                return;
        }
        for (const std::string& name : choice.names) {
            if (const std::optional<std::string> found = candidate(name)) {
                add(*found);
                return;
            }
        }
        missing_.push_back(choice.names.front());
    }

    std::optional<std::string> candidate(const std::string& name) const {
        if (udebs_.has(name))
            return name;
        const std::vector<std::string> providers = udebs_.providers(name);
        if (providers.empty())
            return std::nullopt;
        const auto of_abi = std::find_if(providers.begin(), providers.end(),
                                         [&](const std::string& one) { return one.ends_with(abi_ + "-di"); });
        return of_abi != providers.end() ? *of_abi : providers.front();
    }

    const PackageIndex& udebs_;
    std::set<std::string> there_;
    std::string abi_;
    std::vector<std::string>& missing_;
    std::deque<std::string> stanzas_;
    std::deque<std::vector<DependencyChoice>> open_;
    std::vector<std::string> result_;
};

}  // namespace

std::vector<std::string> kernel_abis(const PackageIndex& udebs) {
    std::vector<std::string> abis;
    for (const std::string& name : udebs.names()) {
        if (name.starts_with(image_prefix) && name.ends_with(di_suffix))
            abis.push_back(
                name.substr(image_prefix.size(), name.size() - image_prefix.size() - di_suffix.size()));
    }
    // strverscmp(3) sorts 6.12.94 before 6.12.107.
    std::sort(abis.begin(), abis.end(), [](const std::string& a, const std::string& b) {
        return ::strverscmp(a.c_str(), b.c_str()) > 0;
    });
    return abis;
}

std::vector<std::string> module_udebs(const std::vector<std::string>& modules, const std::string& abi) {
    std::vector<std::string> names;
    for (const std::string& module : modules)
        names.push_back(module + "-" + abi + std::string(di_suffix));
    return names;
}

std::vector<std::string> udeb_closure(const PackageIndex& udebs, const std::vector<std::string>& roots,
                                      const std::set<std::string>& present, const std::string& abi,
                                      std::vector<std::string>& missing) {
    Closure closure(udebs, present, abi, missing);
    for (const std::string& root : roots) {
        if (present.count(root) == 0)
            closure.add(root);
    }
    return closure.run();
}

}  // namespace imgforge::install
