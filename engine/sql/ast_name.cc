#include "engine/sql/ast_name.h"

#include <algorithm>

#include "base/suggest.h"
#include "engine/sql/tokens.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"
#include "engine/types/row_limit.h"

namespace engine {
namespace {

bool folds_to_itself(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '@';
  };
  if (name.empty() || name.front() == '@' || !std::ranges::all_of(name, is_plain)) return false;
  // Without quotes, a name that begins with a digit would be read as a number, such as 1E5.
  return !(name.front() >= '0' && name.front() <= '9');
}

struct PostgresType {
  std::string_view name;
  TypeKind kind;
};

// PostgreSQL's type names in casts and DDL that have a counterpart here.
constexpr PostgresType kPostgresTypes[] = {
    {"BOOL", TypeKind::Boolean},  {"BYTEA", TypeKind::Bytes},
    {"CHAR", TypeKind::String},   {"FLOAT", TypeKind::Double},
    {"FLOAT8", TypeKind::Double}, {"INT4", TypeKind::Integer},
    {"INT8", TypeKind::Bigint},   {"NUMERIC", TypeKind::Decimal},
    {"TEXT", TypeKind::String},   {"TIMESTAMPTZ", TypeKind::Timestamp},
    {"DATE", TypeKind::Date},     {"TIME", TypeKind::Time},
};

// Returns the type with a modifier for the number of VARCHAR(20) or TIMESTAMP(3), in the form of PostgreSQL's
// atttypmod.
SqlType with_number_of(const TypeName& name, const SqlType& type) {
  if (name.scale != 1) return type;
  const PostgresLabel of = type.label();
  constexpr int kMostLetters = 10'485'760;  // PostgreSQL refuses more
  if (of == label::kVarchar || of == label::kBpchar)
    return name.precision > 0 && name.precision <= kMostLetters
               ? type.with_modifier(name.precision + 4)
               : type;
  if (of == label::kBit || of == label::kVarbit)
    return name.precision > 0 ? type.with_modifier(name.precision) : type;
  constexpr int kMostDigits = 6, kAllFields = 0x7fff;
  if (name.precision < 0 || name.precision > kMostDigits) return type;
  if (of == label::kInterval) return type.with_modifier((kAllFields << 16) | name.precision);
  const bool is_time = type.kind() == TypeKind::Time || type.kind() == TypeKind::Timestamp;
  return is_time || of == label::kTimetz ? type.with_modifier(name.precision) : type;
}

struct TypeElsewhere {
  std::string_view name, ours;  // `ours` is a type, or a sentence
};
// Type names of MySQL, Flink, Oracle, SQL Server and ClickHouse, each with a hint. They differ too
// much from Millrace's names to be reported as a probable typing error.
constexpr std::string_view kNoGeometry =
    "Millrace has no geometry. Keep coordinates in columns of DOUBLE.";
constexpr std::string_view kNoTextSearch =
    "Millrace has no text search. Use LIKE, ILIKE or a regular expression over a VARCHAR.";
constexpr TypeElsewhere kTypesElsewhere[] = {
    {"DATETIME", "TIMESTAMP"},
    {"DATETIME2", "TIMESTAMP"},
    {"TINYINT", "INT"},
    {"MEDIUMINT", "INT"},
    {"INT32", "INT"},
    {"INT64", "BIGINT"},
    {"LONG", "BIGINT"},
    {"NUMBER", "DECIMAL"},
    {"FLOAT64", "DOUBLE"},
    {"FLOAT32", "DOUBLE"},
    {"VARCHAR2", "VARCHAR"},
    {"NVARCHAR", "VARCHAR"},
    {"LONGTEXT", "VARCHAR"},
    {"MEDIUMTEXT", "VARCHAR"},
    {"TINYTEXT", "VARCHAR"},
    {"CLOB", "VARCHAR"},
    {"BLOB", "BYTES"},
    {"BINARY", "BYTES"},
    {"VARBINARY", "BYTES"},
    {"BIT", "BOOLEAN"},
    {"ROW", "STRUCT"},
    {"UINT64", "DECIMAL"},
    {"OBJECT", "STRUCT"},
    {"TIMESTAMP_LTZ", "TIMESTAMP"},
    {"MONEY", "DECIMAL"},
    {"SMALLMONEY", "DECIMAL"},
    {"UINT8", "INT"},
    {"UINT16", "INT"},
    {"UINT32", "BIGINT"},
    {"INT16", "INT"},
    {"DATETIME64", "TIMESTAMP"},
    {"FIXEDSTRING", "VARCHAR"},
    {"NCHAR", "VARCHAR"},
    {"NTEXT", "VARCHAR"},
    {"IMAGE", "BYTES"},
    {"UNIQUEIDENTIFIER", "UUID"},
    {"SMALLDATETIME", "TIMESTAMP"},
    {"DATETIMEOFFSET", "TIMESTAMP"},
    {"RAW", "BYTES"},
    {"ENUM",
     "CREATE TYPE mood AS ENUM ('a', 'b') makes a type; the column is then of the type mood."},
    {"SET", "Use ARRAY<VARCHAR>."},
    {"NULLABLE", "Leave out Nullable: every column except a key may be NULL."},
    {"LOWCARDINALITY", "Leave out LowCardinality: VARCHAR is the type of a text."},
    {"SERIAL",
     "SERIAL requires CREATE TABLE without WITH. A stream has the columns ROWPARTITION and "
     "ROWOFFSET, which number its records."},
    {"BIGSERIAL", "BIGSERIAL requires CREATE TABLE without WITH."},
    {"MULTISET", "Use ARRAY."},
    {"ARRAY", "The type of the elements follows in angle brackets: ARRAY<VARCHAR>."},
    {"MAP", "The types of the keys and values follow in angle brackets: MAP<VARCHAR, INT>."},
    {"STRUCT", "The fields follow in angle brackets: STRUCT<a INT, b VARCHAR>."},
    {"POINT", kNoGeometry},
    {"BOX", kNoGeometry},
    {"CIRCLE", kNoGeometry},
    {"LINE", kNoGeometry},
    {"LSEG", kNoGeometry},
    {"PATH", kNoGeometry},
    {"POLYGON", kNoGeometry},
    {"XML", "Millrace has no XML. Keep documents as JSONB, or as VARCHAR."},
    {"TSVECTOR", kNoTextSearch},
    {"TSQUERY", kNoTextSearch},
};

std::string hint_for_type(std::string_view name, const CustomTypes& custom_types) {
  for (const TypeElsewhere& type : kTypesElsewhere) {
    if (type.name != upper_case(name)) continue;
    if (type.ours.ends_with('.')) return std::string(type.ours);
    return "Did you mean " + std::string(type.ours) + "?";
  }
  std::vector<std::string> names = {"BIGINT",  "BOOLEAN",  "BYTES",  "DECIMAL",   "DOUBLE", "INT",
                                    "INTEGER", "SMALLINT", "STRING", "TIMESTAMP", "VARCHAR"};
  for (const PostgresType& type : kPostgresTypes) names.emplace_back(type.name);
  for (const auto& [custom, type] : custom_types) names.push_back(custom);
  return did_you_mean(name, names,
                      "Types are BOOLEAN, INT, BIGINT, DOUBLE, DECIMAL(10, 2), VARCHAR, BYTES, "
                      "DATE, TIME, TIMESTAMP, UUID, JSONB, ARRAY<INT>, MAP<VARCHAR, INT> and "
                      "STRUCT<a INT>. SHOW TYPES lists the types that CREATE TYPE made.");
}

Result<SqlType> resolve_custom(const TypeName& name, const CustomTypes& custom_types) {
  if (const auto found = custom_types.find(name.custom_name); found != custom_types.end())
    return found->second;
  for (const PostgresType& type : kPostgresTypes) {
    // The name may be in quotes and in lower case, as tools for PostgreSQL write it: "int4".
    if (type.name != upper_case(name.custom_name)) continue;
    if (type.kind != TypeKind::Decimal) return with_number_of(name, type.kind);
    // NUMERIC without a precision is unbounded in PostgreSQL; here it has the maximum precision.
    if (name.precision == 0) return SqlType::decimal(kMaxDecimalPrecision, kScaleOfNumeric);
    return SqlType::decimal(name.precision, name.scale);
  }
  if (const PostgresLabelRow* row = label_named(lower_case(name.custom_name)))
    return with_number_of(name, type_of(*row));
  // Resolves the names that arrays have in pg_type, such as _int4.
  if (name.custom_name.size() > 1 && name.custom_name.front() == '_') {
    TypeName element = name;
    element.custom_name.erase(0, 1);
    if (auto type = resolve_custom(element, custom_types)) return SqlType::array(*std::move(type));
  }
  return Error{ErrorCode::UndefinedObject, "Cannot resolve unknown type: " + name.custom_name}
      .with_hint(hint_for_type(name.custom_name, custom_types))
      .at(name.position);
}

Result<SqlType> resolve_parts(const TypeName& name, const CustomTypes& custom_types) {
  switch (name.kind) {
    case TypeKind::Null:
      return resolve_custom(name, custom_types);
    case TypeKind::Decimal:
      return SqlType::decimal(name.precision, name.scale);
    case TypeKind::Array:
      return SqlType::array(TRY(resolve_parts(name.parts[0], custom_types)));
    case TypeKind::Map: {
      SqlType key = TRY(resolve_parts(name.parts[0], custom_types));
      SqlType value = TRY(resolve_parts(name.parts[1], custom_types));
      return SqlType::map(std::move(key), std::move(value));
    }
    case TypeKind::Struct: {
      std::vector<Field> fields;
      for (size_t i = 0; i < name.parts.size(); ++i) {
        SqlType type = TRY(resolve_parts(name.parts[i], custom_types));
        fields.push_back({name.field_names[i], std::move(type)});
      }
      if (!name.custom_name.empty())
        return SqlType::named(TypeKind::Struct, label::kComposite, name.custom_name,
                              std::move(fields));
      return SqlType::structure(std::move(fields));
    }
    case TypeKind::String: {
      if (name.custom_name.empty()) return SqlType(TypeKind::String);
      std::vector<Field> labels;
      for (const std::string& each : name.field_names) labels.push_back({each, {}});
      return SqlType::named(TypeKind::String, label::kEnum, name.custom_name, std::move(labels));
    }
    default:
      return with_number_of(name, name.kind);
  }
}

}  // namespace

std::string quote_if_needed(std::string_view name) {
  if (folds_to_itself(name) && !is_reserved_word(name)) return std::string(name);
  std::string quoted = "`";
  for (const char c : name) quoted.append(c == '`' ? 2 : 1, c);
  return quoted + "`";
}

std::string TypeName::to_string() const {
  switch (kind) {
    case TypeKind::Null:
      return quote_if_needed(custom_name);
    case TypeKind::Decimal:
      return SqlType::decimal(precision, scale).to_string();
    case TypeKind::Array:
      return "ARRAY<" + parts[0].to_string() + ">";
    case TypeKind::Map:
      return "MAP<" + parts[0].to_string() + ", " + parts[1].to_string() + ">";
    case TypeKind::Struct: {
      std::string text = "STRUCT<";
      for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) text += ", ";
        text += quote_if_needed(field_names[i]) + " " + parts[i].to_string();
      }
      return text + ">";
    }
    default:
      return std::string(kind_name(kind));
  }
}

Result<SqlType> resolve_type(const TypeName& name, const CustomTypes& custom_types) {
  SqlType type = TRY(resolve_parts(name, custom_types));
  if (field_count(type) > kMaxRowFields) return too_many_fields().at(name.position);
  return type;
}

}  // namespace engine
