// The table function RECORDS('topic', partition, from_offset, from_time, direction, max_bytes), which shows the records
// of a topic.
//
// A call is converted to a SELECT from a system table with hidden columns, one per argument, with a condition on each
// of them. SQLite's table-valued functions work in the same way. Views, joins and sub-queries therefore need no rules
// for this function.
#pragma once
#include <string>
#include <string_view>

namespace engine {

inline constexpr std::string_view kRecordsSchema = "MILLRACE_CATALOG", kRecordsTable = "RECORDS";
// The arguments by position, in upper case. They may also be given by name: partition => 2.
inline constexpr std::string_view kRecordsArguments[] = {"TOPIC",     "PARTITION", "FROM_OFFSET",
                                                         "FROM_TIME", "DIRECTION", "MAX_BYTES"};
// A hidden column with the names of the given arguments, separated by commas. If the value of an
// argument is known only when rows are compared, the table cannot use it. With this column, it
// reports an error instead of ignoring the argument.
inline constexpr std::string_view kRecordsGiven = "GIVEN";

// Returns the hidden column of an argument.
inline std::string records_column(std::string_view argument) {
  return "MR_" + std::string(argument);
}

}  // namespace engine
