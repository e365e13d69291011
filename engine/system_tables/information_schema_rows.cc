// Rows of information_schema.
#include <fmt/format.h>

#include <optional>

#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_type.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Visits the streams and tables of users. pg_catalog has the relations of the system.
template <class Visit>
void for_each_source(const CatalogFacts& facts, const Visit& visit) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.source) visit(each);
}

bool is_list(const SqlType& type) { return type.kind() == TypeKind::Array; }

// Returns the enumeration if the type is one or an array of one; otherwise null.
const SqlType* enumeration_in(const SqlType& type) {
  const SqlType& element = is_list(type) ? type.element() : type;
  return element.label() == label::kEnum ? &element : nullptr;
}

std::string data_type(const SqlType& type) {
  if (enumeration_in(type)) return is_list(type) ? "ARRAY" : "USER-DEFINED";
  return element_of_oid(postgres_type(type).oid) != 0 ? "ARRAY" : postgres_type_name(type);
}

std::string type_name(const SqlType& type) {
  if (!type.name().empty()) return display_name(type.name());
  if (const PostgresLabelRow* row = find_label(type.label())) return std::string(row->name);
  switch (type.kind()) {
    case TypeKind::Boolean:
      return "bool";
    case TypeKind::Integer:
      return "int4";
    case TypeKind::Bigint:
      return "int8";
    case TypeKind::Double:
      return "float8";
    case TypeKind::Decimal:
      return "numeric";
    case TypeKind::Bytes:
      return "bytea";
    case TypeKind::Date:
      return "date";
    case TypeKind::Time:
      return "time";
    case TypeKind::Timestamp:
      return "timestamptz";
    case TypeKind::Array:
    case TypeKind::Map:
    case TypeKind::Struct:
      return "jsonb";
    default:
      return "text";
  }
}

std::string udt_name(const SqlType& type) {
  const bool is_array = element_of_oid(postgres_type(type).oid) != 0;
  return is_array ? "_" + type_name(type.element()) : type_name(type);
}

// Sets the schema and the name of the type. Programs put both together for a cast to regtype.
void set_udt(const CatalogFacts& facts, const SqlType& type, SystemRowWriter& out) {
  const SqlType* const enumeration = enumeration_in(type);
  if (!enumeration) {
    out.set("UDT_SCHEMA", "pg_catalog").set("UDT_NAME", udt_name(type));
    return;
  }
  const ObjectPlace place = place_of(facts.context.catalog, enumeration->name());
  out.set("UDT_SCHEMA", place.schema_name).set("UDT_NAME", (is_list(type) ? "_" : "") + place.name);
}

// Returns the precision of integers and floating-point numbers, in bits.
std::optional<int64_t> bits_of(const SqlType& type) {
  if (type.label() == label::kInt2) return 16;
  if (type.label() == label::kFloat4) return 24;
  if (type.label() == label::kOid) return std::nullopt;
  if (type.kind() == TypeKind::Integer) return 32;
  if (type.kind() == TypeKind::Bigint) return 64;
  return type.kind() == TypeKind::Double ? std::optional<int64_t>(53) : std::nullopt;
}

void set_sizes(const SqlType& type, SystemRowWriter& out) {
  for (const std::string_view size :
       {"NUMERIC_PRECISION", "NUMERIC_PRECISION_RADIX", "NUMERIC_SCALE", "CHARACTER_MAXIMUM_LENGTH",
        "CHARACTER_OCTET_LENGTH", "DATETIME_PRECISION", "INTERVAL_PRECISION",
        "MAXIMUM_CARDINALITY"})
    out.set(size, Value());
  if (type.kind() == TypeKind::Decimal)
    out.set_number("NUMERIC_PRECISION", type.precision())
        .set_number("NUMERIC_PRECISION_RADIX", 10)
        .set_number("NUMERIC_SCALE", type.scale());
  if (const auto bits = bits_of(type)) {
    out.set_number("NUMERIC_PRECISION", *bits).set_number("NUMERIC_PRECISION_RADIX", 2);
    if (type.kind() != TypeKind::Double) out.set_number("NUMERIC_SCALE", 0);
  }
  constexpr int64_t kLongestText = 1 << 30, kMostBytesOfLetter = 4, kHeader = 4;
  constexpr int64_t kMostDigits = 6;  // digits of the fraction of a second
  const uint32_t oid = postgres_type(type).oid;
  if (oid == oid::kText || oid == oid::kVarchar || oid == oid::kBpchar) {
    const bool is_bound = type.modifier() >= kHeader;
    if (is_bound) out.set_number("CHARACTER_MAXIMUM_LENGTH", type.modifier() - kHeader);
    out.set_number("CHARACTER_OCTET_LENGTH",
                   is_bound ? (type.modifier() - kHeader) * kMostBytesOfLetter : kLongestText);
  }
  const bool is_bits = type.label() == label::kBit || type.label() == label::kVarbit;
  if (is_bits && type.modifier() >= 0) out.set_number("CHARACTER_MAXIMUM_LENGTH", type.modifier());
  if (oid == oid::kDate) out.set_number("DATETIME_PRECISION", 0);
  if (oid == oid::kTime || oid == oid::kTimestamp || oid == oid::kTimestamptz ||
      type.label() == label::kTimetz || type.label() == label::kInterval)
    out.set_number("DATETIME_PRECISION",
                   type.modifier() >= 0 ? type.modifier() & 0xffff : kMostDigits);
}

void set_table(const CatalogFacts& facts, const CatalogRelation& relation, SystemRowWriter& out) {
  out.row()
      .set("TABLE_CATALOG", facts.database)
      .set("TABLE_SCHEMA", relation.schema_name)
      .set("TABLE_NAME", relation.name);
}

void add_information_tables(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (each.sequence) continue;
    // PostgreSQL does not list materialized views in this table. Millrace lists the results of queries, as views,
    // because tools offer the entries of this table for charts (docs/sql/from-postgresql.md).
    const bool is_view = each.kind == 'v' || each.kind == 'm';
    set_table(facts, each, out);
    out.set("TABLE_TYPE", is_view               ? "VIEW"
                          : each.is_temporary() ? "LOCAL TEMPORARY"
                                                : "BASE TABLE")
        .set("IS_INSERTABLE_INTO", each.source && !is_view ? "YES" : "NO")
        .set("IS_TYPED", "NO");
  }
}

void add_information_views(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (each.kind != 'm' && !each.view) continue;
    set_table(facts, each, out);
    out.set("VIEW_DEFINITION", each.view ? each.view->sql : query_of(each.source->sql))
        .set("CHECK_OPTION", "NONE");
    for (const std::string_view flag :
         {"IS_UPDATABLE", "IS_INSERTABLE_INTO", "IS_TRIGGER_UPDATABLE", "IS_TRIGGER_DELETABLE",
          "IS_TRIGGER_INSERTABLE_INTO"})
      out.set(flag, "NO");
  }
}

void add_columns(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    for (size_t i = 0; !each.sequence && i < each.columns.size(); ++i) {
      const CatalogColumn& column = each.columns[i];
      set_table(facts, each, out);
      out.set("COLUMN_NAME", column.name)
          .set_number("ORDINAL_POSITION", static_cast<int64_t>(i) + 1)
          .set("IS_NULLABLE", column.is_not_null ? "NO" : "YES")
          .set("DATA_TYPE", data_type(column.type))
          .set("UDT_CATALOG", facts.database)
          .set("IS_IDENTITY", "NO")
          .set("IS_GENERATED", "NEVER")
          .set("IS_UPDATABLE", each.source && each.kind == 'r' ? "YES" : "NO")
          .set("DTD_IDENTIFIER", std::to_string(i + 1));
      set_udt(facts, column.type, out);
      if (!column.default_text.empty()) out.set("COLUMN_DEFAULT", column.default_text);
      set_sizes(column.type, out);
    }
}

void add_schemata(const CatalogFacts& facts, SystemRowWriter& out) {
  std::vector<std::string> schemas = {"information_schema", "millrace_catalog", "pg_catalog",
                                      "public"};
  for (const std::string& name : facts.context.catalog.schemas)
    schemas.push_back(display_name(name));
  for (const std::string& schema : schemas)
    out.row()
        .set("CATALOG_NAME", facts.database)
        .set("SCHEMA_NAME", schema)
        .set("SCHEMA_OWNER", "millrace");
}

void set_constraint(const CatalogFacts& facts, const CatalogRelation& relation,
                    SystemRowWriter& out) {
  set_table(facts, relation, out);
  out.set("CONSTRAINT_CATALOG", facts.database)
      .set("CONSTRAINT_SCHEMA", relation.schema_name)
      .set("CONSTRAINT_NAME", relation.key_name());
}

void add_table_constraints(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_source(facts, [&](const CatalogRelation& each) {
    for (const UnenforcedConstraint& constraint : each.source->unenforced) {
      set_constraint(facts, each, out);
      out.set("CONSTRAINT_NAME", constraint.name)
          .set("CONSTRAINT_TYPE", constraint.type == "u"   ? "UNIQUE"
                                  : constraint.type == "c" ? "CHECK"
                                                           : "FOREIGN KEY")
          .set("IS_DEFERRABLE", "NO")
          .set("INITIALLY_DEFERRED", "NO")
          .set("ENFORCED", "NO");
    }
    if (each.key == 0) return;
    set_constraint(facts, each, out);
    out.set("CONSTRAINT_TYPE", "PRIMARY KEY")
        .set("IS_DEFERRABLE", "NO")
        .set("INITIALLY_DEFERRED", "NO")
        .set("ENFORCED", "YES");
  });
}

void add_key_columns(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_source(facts, [&](const CatalogRelation& each) {
    int64_t place = 0;
    for (const CatalogColumn& column : each.columns) {
      if (!column.is_key) continue;
      set_constraint(facts, each, out);
      out.set("COLUMN_NAME", column.name)
          .set_number("ORDINAL_POSITION", ++place)
          .set("POSITION_IN_UNIQUE_CONSTRAINT", Value());
    }
  });
}

void add_privileges(const CatalogFacts& facts, SystemRowWriter& out) {
  for_each_source(facts, [&](const CatalogRelation& each) {
    for (const std::string_view right : {"SELECT", "INSERT"}) {
      set_table(facts, each, out);
      out.set("GRANTOR", "millrace")
          .set("GRANTEE", "millrace")
          .set("PRIVILEGE_TYPE", right)
          .set("IS_GRANTABLE", "YES");
    }
  });
}

void add_catalog_name(const CatalogFacts& facts, SystemRowWriter& out) {
  out.row().set("CATALOG_NAME", facts.database);
}

void add_enabled_roles(const CatalogFacts&, SystemRowWriter& out) {
  out.row().set("ROLE_NAME", "millrace");
}

}  // namespace

const std::span<const CatalogTableRows> kInformationSchemaRows = [] {
  static constexpr CatalogTableRows kRows[] = {
      {"COLUMNS", add_columns},
      {"CONSTRAINT_COLUMN_USAGE", add_key_columns},
      {"ENABLED_ROLES", add_enabled_roles},
      {"INFORMATION_SCHEMA_CATALOG_NAME", add_catalog_name},
      {"KEY_COLUMN_USAGE", add_key_columns},
      {"ROLE_TABLE_GRANTS", add_privileges},
      {"SCHEMATA", add_schemata},
      {"SEQUENCES", add_schema_sequences},
      {"TABLES", add_information_tables},
      {"TABLE_CONSTRAINTS", add_table_constraints},
      {"TABLE_PRIVILEGES", add_privileges},
      {"VIEWS", add_information_views},
  };
  return std::span<const CatalogTableRows>(kRows);
}();

}  // namespace engine
