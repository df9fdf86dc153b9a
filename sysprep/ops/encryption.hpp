// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

/// True for a device whose bytes on the disk are encrypted: a LUKS container that was opened, or a logical
/// volume where a physical one lies in such a container. Zeros written there would be ciphertext on the disk:
/// it would grow, and nothing be gained.
bool is_encrypted(DeviceWork& work, const std::string& device);

}  // namespace imgforge::sysprep
