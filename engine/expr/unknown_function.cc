#include <string>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "engine/expr/bind.h"
#include "engine/functions/registry.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

struct FunctionElsewhere {
  std::string_view name, instead;
};
// Functions of MySQL, Flink, Oracle and SQL Server that have another name here.
constexpr FunctionElsewhere kFunctionsElsewhere[] = {
    {"IF", "CASE WHEN condition THEN a ELSE b END"},
    {"IIF", "CASE WHEN condition THEN a ELSE b END"},
    {"NVL", "COALESCE(a, b)"},
    {"ISNULL", "x IS NULL, or COALESCE(a, b)"},
    {"DATE_FORMAT", "FORMAT_TIMESTAMP(t, 'yyyy-MM-dd')"},
    {"STR_TO_DATE", "PARSE_DATE(text, 'yyyy-MM-dd')"},
    {"GROUP_CONCAT", "COLLECT_LIST(x), or STRING_AGG(x, ',') in a SELECT over tables"},
    {"LISTAGG", "COLLECT_LIST(x), or STRING_AGG(x, ',') in a SELECT over tables"},
    {"CURDATE", "CURRENT_DATE in a SELECT over tables, or CAST(ROWTIME AS DATE)"},
    {"GETDATE", "now()"},
    {"SYSDATE", "now()"},
    {"DATE_ADD", "DATEADD(DAYS, 1, d)"},
    {"YEAR", "CAST(FORMAT_TIMESTAMP(t, 'yyyy') AS INT)"},
    {"MONTH", "CAST(FORMAT_TIMESTAMP(t, 'MM') AS INT)"},
    {"DAY", "CAST(FORMAT_TIMESTAMP(t, 'dd') AS INT)"},
    {"HOUR", "CAST(FORMAT_TIMESTAMP(t, 'HH') AS INT)"},
    {"JSON_EXTRACT", "EXTRACTJSONFIELD(x, '$.a')"},
    {"JSON_VALUE", "EXTRACTJSONFIELD(x, '$.a')"},
    {"APPROX_COUNT_DISTINCT", "COUNT_DISTINCT(x)"},
    {"PROCTIME", "ROWTIME"},
    {"TUMBLE_START", "WINDOWSTART"},
    {"TUMBLE_END", "WINDOWEND"},
    {"CHARINDEX", "INSTR(text, part)"},
    {"LOCATE", "INSTR(text, part)"},
};

}  // namespace

Error unknown_function(const std::string& name) {
  for (const std::string_view of_sequence : {"NEXTVAL", "CURRVAL", "SETVAL", "LASTVAL"})
    if (name == of_sequence)
      return Error{ErrorCode::NotSupported,
                   lower_case(name) +
                       "() is supported neither in continuous queries nor in ksqlDB's "
                       "statements"}
          .with_hint(
              "A query may be computed again after a crash, and would use other numbers. Use the "
              "function where rows are inserted.");
  std::vector<std::string> names;
  for (const Registry::Entry& entry : Registry::instance().entries()) names.push_back(entry.name);
  Error error{ErrorCode::UndefinedFunction,
              "Can't find any functions with the name '" + name + "'"};
  for (const FunctionElsewhere& known : kFunctionsElsewhere)
    if (known.name == upper_case(name))
      return std::move(error).with_hint("Use " + std::string(known.instead) + ".");
  const std::string nearest = closest_name(name, names);
  return std::move(error).with_hint(nearest.empty() ? "SHOW FUNCTIONS lists all functions."
                                                    : "Did you mean " + nearest + "?");
}

}  // namespace engine
