#include "engine/types/postgres_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "engine/types/catalog_labels.h"
#include "engine/types/catalog_numbers.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_type.h"

namespace engine {

namespace {

using enum TypeKind;
constexpr LabelOrder kNone = LabelOrder::None, kEqual = LabelOrder::Equality,
                     kTotal = LabelOrder::Total;

// The rows are in the order of the labels' numbers.
constexpr PostgresLabelRow kLabelRows[] = {
    // label, name, SQL's name, kind, oid, array, size, category, order, normal form, comparable form
    {label::kInt2, "int2", "smallint", Integer, 21, 1005, 2, 'N', kTotal, nullptr, nullptr},
    {label::kOid, "oid", "oid", Bigint, 26, 1028, 4, 'N', kTotal, nullptr, nullptr},
    {label::kFloat4, "float4", "real", Double, 700, 1021, 4, 'N', kTotal, nullptr, nullptr},
    {label::kVarchar, "varchar", "character varying", String, 1043, 1015, -1, 'S', kTotal, nullptr,
     nullptr},
    {label::kBpchar, "bpchar", "character", String, 1042, 1014, -1, 'S', kTotal, nullptr, nullptr},
    {label::kName, "name", "name", String, 19, 1003, 64, 'S', kTotal, nullptr, nullptr},
    {label::kChar, "char", "\"char\"", String, 18, 1002, 1, 'Z', kTotal, nullptr, nullptr},
    {label::kTimestamp, "timestamp", "timestamp without time zone", Timestamp, 1114, 1115, 8, 'D',
     kTotal, nullptr, nullptr},
    {label::kNumeric, "numeric", "numeric", String, 1700, 1231, -1, 'N', kTotal, normal_numeric,
     comparable_numeric},
    {label::kJson, "json", "json", String, 114, 199, -1, 'U', kNone, checked_json, nullptr},
    {label::kJsonb, "jsonb", "jsonb", String, 3802, 3807, -1, 'U', kTotal, normal_jsonb,
     comparable_jsonb},
    {label::kUuid, "uuid", "uuid", String, 2950, 2951, 16, 'U', kTotal, normal_uuid, nullptr},
    {label::kInterval, "interval", "interval", String, 1186, 1187, 16, 'T', kTotal, normal_interval,
     comparable_interval},
    {label::kTimetz, "timetz", "time with time zone", String, 1266, 1270, 12, 'D', kEqual,
     normal_timetz, nullptr},
    {label::kInet, "inet", "inet", String, 869, 1041, -1, 'I', kEqual, normal_inet, nullptr},
    {label::kCidr, "cidr", "cidr", String, 650, 651, -1, 'I', kEqual, normal_cidr, nullptr},
    {label::kMacaddr, "macaddr", "macaddr", String, 829, 1040, 6, 'U', kTotal, normal_macaddr,
     nullptr},
    {label::kBit, "bit", "bit", String, 1560, 1561, -1, 'V', kEqual, normal_bits, nullptr},
    {label::kVarbit, "varbit", "bit varying", String, 1562, 1563, -1, 'V', kEqual, normal_bits,
     nullptr},
    {label::kInt4Range, "int4range", "int4range", String, 3904, 3905, -1, 'R', kEqual,
     normal_range_text<RangeOf::Int4>, nullptr, label::kNone, Integer},
    {label::kInt8Range, "int8range", "int8range", String, 3926, 3927, -1, 'R', kEqual,
     normal_range_text<RangeOf::Int8>, nullptr, label::kNone, Bigint},
    {label::kNumRange, "numrange", "numrange", String, 3906, 3907, -1, 'R', kEqual,
     normal_range_text<RangeOf::Numeric>, comparable_numrange, label::kNumeric, String},
    {label::kDateRange, "daterange", "daterange", String, 3912, 3913, -1, 'R', kEqual,
     normal_range_text<RangeOf::Date>, nullptr, label::kNone, Date},
    {label::kTsRange, "tsrange", "tsrange", String, 3908, 3909, -1, 'R', kEqual,
     normal_range_text<RangeOf::Timestamp>, nullptr, label::kTimestamp, Timestamp},
    {label::kTstzRange, "tstzrange", "tstzrange", String, 3910, 3911, -1, 'R', kEqual,
     normal_range_text<RangeOf::Timestamptz>, nullptr, label::kNone, Timestamp},
    {label::kInt4Multirange, "int4multirange", "int4multirange", String, 4451, 6150, -1, 'R',
     kEqual, normal_multirange_text<RangeOf::Int4>, nullptr, label::kInt4Range, String},
    {label::kInt8Multirange, "int8multirange", "int8multirange", String, 4536, 6157, -1, 'R',
     kEqual, normal_multirange_text<RangeOf::Int8>, nullptr, label::kInt8Range, String},
    {label::kNumMultirange, "nummultirange", "nummultirange", String, 4532, 6151, -1, 'R', kEqual,
     normal_multirange_text<RangeOf::Numeric>, comparable_numrange, label::kNumRange, String},
    {label::kDateMultirange, "datemultirange", "datemultirange", String, 4535, 6155, -1, 'R',
     kEqual, normal_multirange_text<RangeOf::Date>, nullptr, label::kDateRange, String},
    {label::kTsMultirange, "tsmultirange", "tsmultirange", String, 4533, 6152, -1, 'R', kEqual,
     normal_multirange_text<RangeOf::Timestamp>, nullptr, label::kTsRange, String},
    {label::kTstzMultirange, "tstzmultirange", "tstzmultirange", String, 4534, 6153, -1, 'R',
     kEqual, normal_multirange_text<RangeOf::Timestamptz>, nullptr, label::kTstzRange, String},
};

// The following rows are not part of postgres_labels(), because the kinds have the same names and numbers.
constexpr PostgresLabelRow kExactTimes[] = {
    {label::kExactDate, "date", "date", String, 1082, 1182, 4, 'D', kTotal, normal_date,
     comparable_date},
    {label::kExactTime, "time", "time without time zone", String, 1083, 1183, 8, 'D', kTotal,
     normal_time, nullptr},
    {label::kExactTimestamp, "timestamp", "timestamp without time zone", String, 1114, 1115, 8, 'D',
     kTotal, normal_timestamp, comparable_timestamp},
    {label::kExactTimestamptz, "timestamptz", "timestamp with time zone", String, 1184, 1185, 8,
     'D', kTotal, normal_timestamptz, comparable_timestamp},
};

// Makes the row of a type that only columns of the catalog have. Its values are texts as PostgreSQL shows them, or
// arrays; the type has its own rows in pg_type.
constexpr PostgresLabelRow catalog_type(PostgresLabel number, std::string_view name, uint32_t oid,
                                        uint32_t array_oid, int16_t size) {
  return {number, name, name, String, oid, array_oid, size, 'U', kTotal, nullptr, nullptr};
}
constexpr PostgresLabelRow vector_type(PostgresLabel number, std::string_view name, uint32_t oid,
                                       uint32_t array_oid, PostgresLabel element) {
  return {number, name, name, Array, oid, array_oid, -1, 'A', kTotal, nullptr, nullptr, element};
}
constexpr PostgresLabelRow kCatalogTypes[] = {
    catalog_type(label::kRegclass, "regclass", 2205, 2210, 4),
    catalog_type(label::kRegtype, "regtype", 2206, 2211, 4),
    catalog_type(label::kRegnamespace, "regnamespace", 4089, 4090, 4),
    catalog_type(label::kAclitem, "aclitem", 1033, 1034, 12),
    catalog_type(label::kPgNodeTree, "pg_node_tree", 194, 0, -1),
    catalog_type(label::kRegproc, "regproc", 24, 1008, 4),
    vector_type(label::kInt2Vector, "int2vector", 22, 1006, label::kInt2),
    vector_type(label::kOidVector, "oidvector", 30, 1013, label::kOid),
    catalog_type(label::kRegprocedure, "regprocedure", 2202, 2207, 4),
    catalog_type(label::kRegrole, "regrole", 4096, 4097, 4),
    catalog_type(label::kRegcollation, "regcollation", 4191, 4192, 4),
    catalog_type(label::kRegconfig, "regconfig", 3734, 3735, 4),
    catalog_type(label::kRegdictionary, "regdictionary", 3769, 3770, 4),
    catalog_type(label::kRegoper, "regoper", 2203, 2208, 4),
    catalog_type(label::kRegoperator, "regoperator", 2204, 2209, 4),
    {label::kXid, "xid", "xid", Bigint, 28, 1011, 4, 'U', kEqual, nullptr, nullptr},
    catalog_type(label::kTid, "tid", 27, 1010, 6),
    catalog_type(label::kPgLsn, "pg_lsn", 3220, 3221, 8),
};
constexpr auto kFirstOfCatalog = static_cast<size_t>(label::kRegclass);

std::string_view enum_label(const Field& field) { return field.name; }

uint32_t number_of(std::string_view kind, std::string_view name) {
  return static_cast<uint32_t>(object_number(kind, name));
}

}  // namespace

bool is_registered_object(PostgresLabel label) {
  return (label >= label::kRegclass && label <= label::kRegnamespace) || label == label::kRegproc ||
         (label >= label::kRegprocedure && label <= label::kRegoperator);
}

std::span<const PostgresLabelRow> postgres_labels() { return kLabelRows; }

const PostgresLabelRow* find_label(PostgresLabel label) {
  if (is_exact_time(label))
    return &kExactTimes[static_cast<size_t>(label) - static_cast<size_t>(label::kExactDate)];
  // the subtraction wraps around for other labels
  const auto of_catalog = static_cast<size_t>(label) - kFirstOfCatalog;
  if (of_catalog < std::size(kCatalogTypes)) return &kCatalogTypes[of_catalog];
  const auto at = static_cast<size_t>(label) - 1;  // wraps around for kNone
  return at < std::size(kLabelRows) ? &kLabelRows[at] : nullptr;
}

const PostgresLabelRow* label_named(std::string_view name) {
  for (const PostgresLabelRow& row : kLabelRows)
    if (row.name == name || row.sql_name == name) return &row;
  for (const PostgresLabelRow& row : kCatalogTypes)
    if (row.name == name) return &row;
  return nullptr;
}

SqlType plain_time(PostgresLabel exact) {
  if (exact == label::kExactDate) return TypeKind::Date;
  if (exact == label::kExactTime) return TypeKind::Time;
  const SqlType timestamp = TypeKind::Timestamp;
  return exact == label::kExactTimestamp ? timestamp.labelled(label::kTimestamp) : timestamp;
}

SqlType exact_time(const SqlType& plain) {
  const SqlType text = TypeKind::String;
  if (plain.kind() == TypeKind::Date) return text.labelled(label::kExactDate);
  if (plain.kind() == TypeKind::Time) return text.labelled(label::kExactTime);
  return text.labelled(plain.label() == label::kTimestamp ? label::kExactTimestamp
                                                          : label::kExactTimestamptz);
}

SqlType type_of(const PostgresLabelRow& row) {
  if (row.kind == Array)
    return SqlType::array(type_of(*find_label(row.element))).labelled(row.label);
  return SqlType(row.kind).labelled(row.label);
}

bool is_normalized(const SqlType& type) {
  if (type.kind() != TypeKind::String) return false;
  if (type.label() == label::kEnum) return true;
  const PostgresLabelRow* row = find_label(type.label());
  return row != nullptr && row->normalize != nullptr;
}

Result<std::string> normalized_text(const SqlType& type, std::string_view text) {
  if (type.label() == label::kEnum) {
    if (std::ranges::find(type.fields(), text, enum_label) != type.fields().end())
      return std::string(text);
    return Error{ErrorCode::InvalidText, fmt::format("invalid input value for enum {}: \"{}\"",
                                                     type.name(), text.substr(0, 200))};
  }
  const PostgresLabelRow* row = find_label(type.label());
  return row != nullptr && row->normalize != nullptr ? row->normalize(text)
                                                     : Result<std::string>(std::string(text));
}

LabelOrder order_of(const SqlType& type) {
  if (type.label() == label::kEnum) return LabelOrder::Total;
  const PostgresLabelRow* row = find_label(type.label());
  return row == nullptr ? LabelOrder::Total : row->order;
}

bool has_comparable_form(const SqlType& type) {
  if (type.label() == label::kEnum) return true;
  const PostgresLabelRow* row = find_label(type.label());
  return row != nullptr && row->comparable != nullptr;
}

std::string comparable_text(const SqlType& type, std::string_view kept) {
  if (type.label() == label::kEnum) {
    const auto& labels = type.fields();
    const auto at = std::ranges::find(labels, kept, enum_label) - labels.begin();
    return fmt::format("{:06}", at);
  }
  const PostgresLabelRow* row = find_label(type.label());
  return row != nullptr && row->comparable != nullptr ? row->comparable(kept) : std::string(kept);
}

SqlType without_narrow_label(const SqlType& type) {
  if (type.kind() == TypeKind::Array) return SqlType::array(without_narrow_label(type.element()));
  const bool is_narrow =
      type.label() == label::kInt2 || type.label() == label::kOid || type.label() == label::kFloat4;
  return is_narrow ? type.labelled(label::kNone) : type;
}

uint32_t user_type_oid(std::string_view name) { return number_of("type", name); }
uint32_t user_array_oid(std::string_view name) { return number_of("array", name); }
uint32_t user_relation_oid(std::string_view name) { return number_of("composite", name); }

}  // namespace engine
