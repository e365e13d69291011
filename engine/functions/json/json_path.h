// Parses paths into JSON texts, such as $.a.b[0]['c'], for EXTRACTJSONFIELD.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// Returns the steps of the path, which are names, and indexes as digits; the first step is always "$". A dot is
// followed by a name of letters, digits and signs that have no meaning in any dialect of such paths (including @ of
// JSON-LD and Elastic, # and /); in brackets and quotes any name is allowed. Fails with InvalidParameter.
Result<std::vector<std::string>> parse_json_path(std::string_view path);

}  // namespace engine
