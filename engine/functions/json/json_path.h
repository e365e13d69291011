// Paths into JSON texts, as EXTRACTJSONFIELD takes them: $.a.b[0]['c'].
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// The steps of a path, names and indexes as digits; the first is always "$". Behind a dot stands a name of letters, digits
// and those signs that have no meaning in any dialect of such paths (@ of JSON-LD and Elastic, # and / among them); in
// brackets and quotes any name may stand. Fails with InvalidParameter.
Result<std::vector<std::string>> parse_json_path(std::string_view path);

}  // namespace engine
