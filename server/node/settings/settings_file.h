// Reads the settings file of `millrace server`.
#pragma once
#include <string>

#include "server/node/settings.h"

namespace server {

// Reads a settings file and applies its settings; converts the exceptions of toml++ to errors.
Status read_settings_file(const std::string& path, NodeSettings& settings);

}  // namespace server
