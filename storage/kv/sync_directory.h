// Syncs a directory, so that its new and renamed files survive a power cut.
#pragma once
#include <filesystem>

#include "base/result.h"

namespace storage {

Status sync_directory(const std::filesystem::path& directory);

// Renames a completely written file to its final name, and syncs the directory.
Status name_file(const std::string& unfinished, const std::string& path);

}  // namespace storage
