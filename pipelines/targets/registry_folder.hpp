// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "pipelines/targets/folder_reader.hpp"
#include "pipelines/targets/folder_writer.hpp"

namespace imgforge::targets {

/// The files of a target's directory in a repository of a container registry ("HOST/REPOSITORY"). A window is
/// a blob. manifests/DIGEST.json is the config of an OCI artefact with the tag "manifest-DIGEST", whose
/// layers are its windows, so that the registry keeps them; the annotation `window` says which one a layer
/// is. index.json is the config of the artefact with the tag "index".
inline constexpr const char* registry_window_annotation = "org.imgforge.window";

std::unique_ptr<FolderReader> open_registry_reader(const std::string& place);
/// Registries know no conditional write: two hosts that push to one repository at the same moment can lose
/// one of two changes of the index; the same push again brings it back.
std::unique_ptr<FolderWriter> open_registry_writer(const std::string& place);

}  // namespace imgforge::targets
