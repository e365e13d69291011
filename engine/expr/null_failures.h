// Messages about a row whose condition or argument is NULL although the dialect requires a value. A
// persistent query logs such messages, as in ksqlDB. A look-up shows NULL in the column and
// continues.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/functions/kernel.h"

namespace engine {

inline constexpr std::string_view kNullCondition = "a condition is null";
inline constexpr std::string_view kNotOfNull = "NOT of a null";
inline constexpr std::string_view kLikeWithNull = "LIKE with a null";

std::string null_argument(size_t number, std::string_view function);

// Returns whether a message is one of the messages above.
bool is_null_failure(std::string_view message);

// Returns the first message that is not about a NULL (is_null_failure()) as an error. Used for rows
// that are read only once.
Status refuse_failures(const RowErrors& errors);

}  // namespace engine
