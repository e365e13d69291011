// Words of other systems within a statement.
#include "engine/sql/foreign_words.h"

namespace engine {
namespace {

constexpr std::string_view kDates =
    "A continuous query uses CAST('2024-01-31' AS DATE), and the same for TIME and TIMESTAMP.";
constexpr std::string_view kWindows =
    "Windows follow FROM: ... FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k.";
constexpr std::string_view kTumble =
    "The window follows FROM: CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW TUMBLING "
    "(SIZE 10 MINUTES) GROUP BY k. SELECT windowstart, windowend, k, n FROM t has the bounds. "
    "Without CREATE TABLE: SELECT k, COUNT(*) AS n, WINDOWSTART, WINDOWEND FROM s WINDOW TUMBLING "
    "(SIZE 10 MINUTES) GROUP BY k EMIT CHANGES.";
constexpr std::string_view kHop =
    "The window follows FROM: CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW HOPPING "
    "(SIZE 1 HOUR, ADVANCE BY 10 MINUTES) GROUP BY k. SELECT windowstart, windowend, k, n FROM t "
    "has the bounds.";
constexpr std::string_view kSessionTable =
    "The window follows FROM: CREATE TABLE t AS SELECT k, COUNT(*) AS n FROM s WINDOW SESSION (30 "
    "SECONDS) GROUP BY k. SELECT windowstart, windowend, k, n FROM t has the bounds.";
constexpr std::string_view kWindowSize =
    "The size of a window is in parentheses: WINDOW TUMBLING (SIZE 1 MINUTE).";
constexpr std::string_view kHoppingSize =
    "The size and the step are in parentheses: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 "
    "MINUTES).";
constexpr std::string_view kWindowUnits =
    "The size of a window is a number and a unit: WINDOW TUMBLING (SIZE 1 MINUTE), or HOPPING "
    "(SIZE 1 HOUR, ADVANCE BY 10 MINUTES).";
constexpr std::string_view kDottedName =
    "A property whose name has dots is in double quotes: \"connector.class\" = 'http'.";
constexpr std::string_view kAdvance =
    "HOPPING requires ADVANCE BY: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES). A window "
    "that advances by its size is TUMBLING (SIZE 1 HOUR).";
constexpr std::string_view kSlide =
    "The step of a window is ADVANCE BY: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES).";
constexpr std::string_view kWindowParts =
    "Commas separate the parts of a window, in this order: (SIZE 1 HOUR, RETENTION 1 DAY, GRACE "
    "PERIOD 10 MINUTES).";
constexpr std::string_view kDurations =
    "A duration is a number and a unit, without quotes: SIZE 1 HOUR, or WITHIN 30 SECONDS.";
constexpr std::string_view kEmitLast =
    "EMIT CHANGES follows WHERE, GROUP BY and HAVING: ... WHERE a > 1 EMIT CHANGES.";
constexpr std::string_view kIntervals =
    "A SELECT without EMIT takes INTERVAL '1 day'. A continuous query has no intervals; it uses "
    "TIMESTAMPADD(DAYS, 1, t) and TIMESTAMPSUB.";
constexpr std::string_view kTryCast =
    "Use CAST(a AS INT). In a continuous query it returns NULL for a value that cannot be "
    "converted.";
constexpr std::string_view kOffset =
    "OFFSET requires a SELECT without EMIT. LIMIT 10 at the end is possible in both.";
constexpr std::string_view kFetch = "Use LIMIT at the end of the statement: LIMIT 10.";
constexpr std::string_view kLateral =
    "LATERAL requires a SELECT without EMIT. In a continuous query EXPLODE turns an array into "
    "rows.";
constexpr std::string_view kOr = "|| joins texts. Use OR between conditions.";
constexpr std::string_view kRegexp = "Use REGEXP_LIKE(a, '^x') for a regular expression.";
constexpr std::string_view kArrays = "An array begins with its word: ARRAY[1, 2].";
constexpr std::string_view kStructs =
    "The fields of a STRUCT are in angle brackets: STRUCT<a INT, b VARCHAR>.";
constexpr std::string_view kStructFields =
    "A field of a STRUCT is a name and a type, and commas separate the fields: STRUCT<a INT, b "
    "VARCHAR>.";
constexpr std::string_view kJsonField =
    "A continuous query reads a field of a text of JSON with EXTRACTJSONFIELD(a, '$.b'), and a "
    "field of a STRUCT with a->b.";
constexpr std::string_view kPartitions =
    "WITH (PARTITIONS = 4) sets the number of partitions, and the key of a record chooses one.";
constexpr std::string_view kEnums =
    "CREATE TYPE mood AS ENUM ('a', 'b') makes a type; the column is then of the type mood.";
constexpr std::string_view kSerial =
    "Use SERIAL in a CREATE TABLE without WITH: CREATE TABLE t (id SERIAL PRIMARY KEY, a INT).";
constexpr std::string_view kUnsigned = "Leave out UNSIGNED. BIGINT has 64 bits with a sign.";
constexpr std::string_view kJoined =
    "A blank separates the number and the unit: SIZE 1 HOUR, or WITHIN 30 SECONDS.";
constexpr std::string_view kPivot =
    "Use one aggregate for each column: SUM(CASE WHEN a = 'x' THEN b END) AS x.";
constexpr std::string_view kDistributed =
    "Leave it out: the key of a row chooses its partition. WITH (PARTITIONS = 4) sets their "
    "number.";
constexpr std::string_view kShiftedTime =
    "A continuous query uses TIMESTAMPADD(DAYS, 1, t) and TIMESTAMPSUB. A SELECT without EMIT "
    "takes INTERVAL '1 day', too.";
constexpr std::string_view kPropertiesLast =
    "Columns are in the first parentheses, and properties follow WITH: CREATE STREAM s (id INT "
    "KEY, a VARCHAR) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON').";
constexpr std::string_view kNullable = "Leave out Nullable: every column except a key may be NULL.";
constexpr std::string_view kEngine =
    "Leave out ENGINE and its settings. A column is marked as the key: id INT PRIMARY KEY.";

constexpr std::string_view kOneRowPerKey =
    "A TABLE has one row for each PRIMARY KEY. A stream has every record.";
constexpr std::string_view kFilters =
    "A query leaves records out: CREATE STREAM ... AS SELECT ... WHERE a > 0.";
constexpr std::string_view kJoinsInstead =
    "Leave out REFERENCES. A JOIN finds the rows of the other table.";
constexpr std::string_view kKeyOfColumn = "PRIMARY KEY follows the column: id INT PRIMARY KEY.";

}  // namespace

// The first match counts, so a longer construct precedes one whose words are its beginning.
const std::vector<Construct>& constructs_within() {
  static const std::vector<Construct> constructs = {
      // Constructs of PostgreSQL.
      {{"DISTINCT", "ON"},
       "A continuous query has no DISTINCT ON. Use GROUP BY with these columns, and "
       "LATEST_BY_OFFSET or EARLIEST_BY_OFFSET of the others."},
      {{"EMIT", "CHANGES", "ORDER"},
       "ORDER BY requires a SELECT without EMIT. A continuous query keeps the order of the "
       "records.",
       2},
      {{"ORDER", "BY"},
       "ORDER BY within a call requires a SELECT without EMIT. In a continuous query COLLECT_LIST "
       "keeps the order of the records."},
      {{"GROUPING", "SETS"},
       "A continuous query has no GROUPING SETS. Create a query for each of the sets."},
      {{"LATERAL"}, kLateral, 2},
      {{"OFFSET", "#", "EMIT"}, kOffset},
      {{"OFFSET", "#", "ROWS"}, kOffset},
      {{"LIMIT", "ALL"}, "Leave out LIMIT ALL.", 2},
      {{"FOR", "UPDATE"}, "FOR UPDATE requires a SELECT without EMIT.", 1},
      {{"NATURAL", "JOIN"},
       "A continuous query joins with ON: ... FROM a JOIN b ON a.id = b.id.",
       1},
      {{"UNNEST", "(", "*", ")"},
       "In a continuous query EXPLODE turns an array into rows: SELECT a, EXPLODE({2}) AS b FROM s "
       "EMIT CHANGES.",
       7,
       5,
       "("},
      {{"LEFT", "(", "*", ",", "#", ")"}, "Use SUBSTRING({2}, 1, {4}).", 1},
      {{"RIGHT", "(", "*", ",", "#", ")"}, "Use SUBSTRING({2}, LEN({2}) - {4} + 1).", 1},
      {{"name", "IS", "NOT", "'"}, "IS compares with NULL, TRUE and FALSE. Use {0} <> {3}.", 3, 3},
      {{"name", "IS", "'"}, "IS compares with NULL, TRUE and FALSE. Use {0} = {2}.", 2, 2},
      {{"-", "#", "unit"}, kShiftedTime, 2, 2},
      {{"+", "#", "unit"}, kShiftedTime, 2, 2},
      {{"OFFSET"}, kOffset},
      {{"FETCH", "NEXT"}, kFetch, 1},
      {{"FETCH", "FIRST"}, kFetch, 1},
      {{"DATE", "'"}, kDates},
      {{"TIME", "'"}, kDates},
      {{"TIMESTAMP", "'"}, kDates},
      {{"TUMBLING", "(", "INTERVAL"}, kWindowUnits, 3, 2},
      {{"HOPPING", "(", "INTERVAL"}, kWindowUnits, 3, 2},
      {{"SIZE", "INTERVAL"}, kWindowUnits, 2, 1},
      {{"INTERVAL", "'"},
       "A continuous query has no intervals. Use TIMESTAMPADD(DAYS, 1, t) and TIMESTAMPSUB to "
       "shift a time. A continuous query evaluates now() only once."},
      {{"INTERVAL", "#", "*"}, kIntervals, 1},
      {{"EXTRACT", "("},
       "A continuous query has no EXTRACT. Use FORMAT_TIMESTAMP(t, 'yyyy'), which returns a part "
       "as a text.",
       3},  // the words EXTRACT ( year FROM
      {{"IS", "TRUE"}, "In a continuous query use the condition itself, or x = TRUE."},
      {{"IS", "FALSE"}, "In a continuous query use NOT before the condition, or x = FALSE."},
      {{"IS", "UNKNOWN"}, "In a continuous query use x IS NULL."},
      {{"->", ">"}, kJsonField, 1, 1},
      {{"->", "'"}, kJsonField, 1, 1},
      {{"CHANGES", "LIMIT"}, "A whole number follows LIMIT: LIMIT 10.", 2, 2},
      {{"ILIKE"}, "A continuous query has no ILIKE. Use LOWER(a) LIKE 'x%'.", 1},
      {{"SIMILAR", "TO"}, kRegexp, 1},
      {{"~"}, kRegexp, 1},

      // Constructs of ksqlDB.
      {{"LIMIT", "#", "EMIT"}, "LIMIT follows EMIT CHANGES: ... EMIT CHANGES LIMIT 10."},
      {{"EMIT", "CHANGES", "WHERE"}, kEmitLast, 2},
      {{"EMIT", "CHANGES", "LIMIT", "#", "WHERE"},
       "WHERE precedes EMIT CHANGES, and LIMIT is last: ... WHERE a > 1 EMIT CHANGES LIMIT 10.",
       4,
       4},
      {{"EMIT", "CHANGES", "GROUP"}, kEmitLast, 2},
      {{"EMIT", "CHANGES", "HAVING"}, kEmitLast, 2},
      {{"EMIT", "CHANGES", "PARTITION"}, kEmitLast, 2},
      {{"EMIT", "CHANGES", "WINDOW"}, kEmitLast, 2},
      // EMIT was read as the alias of the SELECT in parentheses.
      {{")", "EMIT", "CHANGES"},
       "A continuous query has no SELECT in FROM. CREATE STREAM s AS SELECT ... gives it a name: "
       "SELECT * FROM s EMIT CHANGES.",
       2,
       2},
      {{"FROM", "BEGINNING"},
       "SET 'auto.offset.reset' = 'earliest' lets a SELECT ... EMIT CHANGES begin with the first "
       "record.",
       0},
      {{"PARTITION", "BY", "RANGE", "("}, kPartitions, 2},
      {{"PARTITION", "BY", "LIST", "("}, kPartitions, 2},
      {{"PARTITION", "BY", "HASH", "("}, kPartitions, 2},
      {{"PARTITION", "BY"}, "PARTITION BY follows FROM and WHERE: ... FROM s PARTITION BY a.", 1},
      {{"PARTITION", "#"}, "WHERE ROWPARTITION = 0 selects the records of a partition.", 1, 1},
      {{"PARTITION", "*"}, "BY precedes the expression: PARTITION BY a.", 1, 1},
      {{"WINDOW", "SLIDING"},
       "Use HOPPING, whose windows overlap: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES)."},
      {{"WINDOW", "HOP", "("}, "Use HOPPING: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES)."},
      {{"WINDOW", "TUMBLE", "("}, "Use TUMBLING: WINDOW TUMBLING (SIZE 1 MINUTE)."},
      {{"TUMBLING", "(", "#"}, "SIZE precedes the number: WINDOW TUMBLING (SIZE 1 MINUTE).", 2, 2},
      {{"HOPPING", "(", "#"},
       "SIZE precedes the number: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES).",
       2,
       2},
      {{"WINDOW", "TUMBLING", "SIZE"}, kWindowSize},
      {{"WINDOW", "TUMBLING", "#"}, kWindowSize, 2, 2},
      {{"WINDOW", "HOPPING", "#"}, kHoppingSize, 2, 2},
      {{"WINDOW", "HOPPING", "SIZE"}, kWindowSize},
      {{"WINDOW", "SESSION", "#"},
       "The gap of a session is in parentheses: WINDOW SESSION (30 SECONDS)."},
      {{"WINDOW", "TUMBLING"}, kWindows, 0},
      {{"WINDOW", "HOPPING"}, kWindows, 0},
      {{"WINDOW", "SESSION"}, kWindows, 0},
      {{"TUMBLING", "(", "SIZE", "#", "*", ",", "ADVANCE"},
       "A window with ADVANCE BY is HOPPING: WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES).",
       6},
      {{"SLIDE", "#"}, kSlide, 0},
      {{"SLIDE", "BY"}, kSlide, 0},
      {{"HOPPING", "(", "SIZE", "#", "*", ",", "HOP"}, kSlide, 6, 6},
      {{"HOPPING", "(", "SIZE", "#", "*", ",", "EVERY"}, kSlide, 6, 6},
      {{"HOPPING", "(", "SIZE", "#", "*", ",", "#"}, kSlide, 6, 6},
      {{"HOPPING", "(", "SIZE", "#", "*", ")"}, kAdvance, 5, 5},
      {{"HOPPING", "(", "SIZE", "#", "*", ",", "RETENTION"}, kAdvance, 6, 6},
      {{"HOPPING", "(", "SIZE", "#", "*", ",", "GRACE"}, kAdvance, 6, 6},
      {{"SESSION", "(", "SIZE"},
       "A session has a gap without SIZE: WINDOW SESSION (30 SECONDS).",
       2},
      {{"SESSION", "(", "'"}, kDurations, 2, 2},
      {{"SESSION", "(", "GAP"},
       "The gap of a session has no word before it: WINDOW SESSION (30 SECONDS).",
       2},
      {{"WITHIN", "INTERVAL"}, kDurations, 1},
      {{"SIZE", "#x"}, kJoined, 1, 1},
      {{"WITHIN", "#x"}, kJoined, 1, 1},
      {{"BY", "#x"}, kJoined, 1, 1},
      {{"PERIOD", "#x"}, kJoined, 1, 1},
      {{"RETENTION", "#x"}, kJoined, 1, 1},
      {{"SESSION", "(", "#x"}, kJoined, 2, 2},
      {{"ADVANCE", "#"}, "BY precedes the number: ADVANCE BY 10 MINUTES.", 1, 1},
      {{"SIZE", "'"}, kDurations, 1, 1},
      {{"WITHIN", "'"}, kDurations, 1, 1},
      {{"ADVANCE", "BY", "'"}, kDurations, 2, 2},
      {{"GRACE", "PERIOD", "'"}, kDurations, 2, 2},
      {{"RETENTION", "'"}, kDurations, 1, 1},
      {{",", "GRACE", "PERIOD"},
       "In a join GRACE PERIOD follows without a comma: WITHIN 1 HOUR GRACE PERIOD 10 MINUTES.",
       0},
      {{"GRACE", "PERIOD"}, kWindowParts, 0},
      {{"GRACE", "#", "unit"},
       "PERIOD is missing: GRACE PERIOD {1} {2}. In a window a comma precedes GRACE.",
       1},
      {{",", "GRACE", "#", "unit"}, "PERIOD is missing: GRACE PERIOD {2} {3}.", 2},
      {{"GRACE", "#"}, kWindowParts, 1},
      {{",", "GRACE", "#"}, kWindowParts, 2},
      {{"RETENTION", "#"}, kWindowParts, 0},
      {{",", "RETENTION", "#"}, kWindowParts, 1},
      {{"WITHIN", "#"}, "WITHIN precedes ON: ... JOIN b WITHIN 1 HOUR ON a.id = b.id.", 0},

      {{"COPY", "INTO"}, "Leave out INTO: COPY {2:}", 1, 1},
      {{"IF", "EXISTS"}, "IF EXISTS precedes the name: DROP STREAM IF EXISTS s.", 0},
      {{"IF", "NOT", "EXISTS"},
       "IF NOT EXISTS precedes the name: CREATE STREAM IF NOT EXISTS s.",
       0},

      {{"DISTRIBUTE", "BY", "*"}, "Use PARTITION BY: ... FROM s PARTITION BY {2}.", 2},
      {{"ON", "**", ".", "**"},
       "The rights of all streams and tables: GRANT SELECT ON ALL TO name.",
       3,
       1},
      {{"(", "KAFKA_TOPIC", "="}, kPropertiesLast, 2, 2},
      {{"(", "VALUE_FORMAT", "="}, kPropertiesLast, 2, 2},
      {{"name", "-", "name"}, "A name with a dash is in backquotes: `{0}-{2}`.", 1, 1},

      // Constructs of Flink.
      {{"NOT", "ENFORCED"}, "Leave out NOT ENFORCED: the server enforces a PRIMARY KEY."},
      {{"ROW", "<"}, kStructs, 2},
      {{"MULTISET", "<"}, "An array has the type ARRAY<VARCHAR>.", 2},
      {{"TABLE", "(", "TUMBLE"}, kTumble},
      {{"TABLE", "(", "HOP"}, kHop},
      {{"TABLE", "(", "CUMULATE"}, kTumble},
      {{"TABLE", "(", "SESSION"}, kSessionTable},
      {{"TUMBLE", "("}, kTumble, 8},
      {{"HOP", "("}, kHop, 8},
      {{"CUMULATE", "("}, kTumble, 8},
      {{"SESSION", "(", "*", ",", "INTERVAL"}, kSessionTable, 6, 4},
      {{"TUMBLE_START", "("}, "Use WINDOWSTART.", 8},
      {{"TUMBLE_END", "("}, "Use WINDOWEND.", 8},
      {{"HOP_START", "("}, "Use WINDOWSTART.", 8},
      {{"HOP_END", "("}, "Use WINDOWEND.", 8},
      {{"SESSION_START", "("}, "Use WINDOWSTART.", 8},
      {{"SESSION_END", "("}, "Use WINDOWEND.", 8},
      {{"WATERMARK", "FOR"},
       "A stream has no watermarks. WITH (TIMESTAMP='column') names the column of the event time, "
       "and GRACE PERIOD in a window says how late a record may be."},
      {{"AS", "OF"},
       "A SELECT reads the present state. A table over windows keeps earlier counts."},
      {{"FOR", "SYSTEM_TIME"},
       "A SELECT reads the present state. A stream that is joined with a table finds the row of "
       "its time without this clause."},
      {{"MATCH_RECOGNIZE"},
       "MATCH_RECOGNIZE is not supported. Join the stream with itself WITHIN a time, or aggregate "
       "it in windows."},
      {{"TRY_CAST", "("}, kTryCast, 8},
      {{"SAFE_CAST", "("}, kTryCast, 8},

      // Constructs of MySQL.
      {{"LIMIT", "#", ",", "#"}, "Use LIMIT {3} OFFSET {1}."},
      {{"SET", "PARTITIONS"},
       "The command millrace topic alter --partitions adds partitions. A setting is in "
       "parentheses: "
       "SET ('retention.ms' = 60000).",
       2,
       1},
      {{"SEPARATOR", "'"}, "The separator is the second argument: STRING_AGG(name, ',').", 1},
      {{"ON", "DUPLICATE", "KEY"},
       "Use ON CONFLICT (id) DO UPDATE SET a = 1. INSERT alone replaces the earlier row with the "
       "same key."},
      {{"STREAM", "OR", "REPLACE"}, "Use CREATE OR REPLACE STREAM."},
      {{"TABLE", "OR", "REPLACE"}, "Use CREATE OR REPLACE TABLE."},
      {{"&"}, "Use AND between conditions, and BITAND(a, b) for bits.", 0},
      {{"||", "*", "="}, kOr, 2, 2},
      {{"||", "*", ">"}, kOr, 2, 2},
      {{"||", "*", "<"}, kOr, 2, 2},
      {{"||", "*", ">="}, kOr, 2, 2},
      {{"||", "*", "<="}, kOr, 2, 2},
      {{"||", "*", "<>"}, kOr, 2, 2},
      {{"||", "*", "!="}, kOr, 2, 2},
      {{"=", "="}, "Use = once.", 1, 1},
      {{"!"}, "Use NOT before a condition.", 0},
      {{"REGEXP", "'"}, kRegexp, 1},
      {{"RLIKE", "'"}, kRegexp, 1},
      {{"DIV", "*"}, "Use /, which divides whole numbers to a whole number.", 1, 1},
      {{"MOD", "*"}, "Use % for the remainder.", 1, 1},

      {{"/", "/"}, "A comment begins with --, or is between /* and */.", 1, 1},

      // Constructs of SQL Server.
      {{"TOP", "#"}, "Use LIMIT at the end of the statement: LIMIT {1}.", 1, 1},
      {{"TOP", "(", "#", ")"}, "Use LIMIT at the end of the statement: LIMIT {2}.", 4, 1},
      {{"CROSS", "APPLY"}, kLateral, 1},
      {{"OUTER", "APPLY"}, kLateral, 1},
      {{"WITH", "(", "NOLOCK", ")"}, "Leave out WITH (NOLOCK): a SELECT takes no locks.", 1},
      {{"name", "[", "#", ":", "#", "]"}, "Use SLICE({0}, {2}, {4}).", 3, 3},
      {{"[", "#"}, kArrays, 0},
      {{"[", "'"}, kArrays, 0},
      {{"["}, "A name that is not plain is in double quotes or in backquotes: `name`.", 0},
      {{"@"}, "DEFINE name = 'value' defines a variable, and ${name} is replaced by it.", 0},

      // Constructs of Snowflake and of DuckDB.
      {{"name", ":", "name"}, "Use EXTRACTJSONFIELD({0}, '$.{2}').", 1, 1},
      {{":", "name"},
       "A parameter is $1. In psql, \\set {1} value defines the variable that psql puts in place "
       "of :{1}.",
       0},
      {{"name", "CONTAINS", "'"},
       "Use ARRAY_CONTAINS({0}, {2}) for an array, and INSTR({0}, {2}) > 0 for a text.",
       2,
       1},
      {{"QUALIFY", "*"},
       "A condition on a window function needs a SELECT in FROM: SELECT * FROM (SELECT *, "
       "ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) AS n FROM t) AS x WHERE n = 1.",
       1},
      {{"PIVOT", "("}, kPivot, 1},
      {{"PIVOT", "*", "ON"}, kPivot, 0},
      {{"SAMPLE", "#"}, "Use TABLESAMPLE BERNOULLI ({1}) in a SELECT without EMIT.", 1},
      {{"GENERATE_SERIES", "("},
       "A continuous query reads streams and tables. Leave out EMIT CHANGES.",
       2},

      // Constructs of ClickHouse.
      {{"PREWHERE", "*"}, "Use WHERE.", 1, 1},
      {{"LIMIT", "#", "BY"},
       "Use SELECT DISTINCT ON (a) * for one row of each a, and ROW_NUMBER() OVER (PARTITION BY a) "
       "for more.",
       2,
       2},
      {{"FORMAT", "*"},
       "COPY (SELECT ...) TO STDOUT WITH (FORMAT csv) writes CSV. Otherwise the client chooses the "
       "format.",
       1,
       1},

      // Types, and properties of topics.
      {{"STRUCT", "("}, kStructs, 2, 2},
      {{"ROW", "("}, kStructs, 2, 2},
      // The parser stops at the bracket if a field is wrong, because it reads the word as a type's name.
      {{"STRUCT", "<"}, kStructFields, 2, 1},
      {{"ARRAY", "<"}, "The type of the elements is in angle brackets: ARRAY<VARCHAR>.", 2, 1},
      {{"MAP", "<"},
       "The types of the keys and values are in angle brackets: MAP<VARCHAR, INT>.",
       2,
       1},
      {{"ENUM", "("}, kEnums, 2, 2},
      {{"ARRAY", "(", "*", ")"},
       "The type of the elements is in angle brackets: ARRAY<INT>.",
       2,
       2},
      {{"LIST", "<"}, "An array has the type ARRAY<VARCHAR>.", 1},
      {{"MAP", "("}, "The types of a MAP are in angle brackets: MAP<VARCHAR, INT>.", 2, 2},
      {{"NULLABLE", "("}, kNullable, 2, 2},
      {{"(", "MAX", ")"}, "Leave out (MAX): a VARCHAR has no greatest length.", 1, 1},
      {{"(", "*", ".", "*", "="}, kDottedName, 2, 2},
      {{"(", "*", ".", "*", ".", "*", "="}, kDottedName, 2, 2},
      {{",", "*", ".", "*", "="}, kDottedName, 2, 2},
      {{",", "*", ".", "*", ".", "*", "="}, kDottedName, 2, 2},
      {{"RETENTION", "="},
       "Use RETENTION_MS and a number of milliseconds: RETENTION_MS = 86400000.",
       2,
       2},
      {{"CASCADE"},
       "Leave out CASCADE. If queries use the stream or table, the error lists them; DROP what "
       "they write first.",
       0},
  };
  return constructs;
}

const std::vector<Construct>& constructs_of_create() {
  static const std::vector<Construct> constructs = {
      {{"AUTO_INCREMENT"}, kSerial},
      {{"AUTOINCREMENT"}, kSerial},
      {{"IDENTITY", "("}, kSerial},
      {{"UNSIGNED"}, kUnsigned},
      {{"ENUM", "("}, kEnums},
      {{"ON", "UPDATE"}, "Leave out ON UPDATE: ROWTIME is the time at which a row was written."},
      {{"COMMENT", "'"}, "Use COMMENT ON COLUMN t.a IS 'text', or COMMENT ON TABLE."},
      {{"COMMENT", "=", "'"}, "Use COMMENT ON TABLE t IS 'text'."},
      {{"CHARACTER", "SET"}, "Leave out CHARACTER SET: texts are in UTF-8."},
      {{"CHARSET"}, "Leave out CHARSET: texts are in UTF-8."},
      {{"ENGINE", "="}, kEngine},
      {{"PARTITIONED", "BY"}, kPartitions},
      {{"DISTRIBUTED"}, kDistributed},
      {{"CLUSTERED", "BY"}, kDistributed},
      {{"CLUSTER", "BY"}, kDistributed},
      {{"STORED", "AS"}, "Leave it out: WITH (VALUE_FORMAT = 'JSON') sets the format of a topic."},
      {{"METADATA"},
       "Leave out METADATA. Every stream has the columns ROWTIME, ROWPARTITION and ROWOFFSET."},
      {{"AS", "PROCTIME"}, "Leave out this column. Every stream has the column ROWTIME."},
  };
  return constructs;
}

const std::vector<Construct>& constructs_of_plain_tables() {
  static const std::vector<Construct> constructs = {
      {{"DEFAULT"},
       "DEFAULT requires CREATE TABLE without WITH. Elsewhere a query replaces a missing value: "
       "COALESCE(a, 0)."},
      {{"NOT", "NULL"},
       "NOT NULL requires CREATE TABLE without WITH. Elsewhere WHERE a IS NOT NULL leaves records "
       "out."},
      {{"UNIQUE"}, kOneRowPerKey},
      {{"CHECK", "("}, kFilters},
      {{"REFERENCES"}, kJoinsInstead},
      {{"GENERATED"}, kSerial},
      {{"PRIMARY", "KEY", "("}, kKeyOfColumn, {}, 3},
      // CONSTRAINT is the column for the parser, and its name the type: CONSTRAINT k PRIMARY KEY (id).
      {{"PRIMARY", "KEY", "("}, kKeyOfColumn, {}, 2},
      {{"UNIQUE", "("}, kOneRowPerKey, {}, 1},
      {{"CHECK", "("}, kFilters, {}, 1},
      {{"FOREIGN", "KEY", "("}, kJoinsInstead, {}, 3},
  };
  return constructs;
}

}  // namespace engine
