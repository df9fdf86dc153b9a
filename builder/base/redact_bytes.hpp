// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace imgforge {

/// Masks like redact(), keeping the length: values of remember_secret() and crypt(3) hashes are overwritten
/// with '*', everything else stays byte by byte as it was. For archives and raw logs, whose structure must
/// stay.
std::string redact_bytes(std::string bytes);

}  // namespace imgforge
