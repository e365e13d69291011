// Parses paths into JSON texts, such as $.a.b[0]['c'], for EXTRACTJSONFIELD.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// Parses a path and returns its steps: names, and indexes as digits. The first step is always "$".
// A name after a dot consists of letters, digits, and those signs that have no meaning in any
// dialect of JSON paths, such as # and / (and @, which occurs in JSON-LD and Elasticsearch). A name
// in brackets and quotes may have any characters. Fails with InvalidParameter.
Result<std::vector<std::string>> parse_json_path(std::string_view path);

}  // namespace engine
