#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/suggest.h"
#include "engine/expr/bind.h"
#include "engine/expr/member_hints.h"
#include "engine/functions/registry.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

struct FunctionElsewhere {
  std::string_view name, instead;  // `instead` is an expression, or a sentence
  bool is_aggregate = false;
};
constexpr std::string_view kWindows =
    "Windows follow FROM, in CREATE TABLE ... AS and with EMIT CHANGES: CREATE TABLE t AS "
    "SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY k. SELECT windowstart, "
    "windowend, k, n FROM t has the bounds.";
constexpr std::string_view kBuckets =
    "A continuous query groups by time with a window: ... FROM s WINDOW TUMBLING (SIZE 1 MINUTE) "
    "GROUP BY k. A SELECT without EMIT has date_trunc('minute', t), and date_bin('5 minutes', t, "
    "'2001-01-01') for other sizes.";
constexpr std::string_view kOverRows =
    "It requires a SELECT without EMIT, and OVER: LAG(a) OVER (ORDER BY t). In a continuous query "
    "LATEST_BY_OFFSET(a, 2) has the last two values of a group.";
constexpr std::string_view kDays =
    "UNIX_DATE(b) - UNIX_DATE(a) for dates, and (UNIX_TIMESTAMP(b) - UNIX_TIMESTAMP(a)) / 86400000 "
    "for timestamps";
constexpr std::string_view kUnits =
    "(UNIX_TIMESTAMP(b) - UNIX_TIMESTAMP(a)) / 60000 for minutes between timestamps, and (b - a) / "
    "60000 for minutes between values of ROWTIME";
constexpr std::string_view kCase = "CASE WHEN condition THEN a ELSE b END";
constexpr std::string_view kCast = "CAST(a AS INT)";
constexpr std::string_view kCastText = "CAST(a AS VARCHAR)";
constexpr std::string_view kJson = "EXTRACTJSONFIELD(x, '$.a')";
constexpr std::string_view kUnnest =
    "EXPLODE(array) with EMIT CHANGES. A SELECT without EMIT has FROM t, UNNEST(array) AS u(a)";
constexpr std::string_view kMedian =
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY a) in a SELECT without EMIT";
// Functions of other systems that have another name here.
constexpr FunctionElsewhere kFunctionsElsewhere[] = {
    // functions of MySQL, and names that several systems share
    {"IF", kCase},
    {"IFF", kCase},
    {"IIF", kCase},
    {"NVL", "COALESCE(a, b)"},
    {"NVL2", "CASE WHEN a IS NOT NULL THEN b ELSE c END"},
    {"ISNULL", "x IS NULL, or COALESCE(a, b)"},
    {"DATE_FORMAT", "FORMAT_TIMESTAMP(t, 'yyyy-MM-dd')"},
    {"STR_TO_DATE", "PARSE_DATE(text, 'yyyy-MM-dd')"},
    {"GROUP_CONCAT", "STRING_AGG(x, ',')", true},
    {"CURDATE", "CAST(now() AS DATE)"},
    {"CURTIME", "CAST(now() AS TIME)"},
    {"UTC_TIMESTAMP", "now()"},
    {"CURRENT_TIMESTAMP", "now()"},
    {"CURRENT_DATE", "CAST(now() AS DATE)"},
    {"CURRENT_TIME", "CAST(now() AS TIME)"},
    {"AVERAGE", "AVG(x)", true},
    {"MEAN", "AVG(x)", true},
    {"UTC_DATE", "CAST(now() AS DATE)"},
    {"DATE_ADD", "DATEADD(DAYS, 1, d), or TIMESTAMPADD(DAYS, 1, t)"},
    {"DATE_SUB", "DATESUB(DAYS, 1, d), or TIMESTAMPSUB(DAYS, 1, t)"},
    {"ADDDATE", "DATEADD(DAYS, 1, d)"},
    {"SUBDATE", "DATESUB(DAYS, 1, d)"},
    {"DATEDIFF", kDays},
    {"DATE_DIFF", kDays},
    {"TIMESTAMPDIFF", kUnits},
    {"TIMEDIFF", "UNIX_TIMESTAMP(b) - UNIX_TIMESTAMP(a), in milliseconds"},
    {"YEAR", "CAST(FORMAT_TIMESTAMP(t, 'yyyy') AS INT)"},
    {"QUARTER", "CAST(FORMAT_TIMESTAMP(t, 'Q') AS INT)"},
    {"MONTH", "CAST(FORMAT_TIMESTAMP(t, 'MM') AS INT)"},
    {"WEEK", "DATE_PART('week', t)"},
    {"DAY", "CAST(FORMAT_TIMESTAMP(t, 'dd') AS INT)"},
    {"DAYOFMONTH", "CAST(FORMAT_TIMESTAMP(t, 'dd') AS INT)"},
    {"DAYOFWEEK", "DATE_PART('dow', t), which is 0 on Sunday"},
    {"DAYNAME", "FORMAT_TIMESTAMP(t, 'EEEE')"},
    {"MONTHNAME", "FORMAT_TIMESTAMP(t, 'MMMM')"},
    {"HOUR", "CAST(FORMAT_TIMESTAMP(t, 'HH') AS INT)"},
    {"MINUTE", "CAST(FORMAT_TIMESTAMP(t, 'mm') AS INT)"},
    {"SECOND", "CAST(FORMAT_TIMESTAMP(t, 'ss') AS INT)"},
    {"JSON_EXTRACT", kJson},
    {"JSON_UNQUOTE", kJson},
    {"LOCATE", "INSTR(text, part)"},
    {"POSITION", "INSTR(text, part)"},
    {"SUBSTRING_INDEX", "SPLIT_PART(text, ',', 1)"},
    {"FIND_IN_SET", "ARRAY_CONTAINS(SPLIT(texts, ','), text)"},
    {"RAND", "RANDOM()"},
    {"SLEEP", "pg_sleep(1) in a SELECT without EMIT"},
    {"DATABASE", "current_database() in a SELECT without EMIT"},
    {"LAST_INSERT_ID", "INSERT INTO t (a) VALUES (1) RETURNING id"},
    {"ANY_VALUE", "LATEST_BY_OFFSET(x)", true},
    // Functions of Flink.
    {"TUMBLE", kWindows},
    {"HOP", kWindows},
    {"CUMULATE", kWindows},
    {"TUMBLE_START", "WINDOWSTART"},
    {"TUMBLE_END", "WINDOWEND"},
    {"HOP_START", "WINDOWSTART"},
    {"HOP_END", "WINDOWEND"},
    {"SESSION_START", "WINDOWSTART"},
    {"SESSION_END", "WINDOWEND"},
    {"TUMBLE_ROWTIME", "WINDOWEND"},
    {"PROCTIME", "now() returns the present time; ROWTIME is the event time of a record."},
    {"CURRENT_WATERMARK", "ROWTIME"},
    {"TO_TIMESTAMP_LTZ", "FROM_UNIXTIME(milliseconds)"},
    {"JSON_VALUE", kJson},
    {"JSON_QUERY", kJson},
    {"APPROX_COUNT_DISTINCT", "COUNT_DISTINCT(x)", true},
    {"FIRST", "EARLIEST_BY_OFFSET(x)", true},
    {"LAST", "LATEST_BY_OFFSET(x)", true},
    {"FIRST_VALUE", "EARLIEST_BY_OFFSET(x) as an aggregate"},
    {"LAST_VALUE", "LATEST_BY_OFFSET(x) as an aggregate"},
    // Functions of Oracle.
    {"LISTAGG", "STRING_AGG(x, ',')", true},
    {"SYSDATE", "now()"},
    {"SYSTIMESTAMP", "now()"},
    // Functions of SQL Server.
    {"GETDATE", "now()"},
    {"GETUTCDATE", "now()"},
    {"SYSDATETIME", "now()"},
    {"CONVERT", kCast},
    {"PARSE", kCast},
    {"CHARINDEX", "INSTR(text, part)"},
    {"PATINDEX", "REGEXP_INSTR(text, pattern)"},
    {"REPLICATE", "REPEAT(text, 2)"},
    {"SPACE", "REPEAT(' ', 2)"},
    {"NEWID", "UUID()"},
    {"DATEPART", "DATE_PART('year', t)"},
    {"DATENAME", "FORMAT_TIMESTAMP(t, 'MMMM')"},
    {"COUNT_BIG", "COUNT(*)", true},
    // Functions of ClickHouse.
    {"TODATE", "CAST(a AS DATE)"},
    {"TODATETIME", "CAST(a AS TIMESTAMP)"},
    {"PARSEDATETIMEBESTEFFORT", "CAST(a AS TIMESTAMP)"},
    {"TOINT32", kCast},
    {"TOINT64", "CAST(a AS BIGINT)"},
    {"TOUINT32", "CAST(a AS BIGINT)"},
    {"TOFLOAT64", "CAST(a AS DOUBLE)"},
    {"TOSTRING", kCastText},
    {"TOSTARTOFMINUTE", "DATE_TRUNC('minute', t)"},
    {"TOSTARTOFHOUR", "DATE_TRUNC('hour', t)"},
    {"TOSTARTOFDAY", "DATE_TRUNC('day', t)"},
    {"TOSTARTOFMONTH", "DATE_TRUNC('month', t)"},
    {"TOYEAR", "CAST(FORMAT_TIMESTAMP(t, 'yyyy') AS INT)"},
    {"TOHOUR", "CAST(FORMAT_TIMESTAMP(t, 'HH') AS INT)"},
    {"TOYYYYMMDD", "FORMAT_TIMESTAMP(t, 'yyyyMMdd')"},
    {"COUNTIF", "SUM(CASE WHEN condition THEN 1 ELSE 0 END)", true},
    {"SUMIF", "SUM(CASE WHEN condition THEN a ELSE 0 END)", true},
    {"UNIQ", "COUNT_DISTINCT(x)", true},
    {"UNIQEXACT", "COUNT_DISTINCT(x)", true},
    {"GROUPARRAY", "COLLECT_LIST(x)", true},
    {"GROUPUNIQARRAY", "COLLECT_SET(x)", true},
    {"ARRAYJOIN", kUnnest},
    {"UNNEST", kUnnest},
    {"FLATTEN", kUnnest},
    {"QUANTILE", kMedian, true},
    {"MEDIAN", kMedian, true},
    {"PERCENTILE_CONT", kMedian},
    {"JSONEXTRACTSTRING", kJson},
    {"JSONEXTRACTINT", "CAST(EXTRACTJSONFIELD(x, '$.a') AS INT)"},
    // Functions of Spark.
    {"GET_JSON_OBJECT", kJson},
    {"POSEXPLODE", "EXPLODE(array)"},
    // Functions of TimescaleDB, SQLite, BigQuery and DuckDB, and window functions.
    {"TIME_BUCKET", kBuckets},
    {"TIME_BUCKET_GAPFILL", kBuckets},
    {"TUMBLING", kWindows},
    {"HOPPING", kWindows},
    {"TUMBLINGWINDOW", kWindows},
    {"TOSTARTOFINTERVAL", kBuckets},
    {"TIMESTAMP_TRUNC", "DATE_TRUNC('minute', t)"},
    {"STRFTIME", "FORMAT_TIMESTAMP(t, 'yyyy-MM-dd')"},
    {"FORMAT_DATETIME", "FORMAT_TIMESTAMP(t, 'yyyy-MM-dd')"},
    {"DATETIME", "CAST(a AS TIMESTAMP)"},
    {"LAG", kOverRows},
    {"LEAD", kOverRows},
    {"ROW_NUMBER", kOverRows},
    {"RANK", kOverRows},
    {"DENSE_RANK", kOverRows},
    {"NTILE", kOverRows},
    {"TOP", "LIMIT at the end of the statement, or TOPK(a, 3) for the three largest values"},
    {"SAFE_CAST", kCast},
    {"TRY_CAST", kCast},
    {"TRY_TO_NUMBER", kCast},
    {"TO_NUM", kCast},
    {"TO_INT", kCast},
    {"TO_VARCHAR", kCastText},
    {"PARSE_JSON", kJson},
    {"JSON_EXTRACT_SCALAR", kJson},
    {"JSON_EXTRACT_STRING", kJson},
    {"JSON_OBJECT", "AS_MAP(ARRAY['a'], ARRAY[1]), or TO_JSON_STRING(a)"},
};

// Groups of PostgreSQL functions for features that this server does not have. A name that ends with
// * stands for all names with this beginning.
struct MissingArea {
  std::string_view names;  // separated by blanks
  std::string_view area, hint;
};
constexpr MissingArea kMissingAreas[] = {
    {"TO_TSVECTOR TO_TSQUERY PLAINTO_TSQUERY PHRASETO_TSQUERY WEBSEARCH_TO_TSQUERY TS_* TSVECTOR_* "
     "TSQUERY_* SETWEIGHT NUMNODE QUERYTREE ARRAY_TO_TSVECTOR JSONB_TO_TSVECTOR JSON_TO_TSVECTOR",
     "text search", "Use LIKE, ILIKE or a regular expression: text ~* '\\mword\\M'."},
    {"POINT BOX CIRCLE LINE LSEG PATH POLYGON AREA BOUND_BOX DIAGONAL DIAMETER RADIUS NPOINTS "
     "ISCLOSED ISOPEN PCLOSE POPEN SLOPE ST_*",
     "geometry",
     "Keep coordinates in columns of DOUBLE. GEO_DISTANCE(lat1, lon1, lat2, lon2) gives a "
     "distance."},
    {"XML* XPATH XPATH_EXISTS QUERY_TO_XML* TABLE_TO_XML* CURSOR_TO_XML* SCHEMA_TO_XML* "
     "DATABASE_TO_XML*",
     "XML", "Keep documents as JSONB, or as VARCHAR."},
    {"JSONB_PATH_*", "SQL/JSON path", "Use EXTRACTJSONFIELD(text, '$.a'), or data #> '{a,b}'."},
    {"JSON_TO_RECORD JSONB_TO_RECORD JSON_TO_RECORDSET JSONB_TO_RECORDSET JSON_POPULATE_RECORD* "
     "JSONB_POPULATE_RECORD*",
     "conversion of JSON to records",
     "Select the members: SELECT (e ->> 'a')::int AS a FROM jsonb_array_elements(data) AS t(e)."},
    {"HOST MASKLEN FAMILY NETWORK NETMASK HOSTMASK BROADCAST SET_MASKLEN INET_MERGE "
     "INET_SAME_FAMILY",
     "functions of network addresses",
     "split_part(address::text, '/', 1) is the host, and part 2 the length of the mask."},
    {"LO_* LOREAD LOWRITE", "large objects", "Keep the bytes in a column of BYTES."},
    {"PG_EXPORT_SNAPSHOT", "snapshots that sessions share",
     "Read in one session: a SELECT over several tables reads all of them as of one commit."},
};

// Returns the group that contains this function of PostgreSQL; null if none does.
const MissingArea* missing_area(std::string_view name) {
  for (const MissingArea& row : kMissingAreas)
    for (size_t at = 0; at < row.names.size();) {
      const size_t end = std::min(row.names.find(' ', at), row.names.size());
      std::string_view known = row.names.substr(at, end - at);
      const bool is_prefix = known.ends_with('*');
      if (is_prefix) known.remove_suffix(1);
      if (is_prefix ? name.starts_with(known) : name == known) return &row;
      at = end + 1;
    }
  return nullptr;
}

}  // namespace

bool is_foreign_aggregate(std::string_view name) {
  const std::string folded = upper_case(name);
  const auto* known = std::ranges::find(kFunctionsElsewhere, folded, &FunctionElsewhere::name);
  const Registry& registry = Registry::instance();
  return known != std::end(kFunctionsElsewhere) && known->is_aggregate &&
         registry.find(folded).empty() && registry.find("PG_CATALOG." + folded).empty();
}

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
  if (const MissingArea* missing = missing_area(upper_case(name)))
    return Error{ErrorCode::NotSupported, lower_case(name) + " is not supported: Millrace has no " +
                                              std::string(missing->area)}
        .with_hint(std::string(missing->hint));
  std::vector<std::string> names;
  for (const Registry::Entry& entry : Registry::instance().entries()) names.push_back(entry.name);
  Error error{ErrorCode::UndefinedFunction,
              "Can't find any functions with the name '" + name + "'"};
  for (const FunctionElsewhere& known : kFunctionsElsewhere) {
    if (known.name != upper_case(name)) continue;
    if (known.instead.ends_with('.')) return std::move(error).with_hint(std::string(known.instead));
    return std::move(error).with_hint("Use " + std::string(known.instead) + ".");
  }
  return std::move(error).with_hint(
      did_you_mean(name, names, "SHOW FUNCTIONS lists all functions."));
}

}  // namespace engine
