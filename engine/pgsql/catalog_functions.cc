#include "engine/pgsql/catalog_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "engine/pgsql/nesting.h"
#include "engine/sql/parse.h"
#include "engine/sql/rewrite.h"
#include "engine/sql/sequence_call.h"
#include "engine/sql/shown_interval.h"
#include "engine/types/ascii.h"
#include "engine/types/catalog_numbers.h"

namespace engine {

namespace {

struct CatalogFunction {
  std::string_view name;
  size_t least, most;        // arguments
  std::string_view meaning;  // an expression of the arguments $1, $2, ...
};

// Arguments stand within the sub-queries, where an unqualified name of theirs must not find a column: hence names like MR_OID.
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
// In the largest unit of which there are ten, rounded. What is divided is twice the size in that unit.
constexpr std::string_view kPrettySize =
    "CASE WHEN $1 IS NULL THEN CAST(NULL AS VARCHAR) WHEN ABS($1) < 10240 THEN CAST($1 AS VARCHAR) "
    "|| ' bytes' ELSE (SELECT "
    "CAST((MR_TWICE + CASE WHEN MR_TWICE < 0 THEN -1 ELSE 1 END) / 2 AS VARCHAR) || MR_UNIT FROM "
    "(VALUES (1, CAST($1 / 512 AS BIGINT), ' kB'), (2, CAST($1 / 524288 AS BIGINT), ' MB'), "
    "(3, CAST($1 / 536870912 AS BIGINT), ' GB'), (4, CAST($1 / 549755813888 AS BIGINT), ' TB'), "
    "(5, CAST($1 / 562949953421312 AS BIGINT), ' PB')) AS MR (MR_AT, MR_TWICE, MR_UNIT) WHERE "
    "MR_AT = 5 OR ABS(MR_TWICE) < 20479 ORDER BY MR_AT LIMIT 1) END";
constexpr std::string_view kRelationNumber =
    "(SELECT MR_OID FROM (SELECT OID AS MR_OID, RELNAME AS MR_NAME FROM PG_CATALOG.PG_CLASS) AS MR "
    "WHERE MR_NAME = REPLACE(REPLACE($1, 'pg_catalog.', ''), 'public.', ''))";
// A table's rows have a type of its name; where that is PostgreSQL's, too, the lower number is meant.
constexpr std::string_view kTypeNumber =
    "CAST((SELECT MIN(MR_OID) FROM (SELECT OID AS MR_OID, TYPNAME AS MR_TYPE, MR_NAME, "
    "TYPNAMESPACE AS MR_SCHEMA FROM PG_CATALOG.PG_TYPE) AS MR WHERE (MR_TYPE = REPLACE(LCASE($1), "
    "'\"', '') AND MR_SCHEMA IN (11, 2200)) OR MR_NAME = LCASE($1)) AS OID)";
constexpr std::string_view kSchemaNumber =
    "(SELECT MR_OID FROM (SELECT OID AS MR_OID, NSPNAME AS MR_NAME FROM PG_CATALOG.PG_NAMESPACE) "
    "AS MR WHERE MR_NAME = $1)";
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
    "$1 IN (SELECT OID FROM PG_CATALOG.PG_CLASS WHERE RELNAMESPACE IN (11, 2200))";
constexpr std::string_view kPlaces =
    "UNNEST(CASE WHEN ARRAY_LENGTH($1) >= 1 THEN GENERATE_SERIES(1, ARRAY_LENGTH($1)) ELSE NULL "
    "END)";
// Also where the array has one dimension and the statement asks for another: it has no places there.
constexpr std::string_view kSubscripts =
    "UNNEST(CASE WHEN $2 = 1 AND ARRAY_LENGTH($1) >= 1 THEN GENERATE_SERIES(1, ARRAY_LENGTH($1)) "
    "ELSE NULL END)";
constexpr std::string_view kRoleName =
    "CAST(COALESCE((SELECT MR_TEXT FROM (SELECT OID AS MR_OID, ROLNAME AS MR_TEXT FROM "
    "PG_CATALOG.PG_ROLES) AS MR WHERE MR_OID = $1), 'unknown (OID=' || CAST($1 AS VARCHAR) || ')') "
    "AS NAME)";
constexpr std::string_view kMayUse =
    "(SELECT COUNT(*) > 0 FROM PG_CATALOG.MILLRACE_RIGHTS WHERE MR_ROLE = '' AND (MR_TABLE = "
    "REPLACE(CAST($1 AS VARCHAR), 'public.', '') OR CAST(MR_OID AS VARCHAR) = CAST($1 AS VARCHAR)) "
    "AND MR_RIGHT = UCASE($2))";
constexpr std::string_view kRoleMayUse =
    "(SELECT COUNT(*) > 0 FROM PG_CATALOG.MILLRACE_RIGHTS WHERE (MR_ROLE = CAST($1 AS VARCHAR) OR "
    "MR_ROLE = '*' OR CAST(MR_ROLE_OID AS VARCHAR) = CAST($1 AS VARCHAR)) AND (MR_TABLE = "
    "REPLACE(CAST($2 AS VARCHAR), 'public.', '') OR CAST(MR_OID AS VARCHAR) = CAST($2 AS VARCHAR)) "
    "AND MR_RIGHT = UCASE($3))";
constexpr std::string_view kOwnedSequence =
    "(SELECT MIN(MR_TEXT) FROM (SELECT MR_TABLE, MR_COLUMN, MR_NAME AS MR_TEXT FROM "
    "PG_CATALOG.PG_SEQUENCES) AS MR WHERE MR_TABLE = REPLACE(REPLACE($1, '\"', ''), 'public.', '') "
    "AND MR_COLUMN = $2)";
constexpr std::string_view kNoText = "CAST(NULL AS VARCHAR)", kNoNumber = "CAST(NULL AS BIGINT)";

// What there is none of here (triggers, rules, sequences, publications) has no text; everybody may do everything.
constexpr CatalogFunction kFunctions[] = {
    {"_PG_EXPANDARRAY", 1, 1,
     "UNNEST(CASE WHEN ARRAY_LENGTH($1) >= 1 THEN TRANSFORM(GENERATE_SERIES(1, ARRAY_LENGTH($1)), "
     "MR_I => "
     "STRUCT(X := $1[MR_I], N := MR_I)) ELSE NULL END)"},
    {"COL_DESCRIPTION", 2, 2, kColumnDescription},
    {"ARRAY_CAT", 2, 2, "ARRAY_CONCAT($1, $2)"},
    {"ARRAY_REPLACE", 3, 3,
     "TRANSFORM($1, MR_I => CASE WHEN MR_I IS NOT DISTINCT FROM $2 THEN $3 ELSE MR_I END)"},
    {"ARRAY_TO_JSON", 1, 1, "TO_JSON($1)"},
    {"CURRENT_SCHEMAS", 1, 1,
     "CASE WHEN $1 THEN ARRAY[CAST('pg_catalog' AS NAME), CAST('public' AS NAME)] ELSE "
     "ARRAY[CAST('public' AS NAME)] END"},
    {"FORMAT_TYPE", 2, 2, kTypeNameWithModifier},
    {"GENERATE_SUBSCRIPTS", 2, 2, kSubscripts},
    {"GETDATABASEENCODING", 0, 0, "'UTF8'"},
    {"HAS_ANY_COLUMN_PRIVILEGE", 2, 3, "TRUE"},
    {"HAS_COLUMN_PRIVILEGE", 3, 4, "TRUE"},
    {"HAS_DATABASE_PRIVILEGE", 2, 3, "TRUE"},
    {"HAS_FUNCTION_PRIVILEGE", 2, 3, "TRUE"},
    {"HAS_SCHEMA_PRIVILEGE", 2, 3, "TRUE"},
    {"HAS_SEQUENCE_PRIVILEGE", 2, 3, "TRUE"},
    {"HAS_TABLE_PRIVILEGE", 2, 2, kMayUse},
    {"HAS_TABLE_PRIVILEGE", 3, 3, kRoleMayUse},
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
    {"PG_HAS_ROLE", 2, 3, "TRUE"},
    {"PG_INDEXES_SIZE", 1, 1, kNoNumber},
    {"PG_IS_IN_RECOVERY", 0, 0, "FALSE"},
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
    {"PG_TOTAL_RELATION_SIZE", 1, 1, kNoNumber},
    {"PG_TS_CONFIG_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TS_DICT_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TS_PARSER_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TS_TEMPLATE_IS_VISIBLE", 1, 1, "TRUE"},
    {"PG_TYPE_IS_VISIBLE", 1, 1, "TRUE"},
    {"QUOTE_IDENT", 1, 1, kQuoted},
    {"OVERLAY", 3, 3, "SUBSTRING($1, 1, $3 - 1) || $2 || SUBSTRING($1, $3 + CHAR_LENGTH($2))"},
    {"OVERLAY", 4, 4, "SUBSTRING($1, 1, $3 - 1) || $2 || SUBSTRING($1, $3 + $4)"},
    {"QUOTE_LITERAL", 1, 1, kQuotedLiteral},
    {"QUOTE_NULLABLE", 1, 1, kQuotedNullable},
    {"REGEXP_MATCHES", 2, 2, "UNNEST(REGEXP_MATCH_ALL($1, $2, ''))"},
    {"REGEXP_MATCHES", 3, 3, "UNNEST(REGEXP_MATCH_ALL($1, $2, $3))"},
    {"REGEXP_SPLIT_TO_TABLE", 2, 2, "UNNEST(REGEXP_SPLIT_TO_ARRAY($1, $2))"},
    {"ROW_TO_JSON", 1, 1, "TO_JSON($1)"},
    {"SHOBJ_DESCRIPTION", 2, 2, kNoText},
    {"STRING_TO_TABLE", 2, 2, "UNNEST(STRING_TO_ARRAY($1, $2))"},
    {"STRING_TO_TABLE", 3, 3, "UNNEST(STRING_TO_ARRAY($1, $2, $3))"},
    {"TO_JSONB", 1, 1, "CAST(CAST(TO_JSON($1) AS VARCHAR) AS JSONB)"},
    {"TO_REGCLASS", 1, 1, kRelationNumber},
    {"TO_REGNAMESPACE", 1, 1, kSchemaNumber},
    {"TO_REGTYPE", 1, 1, kTypeNumber},
};

bool has_parameter(const Expression& expression) {
  return expression.is<Parameter>() ||
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return has_parameter(*child); });
}

// A parameter that the meaning passes over has a type all the same, which drivers send its value in.
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

// What stands more than once, and within others of its kind more often still, has a bound.
Status check_repeated(std::string_view meaning, const ExpressionList& arguments,
                      TextPosition position) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string parameter = fmt::format("${}", i + 1);
    const size_t first = meaning.find(parameter);
    const bool is_repeated = first != std::string_view::npos &&
                             meaning.find(parameter, first + 1) != std::string_view::npos;
    if (is_repeated && pgsql::parts_of(*arguments[i]) > pgsql::kMostRepeatedParts)
      return Error{ErrorCode::NotSupported,
                   "so long an expression within this function is not supported yet",
                   {},
                   "Compute it in a query of FROM."}
          .at(position);
  }
  return {};
}

// The meaning with the arguments in place of its parameters.
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
  // Arguments that were put in have nothing to replace: their own parameters would be taken for ours.
  TRY(rewrite_expression(made, put, RewriteOrder::ChildrenFirst));
  return keep_parameters(std::move(made), meaning, arguments, position);
}

// Of PostgreSQL's types int2vector and oidvector, whose first element has the number 0: indkey[0].
constexpr std::string_view kVectors[] = {"INDCLASS",  "INDCOLLATION", "INDKEY",     "INDOPTION",
                                         "PARTATTRS", "PRATTRS",      "PROARGTYPES"};
bool is_vector(const Expression& expression) {
  const auto* column = expression.as<ColumnRef>();
  return column && std::ranges::find(kVectors, column->name.text) != std::end(kVectors);
}

// Functions of places in an array, for one that is a vector.
constexpr CatalogFunction kOfVectors[] = {
    {"ARRAY_LOWER", 2, 2, "CASE WHEN $2 = 1 AND ARRAY_LENGTH($1) >= 1 THEN 0 END"},
    {"ARRAY_UPPER", 2, 2, "CASE WHEN $2 = 1 THEN NULLIF(ARRAY_LENGTH($1), 0) - 1 END"},
    {"GENERATE_SUBSCRIPTS", 2, 2,
     "UNNEST(CASE WHEN $2 = 1 AND ARRAY_LENGTH($1) >= 1 THEN GENERATE_SERIES(0, ARRAY_LENGTH($1) - "
     "1) ELSE NULL END)"},
};

// ---- JSON that is put together: as text, which is cast in the end

// The name of a member, and a value. A name that is NULL is none, and makes all of it NULL.
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

// {"name" : value, ...} or [value, ...]
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

struct GatheredJson {
  std::string_view function, type;
  size_t arguments;
};
constexpr GatheredJson kGathered[] = {{"JSON_AGG", "JSON", 1},
                                      {"JSONB_AGG", "JSONB", 1},
                                      {"JSON_OBJECT_AGG", "JSON", 2},
                                      {"JSONB_OBJECT_AGG", "JSONB", 2}};

// STRING_AGG of its parts in brackets; null: it is another function. ORDER BY, DISTINCT and FILTER are the aggregate's.
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

// WITH ORDINALITY of calls of UNNEST: the places of the longest of their arrays.
Result<ExpressionPtr> places_of(const FunctionCall& call, TextPosition position) {
  ExpressionList arrays;
  std::string longest;
  for (const ExpressionPtr& argument : call.arguments) {
    const auto* function = argument->as<FunctionCall>();
    if (!function || function->name != "UNNEST" || function->arguments.size() != 1)
      return Error{ErrorCode::NotSupported, "WITH ORDINALITY of this function is not supported yet"}
          .at(position);
    arrays.push_back(clone(*function->arguments.front()));
    longest +=
        fmt::format("{}COALESCE(ARRAY_LENGTH(${}), 0)", longest.empty() ? "" : ", ", arrays.size());
  }
  if (arrays.size() == 1) return written_out(kPlaces, arrays, position);
  return written_out(
      fmt::format("UNNEST(CASE WHEN GREATEST({}) >= 1 THEN GENERATE_SERIES(1, GREATEST({})) END)",
                  longest, longest),
      arrays, position);
}

Result<ExpressionPtr> expanded(const FunctionCall& call, TextPosition position) {
  const size_t count = call.arguments.size();
  if (call.name == "PG_ORDINALITY") return places_of(call, position);
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
  // Of points in time: it ends by itself.
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
  return Error{ErrorCode::UndefinedFunction,
               fmt::format("function {} does not take {} arguments", lower_case(call.name), count)}
      .at(position);
}

struct Registered {
  std::string_view type, number_of, name_of;
};
constexpr Registered kRegistered[] = {
    {"REGCLASS", kRelationNumber,
     "CAST((SELECT MR_NAME FROM (SELECT OID AS MR_OID, RELNAME AS MR_NAME FROM "
     "PG_CATALOG.PG_CLASS) AS MR WHERE MR_OID = $1) AS REGCLASS)"},
    {"REGTYPE", kTypeNumber,
     "CAST((SELECT MR_NAME FROM (SELECT OID AS MR_OID, MR_NAME FROM PG_CATALOG.PG_TYPE) AS MR "
     "WHERE MR_OID = $1) AS REGTYPE)"},
    {"REGNAMESPACE", kSchemaNumber,
     "CAST((SELECT MR_NAME FROM (SELECT OID AS MR_OID, NSPNAME AS MR_NAME FROM "
     "PG_CATALOG.PG_NAMESPACE) AS MR WHERE MR_OID = $1) AS REGNAMESPACE)"},
};

// pg_catalog."Orders" is Orders.
std::string unqualified(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) name.remove_prefix(dot + 1);
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
    name = name.substr(1, name.size() - 2);
  return std::string(name);
}

const Registered* registered_type(const Expression& expression) {
  const auto* cast = expression.as<Cast>();
  if (!cast) return nullptr;
  const auto row = std::ranges::find(kRegistered, cast->type.custom_name, &Registered::type);
  return row == std::end(kRegistered) ? nullptr : &*row;
}

// pg_typeof() gives a regtype, which need not be said where its number counts.
void name_types(ExpressionPtr& side) {
  const auto* call = side->as<FunctionCall>();
  if (!call || call->name != "PG_TYPEOF") return;
  const TextPosition at = side->position;
  TypeName type;
  type.custom_name = "REGTYPE";
  side = make_expression(Cast{std::move(side), std::move(type)}, at);
}

// There are no domains: what CASE WHEN typtype = 'd' would compute is never asked for. asyncpg walks over their bases there,
// by a recursion that refers to the query around it.
void forget_domains(Case& choice) {
  for (CaseBranch& branch : choice.branches) {
    const auto* asked = branch.when ? branch.when->as<Comparison>() : nullptr;
    if (!asked || asked->op != ComparisonOp::Equal) continue;
    const auto* column = asked->left->as<ColumnRef>();
    const auto* kind = asked->right->as<StringLiteral>();
    if (!column || column->name != "TYPTYPE" || !kind || kind->value != "d") continue;
    const TextPosition at = branch.then->position;
    branch.then = make_expression(
        Cast{make_expression(NullLiteral{}, at), TypeName{.kind = TypeKind::Bigint}}, at);
  }
}

bool is_given(const Expression& value) {
  return value.is<StringLiteral>() || value.is<Parameter>();
}

bool is_text_type(const TypeName& type) {
  return type.kind == TypeKind::String || type.custom_name == "TEXT" ||
         type.custom_name == "VARCHAR";
}

// 'text'::text and $1::text
bool is_given_text(const Expression& value) {
  const auto* cast = value.as<Cast>();
  return cast && is_given(*cast->operand) && is_text_type(cast->type);
}

// 'text'::text::regtype and $1::text::regtype are a name's.
void take_text_out(Cast& cast) {
  if (is_given_text(*cast.operand))
    cast.operand = ExpressionPtr(std::move(std::get<Cast>(cast.operand->node).operand));
}

TypeName type_named(std::string name) {
  TypeName type;
  type.custom_name = std::move(name);
  return type;
}

// 'orders'::regclass::text and to_regclass('orders')::text are names, which look_up() finds for numbers.
void name_as_text(Cast& cast) {
  const TextPosition at = cast.operand->position;
  if (registered_type(*cast.operand)) {
    Cast& inner = std::get<Cast>(cast.operand->node);
    if (!is_given(*inner.operand) && !is_given_text(*inner.operand)) return;
    const auto* number = inner.operand->as<StringLiteral>();
    if (number && std::ranges::all_of(number->value, is_ascii_digit)) return;
    inner.operand =
        make_expression(Cast{make_expression(Cast{std::move(inner.operand), inner.type}, at),
                             TypeName{.kind = TypeKind::Bigint}},
                        at);
  } else if (const auto* call = cast.operand->as<FunctionCall>();
             call && call->name.starts_with("TO_REG") && call->arguments.size() == 1) {
    TypeName type = type_named(call->name.substr(3));
    cast.operand = make_expression(Cast{std::move(cast.operand), std::move(type)}, at);
  }
}

// Where two such values are compared, or one is cast to a number, it is the number that counts and not the name.
Status compare_numbers(ExpressionPtr& expression) {
  const auto take_number = [&](ExpressionPtr& side) -> Status {
    const Registered& row = *registered_type(*side);
    Cast& cast = std::get<Cast>(side->node);
    if (is_given(*cast.operand) || is_given_text(*cast.operand)) return {};  // it is a name
    ExpressionList arguments;
    arguments.push_back(std::move(cast.operand));
    const bool is_text = arguments.front()->is<FunctionCall>();
    const TextPosition position = side->position;
    side = is_text ? TRY(written_out(row.number_of, arguments, position))
                   : std::move(arguments.front());
    return {};
  };
  // x::regclass::regclass
  if (auto* cast = std::get_if<Cast>(&expression->node);
      cast && registered_type(*expression) && registered_type(*cast->operand) &&
      registered_type(*cast->operand) == registered_type(*expression))
    expression = ExpressionPtr(std::move(cast->operand));
  if (auto* cast = std::get_if<Cast>(&expression->node); cast && is_text_type(cast->type))
    name_as_text(*cast);
  if (auto* choice = std::get_if<Case>(&expression->node)) forget_domains(*choice);
  if (auto* call = std::get_if<FunctionCall>(&expression->node)) take_sequence_name(*call);
  if (auto* comparison = std::get_if<Comparison>(&expression->node)) {
    if (registered_type(*comparison->right)) name_types(comparison->left);
    if (registered_type(*comparison->left)) name_types(comparison->right);
    if (registered_type(*comparison->left) && registered_type(*comparison->right)) {
      TRY(take_number(comparison->left));
      TRY(take_number(comparison->right));
    }
  }
  if (auto* cast = std::get_if<Cast>(&expression->node); cast && cast->type.custom_name == "OID")
    name_types(cast->operand);
  if (auto* cast = std::get_if<Cast>(&expression->node);
      cast && (cast->type.custom_name == "OID" || cast->type.kind == TypeKind::Bigint) &&
      registered_type(*cast->operand))
    TRY(take_number(cast->operand));
  return {};
}

// 'orders'::regclass is the number of the table, oid::regclass its name; likewise regtype and regnamespace. Null, and the cast as it
// was, for what is no such type.
Result<ExpressionPtr> look_up(Cast& cast, TextPosition position) {
  // Of functions the name stands for itself.
  if (cast.type.custom_name == "REGPROC")
    if (auto* name = std::get_if<StringLiteral>(&cast.operand->node))
      name->value = unqualified(name->value);
  const auto row = std::ranges::find(kRegistered, cast.type.custom_name, &Registered::type);
  if (row == std::end(kRegistered)) return ExpressionPtr();
  const bool is_parameter = cast.operand->is<Parameter>();  // and not $1::text
  take_text_out(cast);
  auto* literal = std::get_if<StringLiteral>(&cast.operand->node);
  if (literal && !literal->value.empty() && std::ranges::all_of(literal->value, is_ascii_digit)) {
    cast.type = TypeName{.kind = TypeKind::Bigint};
    return ExpressionPtr();
  }
  if (literal) {
    literal->value = unqualified(literal->value);
    // Clients write them where a sub-query could not stand.
    const std::optional<int64_t> known = catalog_number(literal->value);
    if (row->type == "REGCLASS" && known) return make_expression(BigintLiteral{*known}, position);
  }
  const bool is_text = literal || cast.operand->is<Parameter>();
  ExpressionList arguments;
  // What clients are told of its type.
  if (is_parameter)
    arguments.push_back(make_expression(Cast{clone(*cast.operand), cast.type}, position));
  else
    arguments.push_back(clone(*cast.operand));
  return written_out(is_text ? row->number_of : row->name_of, arguments, position);
}

void count_from_one(Subscript& element, TextPosition position) {
  if (!is_vector(*element.base)) return;
  element.index = make_expression(Arithmetic{ArithmeticOp::Add, std::move(element.index),
                                             make_expression(IntegerLiteral{1}, position)},
                                  position);
}

// ---- tableoid, which of our sources the catalog's tables have

constexpr std::string_view kTableNumber =
    "(SELECT MR_OID FROM (SELECT OID AS MR_OID, RELNAME AS MR_NAME FROM PG_CATALOG.PG_CLASS) AS MR "
    "WHERE MR_NAME = $1)";

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

// What is shared gets its own copy.
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
    if (!source || !starts_ignoring_case(source->name.text, "pg_")) return {};
    const std::string table = lower_case(source->name.text);
    if (const std::optional<int64_t> known = catalog_number(table)) {
      expression = make_expression(BigintLiteral{*known}, expression->position);
      return {};
    }
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

// Functions that give rows keep their names as columns, too: what stands for them is UNNEST.
void name_row_functions(Query& query) {
  constexpr std::string_view kNames[] = {"REGEXP_MATCHES",
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
    if (auto* cast = std::get_if<Cast>(&expression->node)) {
      ExpressionPtr meaning = TRY(look_up(*cast, expression->position));
      if (meaning) expression = std::move(meaning);
      return {};
    }
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
  TRY(rewrite_expressions(query, compare_numbers, RewriteOrder::ParentsFirst));
  return rewrite_expressions(query, expand, RewriteOrder::ChildrenFirst);
}

// SELECT 'orders'::regclass shows the name, too.
void name_items(Query& query) {
  for (SelectItem& item : query.items) {
    if (!item.expression) continue;
    const auto* call = item.expression->as<FunctionCall>();
    if (call && !item.alias && call->name.starts_with("TO_REG")) item.alias = Name{call->name};
    Cast shown{std::move(item.expression), {}};
    name_as_text(shown);
    item.expression = ExpressionPtr(std::move(shown.operand));
  }
}

Status expand_condition(ExpressionPtr& expression) {
  Query around;
  around.where = std::move(expression);
  const Status done = expand_query(around);
  expression = std::move(around.where);
  return done;
}

// Of RETURNING, which keep their names.
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

Status expand_catalog_functions(Statement& statement, std::string_view text) {
  constexpr std::string_view kTableNumberName = "TABLEOID";
  const bool asks_table_number =
      !std::ranges::search(text, kTableNumberName, {}, ascii_upper).empty();
  if (auto* explain = std::get_if<Explain>(&statement); explain && explain->statement)
    return expand_catalog_functions(explain->statement->statement, text);
  if (auto* prepare = std::get_if<Prepare>(&statement))
    return expand_catalog_functions(prepare->statement->statement, text);
  if (auto* query = std::get_if<Query>(&statement)) {
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
