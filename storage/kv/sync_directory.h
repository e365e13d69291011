// What has been made or renamed in a directory stays there through a power cut.
#pragma once
#include <filesystem>

#include "base/result.h"

namespace storage {

Status sync_directory(const std::filesystem::path& directory);

// Gives a finished file its name, for good.
Status name_file(const std::string& unfinished, const std::string& path);

}  // namespace storage
