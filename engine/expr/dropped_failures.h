// A property with which a program reports no failed rows.
#pragma once
#include <string_view>

namespace engine {

// Property of an evaluation, and its value with which the values of failed rows are null without an error. A
// materialized view with on_error = 'null' sets it. Limits of the budget still apply.
inline constexpr std::string_view kFailuresProperty = "view.on_error", kFailuresAreNull = "null";

}  // namespace engine
