// Rows of information_schema.
#include <fmt/format.h>

#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_type.h"
#include "engine/types/postgres_type_name.h"

namespace engine {

namespace {

// Users' relations; those of the system are in pg_catalog for who wants them.
template <class Visit>
void for_each_source(const CatalogFacts& facts, const Visit& visit) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.source) visit(each);
}

std::string data_type(const SqlType& type) {
  return element_of_oid(postgres_type(type).oid) != 0 ? "ARRAY" : postgres_type_name(type);
}

std::string_view type_name(const SqlType& type) {
  switch (postgres_type(type).oid) {
    case oid::kBool:
      return "bool";
    case oid::kInt4:
      return "int4";
    case oid::kInt8:
      return "int8";
    case oid::kFloat8:
      return "float8";
    case oid::kNumeric:
      return "numeric";
    case oid::kBytea:
      return "bytea";
    case oid::kDate:
      return "date";
    case oid::kTime:
      return "time";
    case oid::kTimestamptz:
      return "timestamptz";
    case oid::kJsonb:
      return "jsonb";
    case oid::kText:
      return "text";
    default:
      return "";
  }
}

std::string udt_name(const SqlType& type) {
  if (type.kind() == TypeKind::Array && element_of_oid(postgres_type(type).oid) != 0)
    return "_" + std::string(type_name(type.element()));
  return std::string(type_name(type));
}

void set_table(const CatalogFacts& facts, const CatalogRelation& relation, SystemRowWriter& out) {
  out.row()
      .set("TABLE_CATALOG", facts.database)
      .set("TABLE_SCHEMA", relation.schema_name)
      .set("TABLE_NAME", relation.name);
}

void add_tables(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (each.kind == 'm') continue;  // PostgreSQL does not list materialized views here
    set_table(facts, each, out);
    out.set("TABLE_TYPE", each.kind == 'v' ? "VIEW" : "BASE TABLE")
        .set("IS_INSERTABLE_INTO", each.source ? "YES" : "NO")
        .set("IS_TYPED", "NO");
  }
}

void add_columns(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    for (size_t i = 0; i < each.columns.size(); ++i) {
      const CatalogColumn& column = each.columns[i];
      set_table(facts, each, out);
      out.set("COLUMN_NAME", column.name)
          .set_number("ORDINAL_POSITION", static_cast<int64_t>(i) + 1)
          .set("IS_NULLABLE", column.is_not_null ? "NO" : "YES")
          .set("DATA_TYPE", data_type(column.type))
          .set("UDT_CATALOG", facts.database)
          .set("UDT_SCHEMA", "pg_catalog")
          .set("UDT_NAME", udt_name(column.type))
          .set("IS_IDENTITY", "NO")
          .set("IS_GENERATED", "NEVER")
          .set("IS_UPDATABLE", "NO")
          .set("DTD_IDENTIFIER", std::to_string(i + 1))
          .set("NUMERIC_PRECISION", Value())
          .set("NUMERIC_PRECISION_RADIX", Value())
          .set("NUMERIC_SCALE", Value())
          .set("CHARACTER_MAXIMUM_LENGTH", Value())
          .set("CHARACTER_OCTET_LENGTH", Value())
          .set("DATETIME_PRECISION", Value())
          .set("INTERVAL_PRECISION", Value())
          .set("MAXIMUM_CARDINALITY", Value());
      if (column.type.kind() == TypeKind::Decimal)
        out.set_number("NUMERIC_PRECISION", column.type.precision())
            .set_number("NUMERIC_PRECISION_RADIX", 10)
            .set_number("NUMERIC_SCALE", column.type.scale());
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
      {"TABLES", add_tables},
      {"TABLE_CONSTRAINTS", add_table_constraints},
      {"TABLE_PRIVILEGES", add_privileges},
  };
  return std::span<const CatalogTableRows>(kRows);
}();

}  // namespace engine
