// What is said of a row whose condition or argument is NULL where the dialect wants a value. A query that runs on tells it,
// as ksqlDB does; a look-up shows NULL in that column and goes on.
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

// Whether a message is one of these.
bool is_null_failure(std::string_view message);

// The first message that is none of these, as an error: for rows that are asked for once.
Status refuse_failures(const RowErrors& errors);

}  // namespace engine
