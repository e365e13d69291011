// Settings as kafka-configs' users write their changes.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "client/properties.h"

namespace client {

// "a,b" as two names; nothing for an empty text.
std::vector<std::string> split_config_list(std::string_view text);
// "a=1,b=[x,y]": a value in brackets may hold commas. Fails with InvalidParameter.
Result<Properties> parse_config_additions(std::string_view text);

}  // namespace client
