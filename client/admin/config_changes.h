// Changes of settings in the syntax of kafka-configs.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "client/properties.h"

namespace client {

// Splits a list of names: "a,b" has two names; an empty text has none.
std::vector<std::string> split_config_list(std::string_view text);
// Parses "a=1,b=[x,y]"; a value in brackets may contain commas. Fails with InvalidParameter.
Result<Properties> parse_config_additions(std::string_view text);

}  // namespace client
