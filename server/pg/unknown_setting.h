// The error for SHOW of a name that is not a setting.
#pragma once
#include <string>

#include "base/result.h"

namespace server::pg {

// Returns the error (42704) for SHOW of a name that the session does not have. Its hint names the statement that clients
// of other systems mean (SHOW GRANTS), or the most similar setting or SHOW of the dialect (SHOW quereis).
Error unknown_to_show(const std::string& name);

}  // namespace server::pg
