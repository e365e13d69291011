// Lists PostgreSQL's operators that are implemented as functions, with the names of the functions.
#pragma once
#include <string_view>

namespace engine {

struct PostgresOperator {
  std::string_view text, function;
  bool takes_right_first = false;  // the operands are exchanged: a <@ b means b @> a
};
inline constexpr PostgresOperator kOperatorsOfTwo[] = {
    {"^", "POWER"},
    {"&", "BITAND"},
    {"|", "BITOR"},
    {"#", "BITXOR"},
    {"<<", "SHIFT_LEFT"},
    {">>", "SHIFT_RIGHT"},
    {"->", "PG_CATALOG.JSON_GET"},
    {"->>", "PG_CATALOG.JSON_GET_TEXT"},
    {"#>", "PG_CATALOG.JSON_PATH"},
    {"#>>", "PG_CATALOG.JSON_PATH_TEXT"},
    {"#-", "PG_CATALOG.JSON_DELETE_PATH"},
    {"@>", "PG_CATALOG.CONTAINS"},
    {"<@", "PG_CATALOG.CONTAINS", true},
    {"&&", "PG_CATALOG.OVERLAP"},
    {"?", "PG_CATALOG.JSON_EXISTS"},
    {"?|", "PG_CATALOG.JSON_EXISTS_ANY"},
    {"?&", "PG_CATALOG.JSON_EXISTS_ALL"},
    {"^@", "STARTS_WITH"},
};
inline constexpr PostgresOperator kOperatorsOfOne[] = {
    {"~", "BITNOT"}, {"@", "ABS"}, {"|/", "SQRT"}, {"||/", "CBRT"}};

}  // namespace engine
