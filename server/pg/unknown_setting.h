// The error for SHOW of a name that is not a setting.
#pragma once
#include <string>

#include "base/result.h"

namespace server::pg {

// Returns the error (42704) for SHOW of a name that the session does not have. The hint names the
// statement that users of other systems mean (SHOW GRANTS), or the setting or SHOW statement with
// the most similar name (SHOW quereis).
Error unknown_to_show(const std::string& name);

}  // namespace server::pg
