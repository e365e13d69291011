#include "engine/pgsql/catalog_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "engine/pgsql/nesting.h"
#include "engine/sql/marked_cast.h"
#include "engine/sql/parse.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/sequence_call.h"
#include "engine/sql/shown_interval.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"

namespace engine {

namespace {

struct CatalogFunction {
  std::string_view name;
  size_t least, most;        // smallest and largest number of arguments
  std::string_view meaning;  // an expression with the arguments $1, $2, ...
};

// The arguments are inserted into these sub-queries. The columns have names like MR_OID, because an unqualified name in
// an argument must not match a column of the sub-query.
constexpr std::string_view kDescription =
    "(SELECT MR_TEXT FROM (SELECT OBJOID AS MR_OID, CLASSOID AS MR_CLASS, OBJSUBID AS MR_PART, "
    "DESCRIPTION AS MR_TEXT FROM PG_CATALOG.PG_DESCRIPTION) AS MR WHERE MR_OID = $1 AND "
    "MR_CLASS = (SELECT OID FROM PG_CATALOG.PG_CLASS WHERE RELNAME = $2) AND MR_PART = 0)";
constexpr std::string_view kAnyDescription =
    "(SELECT MIN(MR_TEXT) FROM (SELECT OBJOID AS MR_OID, OBJSUBID AS MR_PART, DESCRIPTION AS "
    "MR_TEXT "
    "FROM PG_CATALOG.PG_DESCRIPTION) AS MR WHERE MR_OID = $1 AND MR_PART = 0)";
constexpr std::string_view kColumnDescription =
    "(SELECT MR_TEXT FROM (SELECT OBJOID AS MR_OID, OBJSUBID AS MR_PART, DESCRIPTION AS MR_TEXT "
    "FROM PG_CATALOG.PG_DESCRIPTION) AS MR WHERE MR_OID = $1 AND MR_PART = $2)";
constexpr std::string_view kTypeName =
    "(SELECT MR_NAME FROM (SELECT OID AS MR_OID, MR_NAME FROM PG_CATALOG.PG_TYPE) AS MR WHERE "
    "MR_OID = $1)";
constexpr std::string_view kTypeNameWithModifier =
    "CASE WHEN $1 = 1700 AND $2 >= 4 THEN 'numeric(' || CAST(($2 - 4) / 65536 AS VARCHAR) || ',' "
    "|| CAST(($2 - 4) % 65536 AS VARCHAR) || ')' "
    "WHEN $1 = 1043 AND $2 >= 4 THEN 'character varying(' || CAST($2 - 4 AS VARCHAR) || ')' "
    "WHEN $1 = 1042 AND $2 >= 4 THEN 'character(' || CAST($2 - 4 AS VARCHAR) || ')' "
    "WHEN $1 = 1015 AND $2 >= 4 THEN 'character varying(' || CAST($2 - 4 AS VARCHAR) || ')[]' "
    "WHEN $1 = 1014 AND $2 >= 4 THEN 'character(' || CAST($2 - 4 AS VARCHAR) || ')[]' "
    "WHEN $1 = 1560 AND $2 >= 0 THEN 'bit(' || CAST($2 AS VARCHAR) || ')' "
    "WHEN $1 = 1562 AND $2 >= 0 THEN 'bit varying(' || CAST($2 AS VARCHAR) || ')' "
    "WHEN $1 = 1083 AND $2 >= 0 THEN 'time(' || CAST($2 AS VARCHAR) || ') without time zone' "
    "WHEN $1 = 1266 AND $2 >= 0 THEN 'time(' || CAST($2 AS VARCHAR) || ') with time zone' "
    "WHEN $1 = 1114 AND $2 >= 0 THEN 'timestamp(' || CAST($2 AS VARCHAR) || ') without time zone' "
    "WHEN $1 = 1184 AND $2 >= 0 THEN 'timestamp(' || CAST($2 AS VARCHAR) || ') with time zone' "
    "WHEN $1 = 1186 AND $2 >= 0 THEN 'interval(' || CAST($2 % 65536 AS VARCHAR) || ')' "
    "ELSE (SELECT MR_NAME FROM (SELECT OID AS MR_OID, MR_NAME FROM PG_CATALOG.PG_TYPE) AS MR "
    "WHERE MR_OID = $1) END";
// Prints the size, rounded, in the largest unit in which it is at least ten. The text divides twice
// the size, so that the result can be rounded.
constexpr std::string_view kPrettySize =
    "CASE WHEN $1 IS NULL THEN CAST(NULL AS VARCHAR) WHEN ABS($1) < 10240 THEN CAST($1 AS VARCHAR) "
    "|| ' bytes' "
    "WHEN ABS(CAST($1 / 512 AS BIGINT)) < 20479 THEN "
    "CAST((CAST($1 / 512 AS BIGINT) + CASE WHEN $1 < 0 THEN -1 ELSE 1 END) / 2 AS VARCHAR) || ' "
    "kB' "
    "WHEN ABS(CAST($1 / 524288 AS BIGINT)) < 20479 THEN "
    "CAST((CAST($1 / 524288 AS BIGINT) + CASE WHEN $1 < 0 THEN -1 ELSE 1 END) / 2 AS VARCHAR) || ' "
    "MB' "
    "WHEN ABS(CAST($1 / 536870912 AS BIGINT)) < 20479 THEN "
    "CAST((CAST($1 / 536870912 AS BIGINT) + CASE WHEN $1 < 0 THEN -1 ELSE 1 END) / 2 AS VARCHAR) "
    "|| ' GB' "
    "WHEN ABS(CAST($1 / 549755813888 AS BIGINT)) < 20479 THEN "
    "CAST((CAST($1 / 549755813888 AS BIGINT) + CASE WHEN $1 < 0 THEN -1 ELSE 1 END) / 2 AS "
    "VARCHAR) || ' TB' "
    "ELSE "
    "CAST((CAST($1 / 562949953421312 AS BIGINT) + CASE WHEN $1 < 0 THEN -1 ELSE 1 END) / 2 AS "
    "VARCHAR) || ' PB' END";
constexpr std::string_view kDefinition =
    "(SELECT MR_TEXT FROM (SELECT OID AS MR_OID, DEFINITION AS MR_TEXT FROM "
    "PG_CATALOG.MILLRACE_DEFINITIONS) AS MR WHERE MR_OID = $1)";
constexpr std::string_view kIndexDefinition =
    "(SELECT MR_TEXT FROM (SELECT OID AS MR_OID, INDEXDEF AS MR_TEXT FROM "
    "PG_CATALOG.MILLRACE_DEFINITIONS) AS MR WHERE MR_OID = $1)";
constexpr std::string_view kIndexPart =
    "CASE WHEN $2 = 0 THEN (SELECT MR_TEXT FROM (SELECT OID AS MR_OID, INDEXDEF AS MR_TEXT FROM "
    "PG_CATALOG.MILLRACE_DEFINITIONS) AS MR WHERE MR_OID = $1) ELSE (SELECT MR_TEXT FROM (SELECT "
    "ATTRELID AS MR_OID, ATTNUM AS MR_PART, ATTNAME AS MR_TEXT FROM PG_CATALOG.PG_ATTRIBUTE) AS MR "
    "WHERE MR_OID = $1 AND MR_PART = $2) END";
// Makes a list of the names of types from their numbers, which are the elements of the vector $1.
constexpr std::string_view kNamesOfTypes =
    "CASE WHEN CAST($1 AS VARCHAR) = '' THEN '' ELSE ARRAY_JOIN(TRANSFORM(REGEXP_SPLIT_TO_ARRAY("
    "CAST($1 AS VARCHAR), ' '), X => CAST(CAST(CAST(X AS BIGINT) AS REGTYPE) AS VARCHAR)), ', ') "
    "END";
constexpr std::string_view kArguments =
    "(SELECT MR_TEXT FROM (SELECT OID AS MR_OID, MR_ARGUMENTS AS MR_TEXT FROM PG_CATALOG.PG_PROC) "
    "AS MR WHERE MR_OID = $1)";
constexpr std::string_view kFunctionResult =
    "(SELECT MR_TEXT FROM (SELECT OID AS MR_OID, MR_RESULT AS MR_TEXT FROM PG_CATALOG.PG_PROC) AS "
    "MR WHERE MR_OID = $1)";
constexpr std::string_view kQuoted = "CASE WHEN $1 IS NOT NULL THEN FORMAT('%I', $1) END";
constexpr std::string_view kQuotedLiteral =
    "CASE WHEN INSTR($1, '\\') > 0 THEN 'E' ELSE '' END || '''' || REPLACE(REPLACE($1, '\\', "
    "'\\\\'), '''', '''''') || ''''";
constexpr std::string_view kQuotedNullable =
    "COALESCE(CASE WHEN INSTR($1, '\\') > 0 THEN 'E' ELSE '' END || '''' || "
    "REPLACE(REPLACE($1, '\\', '\\\\'), '''', '''''') || '''', 'NULL')";
constexpr std::string_view kIsVisible =
    "CAST($1 AS OID) IN (SELECT OID FROM PG_CATALOG.PG_CLASS WHERE MR_VISIBLE)";
constexpr std::string_view kMyTemporarySchema =
    "CAST(COALESCE((SELECT MAX(MR_OID) FROM (SELECT CAST(OID AS BIGINT) AS MR_OID, NSPNAME AS "
    "MR_NAME FROM PG_CATALOG.PG_NAMESPACE) AS MR WHERE MR_NAME LIKE 'pg_temp_%'), 0) AS OID)";
constexpr std::string_view kPlaces =
    "UNNEST(CASE WHEN ARRAY_LENGTH($1) >= 1 THEN GENERATE_SERIES(CAST(1 AS BIGINT), "
    "CAST(ARRAY_LENGTH($1) AS BIGINT)) ELSE NULL END)";
constexpr std::string_view kPositions =
    "CASE WHEN ARRAY_LENGTH($1) >= 1 THEN FILTER(GENERATE_SERIES(1, ARRAY_LENGTH($1)), MR_I => "
    "$1[MR_I] IS NOT DISTINCT FROM $2) WHEN $1 IS NOT NULL THEN CAST('{}' AS ARRAY<INT>) END";
// Arrays have one dimension, so the result is empty unless the requested dimension is 1.
constexpr std::string_view kSubscripts =
    "UNNEST(CASE WHEN $2 = 1 AND ARRAY_LENGTH($1) >= 1 THEN GENERATE_SERIES(1, ARRAY_LENGTH($1)) "
    "ELSE NULL END)";
constexpr std::string_view kRoleName =
    "CAST(COALESCE((SELECT MR_TEXT FROM (SELECT OID AS MR_OID, ROLNAME AS MR_TEXT FROM "
    "PG_CATALOG.PG_ROLES) AS MR WHERE MR_OID = $1), 'unknown (OID=' || CAST($1 AS VARCHAR) || ')') "
    "AS NAME)";
constexpr std::string_view kOwnedSequence =
    "COALESCE((SELECT MIN(MR_TEXT) FROM (SELECT MR_TABLE, MR_COLUMN, MR_NAME AS MR_TEXT FROM "
    "PG_CATALOG.PG_SEQUENCES) AS MR WHERE MR_TABLE = REPLACE(REPLACE($1, '\"', ''), 'public.', '') "
    "AND MR_COLUMN = $2), (SELECT MIN(MR_TEXT) FROM (SELECT D.ADRELID AS MR_OID, A.ATTNAME AS "
    "MR_COLUMN, D.MR_SERIAL AS MR_TEXT FROM PG_CATALOG.PG_ATTRDEF D JOIN PG_CATALOG.PG_ATTRIBUTE A "
    "ON A.ATTRELID = D.ADRELID AND A.ATTNUM = D.ADNUM) AS MR WHERE MR_OID = "
    "CAST(CAST($1 AS REGCLASS) AS OID) AND MR_COLUMN = $2))";
// PostgreSQL's rule for (start, end) OVERLAPS (start, end), for which a null may be a start or an end: the period that
// begins later must begin before the end of the other one, and two periods that begin together overlap.
constexpr std::string_view kOverlaps =
    "CASE WHEN LEAST($1, $2) > LEAST($3, $4) THEN CASE WHEN $3 IS NULL OR $4 IS NULL THEN NULL "
    "WHEN "
    "LEAST($1, $2) < GREATEST($3, $4) THEN TRUE WHEN $1 IS NULL OR $2 IS NULL THEN NULL ELSE FALSE "
    "END WHEN LEAST($1, $2) < LEAST($3, $4) THEN CASE WHEN $1 IS NULL OR $2 IS NULL THEN NULL WHEN "
    "LEAST($3, $4) < GREATEST($1, $2) THEN TRUE WHEN $3 IS NULL OR $4 IS NULL THEN NULL ELSE FALSE "
    "END WHEN LEAST($1, $2) = LEAST($3, $4) AND $1 IS NOT NULL AND $2 IS NOT NULL AND $3 IS NOT "
    "NULL AND $4 IS NOT NULL THEN TRUE ELSE NULL END";
constexpr std::string_view kNoText = "CAST(NULL AS VARCHAR)", kNoNumber = "CAST(NULL AS BIGINT)";

// The functions of the catalog and their meanings. Objects that do not exist in the dialect (triggers, rules,
// publications) have no text.
constexpr CatalogFunction kFunctions[] = {
    {"_PG_EXPANDARRAY", 1, 1,
     "UNNEST(CASE WHEN ARRAY_LENGTH($1) >= 1 THEN TRANSFORM(GENERATE_SERIES(1, ARRAY_LENGTH($1)), "
     "MR_I => "
     "STRUCT(X := $1[MR_I], N := MR_I)) ELSE NULL END)"},
    {"BPCHAR", 1, 1, "CAST($1 AS BPCHAR)"},
    {"COL_DESCRIPTION", 2, 2, kColumnDescription},
    {"ARRAY_CAT", 2, 2, "ARRAY_CONCAT($1, $2)"},
    {"ARRAY_POSITIONS", 2, 2, kPositions},
    {"ARRAY_REPLACE", 3, 3,
     "TRANSFORM($1, MR_I => CASE WHEN MR_I IS NOT DISTINCT FROM $2 THEN $3 ELSE MR_I END)"},
    {"ARRAY_TO_JSON", 1, 1, "TO_JSON($1)"},
    {"CURRENT_SCHEMAS", 1, 1,
     "CASE WHEN $1 THEN ARRAY[CAST('pg_catalog' AS NAME), CAST('public' AS NAME)] ELSE "
     "ARRAY[CAST('public' AS NAME)] END"},
    {"FORMAT_TYPE", 2, 2, kTypeNameWithModifier},
    {"GENERATE_SUBSCRIPTS", 2, 2, kSubscripts},
    {"GETDATABASEENCODING", 0, 0, "'UTF8'"},
    {"HAS_ANY_COLUMN_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('any_column', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_ANY_COLUMN_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('any_column', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_COLUMN_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('column', '', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), $3)"},
    {"HAS_COLUMN_PRIVILEGE", 4, 4,
     "PG_CATALOG.HAS_PRIVILEGE('column', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), "
     "CAST($3 AS VARCHAR), $4)"},
    {"HAS_DATABASE_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('database', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_DATABASE_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('database', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_FOREIGN_DATA_WRAPPER_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('foreign_data_wrapper', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_FOREIGN_DATA_WRAPPER_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('foreign_data_wrapper', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), "
     "'', $3)"},
    {"HAS_FUNCTION_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('function', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_FUNCTION_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('function', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_LANGUAGE_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('language', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_LANGUAGE_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('language', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_PARAMETER_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('parameter', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_PARAMETER_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('parameter', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_SCHEMA_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('schema', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_SCHEMA_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('schema', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_SEQUENCE_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('sequence', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_SEQUENCE_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('sequence', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_SERVER_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('server', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_SERVER_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('server', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_TABLE_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('table', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_TABLE_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('table', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_TABLESPACE_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('tablespace', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_TABLESPACE_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('tablespace', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"HAS_TYPE_PRIVILEGE", 2, 2,
     "PG_CATALOG.HAS_PRIVILEGE('type', '', CAST($1 AS VARCHAR), '', $2)"},
    {"HAS_TYPE_PRIVILEGE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('type', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"JSONB_ARRAY_ELEMENTS", 1, 1, "UNNEST(PG_CATALOG.JSON_ELEMENTS(CAST($1 AS JSONB)))"},
    {"JSONB_ARRAY_ELEMENTS_TEXT", 1, 1, "UNNEST(PG_CATALOG.JSON_ELEMENT_TEXTS(CAST($1 AS JSONB)))"},
    {"JSONB_ARRAY_LENGTH", 1, 1, "PG_CATALOG.JSON_ARRAY_LENGTH(CAST($1 AS JSONB))"},
    {"JSONB_EACH", 1, 1, "UNNEST(PG_CATALOG.JSON_MEMBERS(CAST($1 AS JSONB)))"},
    {"JSONB_EACH_TEXT", 1, 1, "UNNEST(PG_CATALOG.JSON_MEMBER_TEXTS(CAST($1 AS JSONB)))"},
    {"JSONB_OBJECT_KEYS", 1, 1, "UNNEST(PG_CATALOG.JSON_NAMES(CAST($1 AS JSONB)))"},
    {"JSONB_STRIP_NULLS", 1, 1, "JSON_STRIP_NULLS(CAST($1 AS JSONB))"},
    {"JSONB_TYPEOF", 1, 1, "JSON_TYPEOF(CAST($1 AS JSONB))"},
    {"JSON_ARRAY_ELEMENTS", 1, 1, "UNNEST(PG_CATALOG.JSON_ELEMENTS($1))"},
    {"JSON_ARRAY_ELEMENTS_TEXT", 1, 1, "UNNEST(PG_CATALOG.JSON_ELEMENT_TEXTS($1))"},
    {"JSON_EACH", 1, 1, "UNNEST(PG_CATALOG.JSON_MEMBERS($1))"},
    {"JSON_EACH_TEXT", 1, 1, "UNNEST(PG_CATALOG.JSON_MEMBER_TEXTS($1))"},
    {"JSON_OBJECT_KEYS", 1, 1, "UNNEST(PG_CATALOG.JSON_NAMES($1))"},
    {"OBJ_DESCRIPTION", 2, 2, kDescription},
    {"OBJ_DESCRIPTION", 1, 1, kAnyDescription},
    {"OIDVECTORTYPES", 1, 1, kNamesOfTypes},
    {"PG_CHAR_TO_ENCODING", 1, 1, "6"},
    {"PG_COLLATION_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_CONVERSION_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_DATABASE_SIZE", 1, 1, kNoNumber},
    {"PG_ENCODING_TO_CHAR", 1, 1, "CAST('UTF8' AS NAME)"},
    {"PG_FUNCTION_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_GENERATE_SERIES", 2, 2,
     "UNNEST(CASE WHEN $2 >= $1 THEN GENERATE_SERIES($1, $2) ELSE NULL END)"},
    {"PG_GENERATE_SERIES", 3, 3,
     "UNNEST(CASE WHEN NOT ($3 > 0 AND $2 < $1 OR $3 < 0 AND $2 > $1) THEN "
     "GENERATE_SERIES($1, $2, $3) ELSE NULL END)"},
    {"PG_GET_CONSTRAINTDEF", 1, 2, kDefinition},
    {"PG_GET_EXPR", 2, 3, "CAST($1 AS VARCHAR)"},
    {"PG_GET_FUNCTIONDEF", 1, 1, kNoText},
    {"PG_GET_FUNCTION_ARGUMENTS", 1, 1, kArguments},
    {"PG_GET_FUNCTION_IDENTITY_ARGUMENTS", 1, 1, kArguments},
    {"PG_GET_FUNCTION_RESULT", 1, 1, kFunctionResult},
    {"PG_GET_FUNCTION_SQLBODY", 1, 1, kNoText},
    {"PG_GET_INDEXDEF", 1, 1, kIndexDefinition},
    {"PG_GET_INDEXDEF", 3, 3, kIndexPart},
    {"PG_GET_PARTKEYDEF", 1, 1, kNoText},
    {"PG_GET_RULEDEF", 1, 2, kNoText},
    {"PG_GET_SERIAL_SEQUENCE", 2, 2, kOwnedSequence},
    {"PG_GET_STATISTICSOBJDEF_COLUMNS", 1, 1, kNoText},
    {"PG_GET_TRIGGERDEF", 1, 2, kNoText},
    {"PG_GET_USERBYID", 1, 1, kRoleName},
    {"PG_GET_VIEWDEF", 1, 2, kDefinition},
    {"PG_HAS_ROLE", 2, 2, "PG_CATALOG.HAS_PRIVILEGE('role', '', CAST($1 AS VARCHAR), '', $2)"},
    {"PG_HAS_ROLE", 3, 3,
     "PG_CATALOG.HAS_PRIVILEGE('role', CAST($1 AS VARCHAR), CAST($2 AS VARCHAR), '', $3)"},
    {"PG_INDEXES_SIZE", 1, 1, kNoNumber},
    {"PG_IS_IN_RECOVERY", 0, 0, "FALSE"},
    {"PG_BLOCKING_PIDS", 1, 1, "CAST('{}' AS ARRAY<INT>)"},
    {"PG_CURRENT_WAL_INSERT_LSN", 0, 0, "CAST('0/0' AS PG_LSN)"},
    {"PG_CURRENT_WAL_LSN", 0, 0, "CAST('0/0' AS PG_LSN)"},
    {"PG_CURRENT_XACT_ID", 0, 0, "TXID_CURRENT()"},
    {"PG_IS_OTHER_TEMP_SCHEMA", 1, 1, "FALSE"},
    {"PG_JIT_AVAILABLE", 0, 0, "FALSE"},
    {"PG_LAST_WAL_RECEIVE_LSN", 0, 0, "CAST(NULL AS PG_LSN)"},
    {"PG_LAST_WAL_REPLAY_LSN", 0, 0, "CAST(NULL AS PG_LSN)"},
    {"PG_CONF_LOAD_TIME", 0, 0, "CAST(NULL AS TIMESTAMP)"},
    {"PG_POSTMASTER_START_TIME", 0, 0, "CAST(NULL AS TIMESTAMP)"},
    {"PG_MY_TEMP_SCHEMA", 0, 0, kMyTemporarySchema},
    {"PG_RELATION_FILENODE", 1, 1, "CAST(CAST($1 AS REGCLASS) AS OID)"},
    {"ROW_SECURITY_ACTIVE", 1, 1, "FALSE"},
    {"INET_SERVER_ADDR", 0, 0, "CAST(NULL AS INET)"},
    {"INET_SERVER_PORT", 0, 0, "CAST(NULL AS INT)"},
    {"TXID_CURRENT_SNAPSHOT", 0, 0, "REPLACE('#:#:', '#', CAST(TXID_CURRENT() AS VARCHAR))"},
    {"PG_CURRENT_SNAPSHOT", 0, 0, "REPLACE('#:#:', '#', CAST(TXID_CURRENT() AS VARCHAR))"},
    {"PG_JSONB_NAMES", 1, 1, "UNNEST(PG_CATALOG.JSON_MEMBER_NAMES(CAST($1 AS JSONB)))"},
    {"PG_JSONB_VALUES", 1, 1, "UNNEST(PG_CATALOG.JSON_VALUES(CAST($1 AS JSONB)))"},
    {"PG_JSONB_VALUE_TEXTS", 1, 1, "UNNEST(PG_CATALOG.JSON_VALUE_TEXTS(CAST($1 AS JSONB)))"},
    {"PG_JSON_NAMES", 1, 1, "UNNEST(PG_CATALOG.JSON_MEMBER_NAMES($1))"},
    {"PG_JSON_VALUES", 1, 1, "UNNEST(PG_CATALOG.JSON_VALUES($1))"},
    {"PG_JSON_VALUE_TEXTS", 1, 1, "UNNEST(PG_CATALOG.JSON_VALUE_TEXTS($1))"},
    {"PG_OPCLASS_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_OPERATOR_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_OPFAMILY_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_PARTITION_ANCESTORS", 1, 1, "UNNEST(CAST(NULL AS ARRAY<BIGINT>))"},
    {"PG_RELATION_IS_PUBLISHABLE", 1, 1, "FALSE"},
    {"PG_RELATION_SIZE", 1, 2, kNoNumber},
    {"PG_SIZE_PRETTY", 1, 1, kPrettySize},
    {"PG_STATISTICS_OBJ_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TABLESPACE_LOCATION", 1, 1, "''"},
    {"PG_TABLESPACE_SIZE", 1, 1, kNoNumber},
    {"PG_TABLE_IS_VISIBLE", 1, 1, kIsVisible},
    {"PG_TABLE_SIZE", 1, 1, kNoNumber},
    {"PG_TRIGGER_DEPTH", 0, 0, "0"},
    {"PG_TOTAL_RELATION_SIZE", 1, 1, kNoNumber},
    {"PG_TS_CONFIG_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TS_DICT_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TS_PARSER_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TS_TEMPLATE_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TYPE_IS_VISIBLE", 1, 1, "TRUE"},
    {"QUOTE_IDENT", 1, 1, kQuoted},
    {"MIN_SCALE", 1, 1,
     "CHAR_LENGTH(RTRIM(SPLIT_PART(CAST(CAST($1 AS NUMERIC) AS VARCHAR), '.', 2), '0'))"},
    {"SCALE", 1, 1, "CHAR_LENGTH(SPLIT_PART(CAST($1 AS VARCHAR), '.', 2))"},
    {"OVERLAPS", 4, 4, kOverlaps},
    {"OVERLAY", 3, 3, "SUBSTRING($1, 1, $3 - 1) || $2 || SUBSTRING($1, $3 + CHAR_LENGTH($2))"},
    {"OVERLAY", 4, 4, "SUBSTRING($1, 1, $3 - 1) || $2 || SUBSTRING($1, $3 + $4)"},
    {"QUOTE_LITERAL", 1, 1, kQuotedLiteral},
    {"QUOTE_NULLABLE", 1, 1, kQuotedNullable},
    {"REGEXP_MATCHES", 2, 2, "UNNEST(REGEXP_MATCH_ALL($1, $2, ''))"},
    {"REGEXP_MATCHES", 3, 3, "UNNEST(REGEXP_MATCH_ALL($1, $2, $3))"},
    {"REGEXP_SPLIT_TO_TABLE", 2, 2, "UNNEST(REGEXP_SPLIT_TO_ARRAY($1, $2))"},
    {"REGEXP_SPLIT_TO_TABLE", 3, 3, "UNNEST(REGEXP_SPLIT_TO_ARRAY($1, $2, $3))"},
    {"ROW_TO_JSON", 1, 1, "TO_JSON($1)"},
    {"SHOBJ_DESCRIPTION", 2, 2, kNoText},
    {"STRING_TO_TABLE", 2, 2, "UNNEST(STRING_TO_ARRAY($1, $2))"},
    {"STRING_TO_TABLE", 3, 3, "UNNEST(STRING_TO_ARRAY($1, $2, $3))"},
    {"TO_JSONB", 1, 1, "CAST(CAST(TO_JSON($1) AS VARCHAR) AS JSONB)"},
    {"TO_REGCLASS", 1, 1,
     "CAST(PG_CATALOG.FOUND_NAME('regclass', CAST($1 AS VARCHAR)) AS REGCLASS)"},
    {"TO_REGCOLLATION", 1, 1,
     "CAST(PG_CATALOG.FOUND_NAME('regcollation', CAST($1 AS VARCHAR)) AS REGCOLLATION)"},
    {"TO_REGNAMESPACE", 1, 1,
     "CAST(PG_CATALOG.FOUND_NAME('regnamespace', CAST($1 AS VARCHAR)) AS REGNAMESPACE)"},
    {"TO_REGOPER", 1, 1, "CAST(PG_CATALOG.FOUND_NAME('regoper', CAST($1 AS VARCHAR)) AS REGOPER)"},
    {"TO_REGOPERATOR", 1, 1,
     "CAST(PG_CATALOG.FOUND_NAME('regoperator', CAST($1 AS VARCHAR)) AS REGOPERATOR)"},
    {"TO_REGPROC", 1, 1, "CAST(PG_CATALOG.FOUND_NAME('regproc', CAST($1 AS VARCHAR)) AS REGPROC)"},
    {"TO_REGPROCEDURE", 1, 1,
     "CAST(PG_CATALOG.FOUND_NAME('regprocedure', CAST($1 AS VARCHAR)) AS REGPROCEDURE)"},
    {"TO_REGROLE", 1, 1, "CAST(PG_CATALOG.FOUND_NAME('regrole', CAST($1 AS VARCHAR)) AS REGROLE)"},
    {"TO_REGTYPE", 1, 1, "CAST(PG_CATALOG.FOUND_NAME('regtype', CAST($1 AS VARCHAR)) AS REGTYPE)"},
};

bool has_parameter(const Expression& expression) {
  return expression.is<Parameter>() ||
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return has_parameter(*child); });
}

// Adds those parameters of the call that the replacement does not use: each parameter needs a type,
// because drivers send its value in that type.
ExpressionPtr keep_parameters(ExpressionPtr made, std::string_view meaning,
                              const ExpressionList& arguments, TextPosition position) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const bool is_used = meaning.find(fmt::format("${}", i + 1)) != std::string_view::npos;
    if (is_used || !has_parameter(*arguments[i])) continue;
    Case choice;
    ExpressionPtr never =
        make_expression(Logical{LogicalOp::And, make_expression(BooleanLiteral{false}, position),
                                make_expression(IsNull{clone(*arguments[i])}, position)},
                        position);
    choice.branches.push_back({std::move(never), make_expression(NullLiteral{}, position)});
    choice.otherwise = std::move(made);
    made = make_expression(std::move(choice), position);
  }
  return made;
}

// Limits the size of arguments that occur more than once in the replacement. Otherwise nested calls
// would multiply them again and again.
Status check_repeated(std::string_view meaning, const ExpressionList& arguments,
                      TextPosition position) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string parameter = fmt::format("${}", i + 1);
    const size_t first = meaning.find(parameter);
    const bool is_repeated = first != std::string_view::npos &&
                             meaning.find(parameter, first + 1) != std::string_view::npos;
    if (is_repeated && pgsql::parts_of(*arguments[i]) > pgsql::kMostRepeatedParts)
      return Error{ErrorCode::NotSupported,
                   "an expression of this length within this function is not supported yet",
                   {},
                   "Compute it in a query of FROM."}
          .at(position);
  }
  return {};
}

// Returns the replacement of a function, with its parameters replaced by the arguments of the call.
Result<ExpressionPtr> written_out(std::string_view meaning, const ExpressionList& arguments,
                                  TextPosition position) {
  TRY(check_repeated(meaning, arguments, position));
  ExpressionPtr made = TRY(parse_expression(meaning));
  const auto put = [&](ExpressionPtr& expression) -> Status {
    if (const auto* parameter = expression->as<Parameter>())
      expression = clone(*arguments[static_cast<size_t>(parameter->index) - 1]);
    expression->position = position;
    return {};
  };
  // Children are visited first, so arguments that were just inserted are not visited. Otherwise the
  // parameters in an argument would be taken for parameters of `meaning`.
  TRY(rewrite_expression(made, put, RewriteOrder::ChildrenFirst));
  return keep_parameters(std::move(made), meaning, arguments, position);
}

// Columns of PostgreSQL's types int2vector and oidvector. The first element of such a column has
// the index 0: indkey[0].
constexpr std::string_view kVectors[] = {"INDCLASS",  "INDCOLLATION", "INDKEY",     "INDOPTION",
                                         "PARTATTRS", "PRATTRS",      "PROARGTYPES"};
bool is_vector(const Expression& expression) {
  const auto* column = expression.as<ColumnRef>();
  return column && std::ranges::find(kVectors, column->name.text) != std::end(kVectors);
}

// The replacements of functions of array subscripts for vectors, whose subscripts begin with 0.
constexpr CatalogFunction kOfVectors[] = {
    {"ARRAY_LOWER", 2, 2, "CASE WHEN $2 = 1 AND ARRAY_LENGTH($1) >= 1 THEN 0 END"},
    {"ARRAY_UPPER", 2, 2, "CASE WHEN $2 = 1 THEN NULLIF(ARRAY_LENGTH($1), 0) - 1 END"},
    {"GENERATE_SUBSCRIPTS", 2, 2,
     "UNNEST(CASE WHEN $2 = 1 AND ARRAY_LENGTH($1) >= 1 THEN GENERATE_SERIES(0, ARRAY_LENGTH($1) - "
     "1) ELSE NULL END)"},
};

// ---- Lists of privileges (aclitem[])

// Columns of the catalog with lists of privileges. They are always NULL, which stands for the default privileges.
// pgAdmin computes GRANT_PRIV and REVOKE_PRIV from pg_default_acl, which has no rows.
constexpr std::string_view kPrivileges[] = {
    "ATTACL", "DATACL", "DEFACLACL", "FDWACL", "GRANT_PRIV", "LANACL", "REVOKE_PRIV", "LOMACL",
    "NSPACL", "PARACL", "PROACL",    "RELACL", "SPCACL",     "SRVACL", "TYPACL"};
constexpr std::string_view kNoPrivileges =
    "UNNEST(CAST(NULL AS ARRAY<STRUCT<GRANTOR OID, GRANTEE OID, PRIVILEGE_TYPE VARCHAR, "
    "IS_GRANTABLE BOOLEAN>>))";
// The default privileges of an object by its kind; # stands for its owner.
constexpr std::string_view kDefaultPrivileges =
    "CAST(REPLACE(CASE CAST($1 AS VARCHAR) WHEN 'c' THEN '{}' WHEN 'r' THEN '{#=arwdDxt/#}' "
    "WHEN 's' THEN '{#=rwU/#}' WHEN 'd' THEN '{=Tc/#,#=CTc/#}' WHEN 'f' THEN '{=X/#,#=X/#}' "
    "WHEN 'l' THEN '{=U/#,#=U/#}' WHEN 'L' THEN '{#=rw/#}' WHEN 'n' THEN '{#=UC/#}' "
    "WHEN 'p' THEN '{#=sA/#}' WHEN 't' THEN '{#=C/#}' WHEN 'F' THEN '{#=U/#}' "
    "WHEN 'S' THEN '{#=U/#}' WHEN 'T' THEN '{=U/#,#=U/#}' END, '#', "
    "COALESCE((SELECT MR_TEXT FROM (SELECT CAST(OID AS BIGINT) AS MR_OID, FORMAT('%I', ROLNAME) "
    "AS MR_TEXT FROM PG_CATALOG.PG_ROLES) AS MR WHERE MR_OID = CAST($2 AS BIGINT)), "
    "CAST($2 AS VARCHAR))) AS ARRAY<ACLITEM>)";

// ---- Construction of JSON: as text, which is cast at the end

// Return the SQL text of a member's name, and of a value. If the name is NULL, the whole result is NULL.
std::string json_name(size_t argument) {
  return fmt::format("CAST(TO_JSON(CAST(${} AS VARCHAR)) AS VARCHAR)", argument);
}
std::string json_value(size_t argument) {
  return fmt::format("COALESCE(CAST(TO_JSON(${}) AS VARCHAR), 'null')", argument);
}

struct BuiltJson {
  std::string_view function, type;
  bool is_object;
};
constexpr BuiltJson kBuilt[] = {{"JSON_BUILD_OBJECT", "JSON", true},
                                {"JSONB_BUILD_OBJECT", "JSONB", true},
                                {"JSON_BUILD_ARRAY", "JSON", false},
                                {"JSONB_BUILD_ARRAY", "JSONB", false}};

// Returns the SQL text that builds {"name" : value, ...} or [value, ...].
std::string built_text(const BuiltJson& built, size_t arguments) {
  std::string meaning = built.is_object ? "CAST('{'" : "CAST('['";
  const size_t step = built.is_object ? 2 : 1;
  for (size_t i = 0; i < arguments; i += step) {
    if (i > 0) meaning += " || ', '";
    if (built.is_object) meaning += " || " + json_name(i + 1) + " || ' : '";
    meaning += " || " + json_value(i + step);
  }
  return fmt::format("{} || '{}' AS {})", meaning, built.is_object ? "}" : "]", built.type);
}

// Returns the SQL text that counts the arguments for which the condition, such as " IS NULL", is true.
std::string counted_text(std::string_view condition, size_t arguments) {
  std::string meaning;
  for (size_t i = 1; i <= arguments; ++i)
    meaning +=
        fmt::format("{}CASE WHEN ${}{} THEN 1 ELSE 0 END", i == 1 ? "" : " + ", i, condition);
  return meaning;
}

struct GatheredJson {
  std::string_view function, type;
  size_t arguments;
};
constexpr GatheredJson kGathered[] = {{"JSON_AGG", "JSON", 1},
                                      {"JSONB_AGG", "JSONB", 1},
                                      {"JSON_OBJECT_AGG", "JSON", 2},
                                      {"JSONB_OBJECT_AGG", "JSONB", 2}};

// Rewrites an aggregate such as JSON_AGG as STRING_AGG of its parts in brackets; returns null for another function.
// STRING_AGG gets the ORDER BY, DISTINCT and FILTER of the call.
Result<ExpressionPtr> gathered_json(const FunctionCall& call, TextPosition at) {
  const auto row = std::ranges::find(kGathered, call.name, &GatheredJson::function);
  if (row == std::end(kGathered) || call.arguments.size() != row->arguments || call.over)
    return ExpressionPtr();
  const bool is_object = row->arguments == 2;
  FunctionCall texts{"STRING_AGG", {}};
  texts.arguments.push_back(
      TRY(written_out(is_object ? json_name(1) + " || ' : ' || " + json_value(2) : json_value(1),
                      call.arguments, at)));
  texts.arguments.push_back(make_expression(StringLiteral{", "}, at));
  texts.distinct = call.distinct;
  for (const OrderItem& item : call.order_by)
    texts.order_by.push_back({clone(*item.expression), item.descending, item.nulls});
  if (call.filter) texts.filter = clone(*call.filter);
  ExpressionList parts;
  parts.push_back(make_expression(std::move(texts), at));
  return written_out(fmt::format("CAST({} AS {})",
                                 is_object ? "'{ ' || $1 || ' }'" : "'[' || $1 || ']'", row->type),
                     parts, at);
}

Result<ExpressionPtr> expanded(const FunctionCall& call, TextPosition position);

// Returns the array whose items are the rows of the function; null for a function that is not supported.
Result<ExpressionPtr> array_of_rows(const FunctionCall& function, TextPosition position) {
  const bool is_series =
      function.name == "GENERATE_SERIES" || function.name == "PG_GENERATE_SERIES";
  if (!is_series)
    return function.name == "UNNEST" && function.arguments.size() == 1
               ? clone(*function.arguments.front())
               : ExpressionPtr();
  const ExpressionPtr rows =
      TRY(expanded({"PG_GENERATE_SERIES", clone(function.arguments)}, position));
  return clone(*std::get<FunctionCall>(rows->node).arguments.front());  // the argument of UNNEST
}

// Returns the numbers of WITH ORDINALITY for calls of UNNEST and GENERATE_SERIES: the subscripts of the longest array of
// the calls.
Result<ExpressionPtr> places_of(const FunctionCall& call, TextPosition position) {
  ExpressionList arrays;
  std::string longest;
  for (const ExpressionPtr& argument : call.arguments) {
    const auto* function = argument->as<FunctionCall>();
    ExpressionPtr array = function ? TRY(array_of_rows(*function, position)) : ExpressionPtr();
    if (!array)
      return Error{ErrorCode::NotSupported,
                   "WITH ORDINALITY is supported for unnest and generate_series only"}
          .at(position)
          .with_hint("row_number() OVER () AS ordinality counts the rows in the SELECT list.");
    arrays.push_back(std::move(array));
    longest +=
        fmt::format("{}COALESCE(ARRAY_LENGTH(${}), 0)", longest.empty() ? "" : ", ", arrays.size());
  }
  if (arrays.size() == 1) return written_out(kPlaces, arrays, position);
  return written_out(
      fmt::format("UNNEST(CASE WHEN GREATEST({}) >= 1 THEN GENERATE_SERIES(CAST(1 AS BIGINT), "
                  "CAST(GREATEST({}) AS BIGINT)) END)",
                  longest, longest),
      arrays, position);
}

Result<ExpressionPtr> expanded(const FunctionCall& call, TextPosition position) {
  const size_t count = call.arguments.size();
  if (call.name == "PG_ORDINALITY") return places_of(call, position);
  if (call.name == "ACLDEFAULT" && count == 2)
    return written_out(kDefaultPrivileges, call.arguments, position);
  if (call.name == "ACLEXPLODE" && count == 1) {
    if (is_list_of_privileges(*call.arguments.front()))
      return written_out(kNoPrivileges, {}, position);
    return Error{ErrorCode::NotSupported,
                 "aclexplode is supported for the lists of privileges in the catalog only"}
        .at(position);
  }
  if (const auto built = std::ranges::find(kBuilt, call.name, &BuiltJson::function);
      built != std::end(kBuilt)) {
    if (built->is_object && count % 2 != 0)
      return Error{ErrorCode::InvalidParameter, "argument list must have even number of elements",
                   "",
                   "The arguments of json_build_object() must consist of alternating keys and "
                   "values."}
          .at(position);
    return written_out(built_text(*built, count), call.arguments, position);
  }
  if (count == 3 && call.name == "DATE_TRUNC")
    return written_out(
        fmt::format("DATE_TRUNC($1, \"{}\"(CAST($2 AS TIMESTAMPTZ), 'DATE_TRUNC', 2) AT TIME ZONE "
                    "$3) AT TIME ZONE $3",
                    kArgumentMark),
        call.arguments, position);
  if (count > 0 && call.name == "NUM_NULLS")
    return written_out(counted_text(" IS NULL", count), call.arguments, position);
  if (count > 0 && call.name == "NUM_NONNULLS")
    return written_out(counted_text(" IS NOT NULL", count), call.arguments, position);
  // A step that is an interval makes the call a series of points in time.
  if (call.name == "PG_GENERATE_SERIES" && count == 3 && shows_interval(*call.arguments[2]))
    return written_out("UNNEST(GENERATE_SERIES($1, $2, $3))", call.arguments, position);
  if (count == 2 && is_vector(*call.arguments.front())) {
    const auto of_vector = std::ranges::find(kOfVectors, call.name, &CatalogFunction::name);
    if (of_vector != std::end(kOfVectors))
      return written_out(of_vector->meaning, call.arguments, position);
  }
  const CatalogFunction* known = nullptr;
  for (const CatalogFunction& each : kFunctions) {
    if (each.name != call.name) continue;
    known = &each;
    if (count < each.least || count > each.most) continue;
    if (call.name == "FORMAT_TYPE" && call.arguments[1]->is<NullLiteral>())
      return written_out(kTypeName, call.arguments, position);
    return written_out(each.meaning, call.arguments, position);
  }
  if (!known) return ExpressionPtr();
  return Error{ErrorCode::UndefinedFunction, fmt::format("function {} does not accept {} arguments",
                                                         lower_case(call.name), count)}
      .at(position);
}

// Replaces a sub-query in CASE WHEN typtype = 'd' by NULL. It is never computed, because the catalog has no domains.
// asyncpg walks over the bases of domains in it, by a recursion that the server would plan each time.
void forget_domains(Case& choice) {
  for (CaseBranch& branch : choice.branches) {
    const auto* asked = branch.when ? branch.when->as<Comparison>() : nullptr;
    if (!asked || asked->op != ComparisonOp::Equal) continue;
    const auto* column = asked->left->as<ColumnRef>();
    const auto* kind = asked->right->as<StringLiteral>();
    if (!column || column->name != "TYPTYPE" || !kind || kind->value != "d") continue;
    if (!branch.then->is<Subquery>()) continue;
    const TextPosition at = branch.then->position;
    branch.then = make_expression(
        Cast{make_expression(NullLiteral{}, at), TypeName{.kind = TypeKind::Bigint}}, at);
  }
}

Status prepare_parts(ExpressionPtr& expression) {
  if (auto* choice = std::get_if<Case>(&expression->node)) forget_domains(*choice);
  if (auto* call = std::get_if<FunctionCall>(&expression->node)) take_sequence_name(*call);
  return {};
}

void count_from_one(Subscript& element, TextPosition position) {
  if (!is_vector(*element.base)) return;
  element.index = make_expression(Arithmetic{ArithmeticOp::Add, std::move(element.index),
                                             make_expression(IntegerLiteral{1}, position)},
                                  position);
}

// ---- tableoid, which every table has

constexpr std::string_view kTableNumber = "CAST(CAST($1 AS REGCLASS) AS OID)";

const AliasedSource* source_of(const Query& query, const ColumnRef& column) {
  const auto is_meant = [&](const AliasedSource& source) {
    return !source.query && (!column.source || *column.source == source.visible_name());
  };
  if (query.from && is_meant(*query.from)) return &*query.from;
  for (const Join& join : query.joins)
    if (is_meant(join.source)) return &join.source;
  return nullptr;
}

Status number_tables(Query& query);

// Replaces the query by a copy, because others may share it, and rewrites the copy.
Status number_tables(std::shared_ptr<const Query>& within) {
  if (!within) return {};
  auto own = std::make_shared<Query>(clone(*within));
  TRY(number_tables(*own));
  within = std::move(own);
  return {};
}

Status number_tables(Query& query) {
  for (CommonTable& table : query.with) TRY(number_tables(table.query));
  if (query.combined) {
    TRY(number_tables(query.combined->left));
    TRY(number_tables(query.combined->right));
  }
  if (query.from) TRY(number_tables(query.from->query));
  for (Join& join : query.joins) TRY(number_tables(join.source.query));
  const auto number = [&](ExpressionPtr& expression) -> Status {
    const auto* column = expression->as<ColumnRef>();
    if (!column || !equals_ignoring_case(column->name.text, "tableoid")) return {};
    const AliasedSource* source = source_of(query, *column);
    if (!source) return {};
    std::string table = quoted_postgres_name(display_name(source->name.text));
    if (source->schema)
      table = quoted_postgres_name(display_name(source->schema->text)) + "." + table;
    ExpressionList arguments;
    arguments.push_back(make_expression(StringLiteral{table}, expression->position));
    expression = TRY(written_out(kTableNumber, arguments, expression->position));
    return {};
  };
  for (SelectItem& item : query.items)
    if (item.expression) {
      const auto* column = item.expression->as<ColumnRef>();
      const bool keeps_name = column && !item.alias;
      const Name name = keeps_name ? column->name : Name();
      TRY(rewrite_expression(item.expression, number, RewriteOrder::ParentsFirst));
      if (keeps_name && !item.expression->is<ColumnRef>()) item.alias = name;
    }
  if (query.where) TRY(rewrite_expression(query.where, number, RewriteOrder::ParentsFirst));
  for (Join& join : query.joins)
    if (join.on) TRY(rewrite_expression(join.on, number, RewriteOrder::ParentsFirst));
  return {};
}

// Makes functions that return rows keep their names as column names. Otherwise their replacement,
// UNNEST, would name the column.
void name_row_functions(Query& query) {
  constexpr std::string_view kNames[] = {"ACLEXPLODE",
                                         "GENERATE_SUBSCRIPTS",
                                         "REGEXP_MATCHES",
                                         "REGEXP_SPLIT_TO_TABLE",
                                         "STRING_TO_TABLE",
                                         "JSON_OBJECT_KEYS",
                                         "JSON_ARRAY_ELEMENTS",
                                         "JSON_ARRAY_ELEMENTS_TEXT",
                                         "JSON_EACH",
                                         "JSON_EACH_TEXT",
                                         "JSONB_OBJECT_KEYS",
                                         "JSONB_ARRAY_ELEMENTS",
                                         "JSONB_ARRAY_ELEMENTS_TEXT",
                                         "JSONB_EACH",
                                         "JSONB_EACH_TEXT"};
  for (SelectItem& item : query.items) {
    const auto* call = item.expression ? item.expression->as<FunctionCall>() : nullptr;
    if (call && !item.alias && std::ranges::find(kNames, call->name) != std::end(kNames))
      item.alias = Name{call->name};
  }
}

Status expand_query(Query& query) {
  const auto expand = [](ExpressionPtr& expression) -> Status {
    if (auto* element = std::get_if<Subscript>(&expression->node))
      count_from_one(*element, expression->position);
    const auto* call = expression->as<FunctionCall>();
    if (!call) return {};
    if (ExpressionPtr gathered = TRY(gathered_json(*call, expression->position))) {
      expression = std::move(gathered);
      return {};
    }
    if (call->over || call->filter || !call->order_by.empty() || call->distinct) return {};
    ExpressionPtr meaning = TRY(expanded(*call, expression->position));
    if (meaning) expression = std::move(meaning);
    return {};
  };
  TRY(rewrite_expressions(query, prepare_parts, RewriteOrder::ParentsFirst));
  return rewrite_expressions(query, expand, RewriteOrder::ChildrenFirst);
}

// Gives items an alias, so that a call that is replaced keeps its name as the name of the column.
void name_items(Query& query) {
  for (SelectItem& item : query.items) {
    const auto* call = item.expression ? item.expression->as<FunctionCall>() : nullptr;
    if (call && !item.alias && call->name.starts_with("TO_REG")) item.alias = Name{call->name};
  }
}

Status expand_condition(ExpressionPtr& expression) {
  Query around;
  around.where = std::move(expression);
  const Status done = expand_query(around);
  expression = std::move(around.where);
  return done;
}

// Expands the items of RETURNING, which keep their names.
Status expand_items(std::vector<SelectItem>& items) {
  Query around;
  around.items = std::move(items);
  for (SelectItem& item : around.items)
    if (const auto* call = item.expression ? item.expression->as<FunctionCall>() : nullptr;
        call && !item.alias && !call->is_operator)
      item.alias = Name{call->name};
  const Status done = expand_query(around);
  items = std::move(around.items);
  return done;
}

}  // namespace

bool is_list_of_privileges(const Expression& expression) {
  if (expression.is<NullLiteral>()) return true;
  if (const auto* cast = expression.as<Cast>()) return is_list_of_privileges(*cast->operand);
  if (const auto* subquery = expression.as<Subquery>())
    return subquery->kind == SubqueryKind::Scalar && subquery->query->items.size() == 1 &&
           subquery->query->items.front().expression &&
           is_list_of_privileges(*subquery->query->items.front().expression);
  const auto* column = expression.as<ColumnRef>();
  return column && std::ranges::find(kPrivileges, column->name.text) != std::end(kPrivileges);
}

Status expand_catalog_functions(Statement& statement, std::string_view text) {
  constexpr std::string_view kTableNumberName = "TABLEOID";
  const bool asks_table_number =
      !std::ranges::search(text, kTableNumberName, {}, ascii_upper).empty();
  if (auto* explain = std::get_if<Explain>(&statement); explain && explain->statement)
    return expand_catalog_functions(explain->statement->statement, text);
  if (auto* prepare = std::get_if<Prepare>(&statement))
    return expand_catalog_functions(prepare->statement->statement, text);
  auto* query = std::get_if<Query>(&statement);
  if (auto* create = std::get_if<CreateAsSelect>(&statement); create && create->is_temporary)
    query = &create->query;  // the SELECT runs once, like any other SELECT
  if (query) {
    if (asks_table_number) TRY(number_tables(*query));
    name_row_functions(*query);
    name_items(*query);
    return expand_query(*query);
  }
  if (auto* declare = std::get_if<DeclareCursor>(&statement)) return expand_query(declare->query);
  if (auto* copy = std::get_if<Copy>(&statement); copy && copy->query)
    return expand_query(*copy->query);
  if (auto* insert = std::get_if<InsertSelect>(&statement)) {
    TRY(expand_items(insert->returning));
    return expand_query(insert->query);
  }
  if (auto* insert = std::get_if<InsertValues>(&statement)) {
    for (ExpressionList& row : insert->rows)
      for (ExpressionPtr& value : row)
        if (value->is<FunctionCall>() || !children(*value).empty()) TRY(expand_condition(value));
    return expand_items(insert->returning);
  }
  if (auto* update = std::get_if<UpdateRows>(&statement)) {
    for (Assignment& each : update->assignments) TRY(expand_condition(each.value));
    for (ExpressionPtr& each : update->row_values) TRY(expand_condition(each));
    TRY(expand_items(update->returning));
    TRY(expand_query(update->reads));
    return expand_condition(update->where);
  }
  if (auto* remove = std::get_if<DeleteRows>(&statement)) {
    TRY(expand_items(remove->returning));
    TRY(expand_query(remove->reads));
    return expand_condition(remove->where);
  }
  return {};
}

}  // namespace engine
