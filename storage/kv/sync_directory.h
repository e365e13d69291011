// Makes new and renamed files of a directory survive a power cut.
#pragma once
#include <filesystem>

#include "base/result.h"

namespace storage {

Status sync_directory(const std::filesystem::path& directory);

// Gives a finished file its name, durably.
Status name_file(const std::string& unfinished, const std::string& path);

}  // namespace storage
