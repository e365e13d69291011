// A property with which expressions report no failed rows.
#pragma once
#include <string_view>

namespace engine {

// Name and value of the property. With it, failed rows are null and no error is reported. A
// materialized view with on_error = 'null' sets it. The limits of the evaluation's budget still
// apply.
inline constexpr std::string_view kFailuresProperty = "view.on_error", kFailuresAreNull = "null";

}  // namespace engine
