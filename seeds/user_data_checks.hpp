// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"
#include "seeds/guest.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// A user-data or vendor-data file of any kind, judged part by part as cloud-init takes it apart: gzip, MIME,
/// archives, templates. Never throws on odd input.
Diagnostics check_user_data(const std::string& bytes, const std::string& name, const Guest& guest = {});

/// One part whose type is said outside of it.
Diagnostics check_user_part(const SeedPart& part, const Guest& guest = {});

}  // namespace imgforge::seeds
