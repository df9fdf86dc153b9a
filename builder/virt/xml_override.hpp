// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <pugixml.hpp>
#include <string>

namespace imgforge::virt {

/// One change of a domain's XML by the user, as virt-install's --xml: "./memory=2097152",
/// "./devices/disk[@device='disk']/driver/@cache=none", "xpath.delete=./devices/memballoon". The path starts
/// at <domain>; elements and attributes that do not exist are made, with the attributes their predicates
/// ask for. Throws Failure::usage naming the text when it is not such a change.
void apply_xml_override(pugi::xml_node domain, const std::string& text);

/// Throws what apply_xml_override() would throw for its form, without a domain.
void check_xml_override(const std::string& text);

}  // namespace imgforge::virt
