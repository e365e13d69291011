// Rows of pg_type, pg_range and pg_enum.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"
#include "engine/types/postgres_type.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// A row of pg_type in PostgreSQL 15. The rows are for the types of columns, including columns of the catalog itself, and
// for all pseudo-types: clients compare the result types of functions with `trigger` and `internal`.
struct TypeRow {
  int64_t oid;
  std::string_view name, displayed;
  int64_t size;
  char kind, category;
  int64_t element, array;
  bool is_by_value;
  char alignment, storage;
  bool is_preferred;
};
constexpr TypeRow kTypes[] = {
    {16, "bool", "boolean", 1, 'b', 'B', 0, 1000, true, 'c', 'p', true},
    {17, "bytea", "bytea", -1, 'b', 'U', 0, 1001, false, 'i', 'x', false},
    {18, "char", "\"char\"", 1, 'b', 'Z', 0, 1002, true, 'c', 'p', false},
    {19, "name", "name", 64, 'b', 'S', 18, 1003, false, 'c', 'p', false},
    {20, "int8", "bigint", 8, 'b', 'N', 0, 1016, true, 'd', 'p', false},
    {21, "int2", "smallint", 2, 'b', 'N', 0, 1005, true, 's', 'p', false},
    {22, "int2vector", "int2vector", -1, 'b', 'A', 21, 1006, false, 'i', 'p', false},
    {23, "int4", "integer", 4, 'b', 'N', 0, 1007, true, 'i', 'p', false},
    {24, "regproc", "regproc", 4, 'b', 'N', 0, 1008, true, 'i', 'p', false},
    {25, "text", "text", -1, 'b', 'S', 0, 1009, false, 'i', 'x', true},
    {26, "oid", "oid", 4, 'b', 'N', 0, 1028, true, 'i', 'p', true},
    {27, "tid", "tid", 6, 'b', 'U', 0, 1010, false, 's', 'p', false},
    {28, "xid", "xid", 4, 'b', 'U', 0, 1011, true, 'i', 'p', false},
    {30, "oidvector", "oidvector", -1, 'b', 'A', 26, 1013, false, 'i', 'p', false},
    {32, "pg_ddl_command", "pg_ddl_command", 8, 'p', 'P', 0, 0, true, 'd', 'p', false},
    {114, "json", "json", -1, 'b', 'U', 0, 199, false, 'i', 'x', false},
    {194, "pg_node_tree", "pg_node_tree", -1, 'b', 'Z', 0, 0, false, 'i', 'x', false},
    {199, "_json", "json[]", -1, 'b', 'A', 114, 0, false, 'i', 'x', false},
    {269, "table_am_handler", "table_am_handler", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {325, "index_am_handler", "index_am_handler", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {700, "float4", "real", 4, 'b', 'N', 0, 1021, true, 'i', 'p', false},
    {701, "float8", "double precision", 8, 'b', 'N', 0, 1022, true, 'd', 'p', true},
    {705, "unknown", "unknown", -2, 'p', 'X', 0, 0, false, 'c', 'p', false},
    {1000, "_bool", "boolean[]", -1, 'b', 'A', 16, 0, false, 'i', 'x', false},
    {1001, "_bytea", "bytea[]", -1, 'b', 'A', 17, 0, false, 'i', 'x', false},
    {1002, "_char", "\"char\"[]", -1, 'b', 'A', 18, 0, false, 'i', 'x', false},
    {1003, "_name", "name[]", -1, 'b', 'A', 19, 0, false, 'i', 'x', false},
    {1005, "_int2", "smallint[]", -1, 'b', 'A', 21, 0, false, 'i', 'x', false},
    {1006, "_int2vector", "int2vector[]", -1, 'b', 'A', 22, 0, false, 'i', 'x', false},
    {1007, "_int4", "integer[]", -1, 'b', 'A', 23, 0, false, 'i', 'x', false},
    {1009, "_text", "text[]", -1, 'b', 'A', 25, 0, false, 'i', 'x', false},
    {1008, "_regproc", "regproc[]", -1, 'b', 'A', 24, 0, false, 'i', 'x', false},
    {1010, "_tid", "tid[]", -1, 'b', 'A', 27, 0, false, 'i', 'x', false},
    {1011, "_xid", "xid[]", -1, 'b', 'A', 28, 0, false, 'i', 'x', false},
    {1013, "_oidvector", "oidvector[]", -1, 'b', 'A', 30, 0, false, 'i', 'x', false},
    {1014, "_bpchar", "character[]", -1, 'b', 'A', 1042, 0, false, 'i', 'x', false},
    {1015, "_varchar", "character varying[]", -1, 'b', 'A', 1043, 0, false, 'i', 'x', false},
    {1016, "_int8", "bigint[]", -1, 'b', 'A', 20, 0, false, 'd', 'x', false},
    {1021, "_float4", "real[]", -1, 'b', 'A', 700, 0, false, 'i', 'x', false},
    {1022, "_float8", "double precision[]", -1, 'b', 'A', 701, 0, false, 'd', 'x', false},
    {1028, "_oid", "oid[]", -1, 'b', 'A', 26, 0, false, 'i', 'x', false},
    {1033, "aclitem", "aclitem", 12, 'b', 'U', 0, 1034, false, 'i', 'p', false},
    {1034, "_aclitem", "aclitem[]", -1, 'b', 'A', 1033, 0, false, 'i', 'x', false},
    {1042, "bpchar", "character", -1, 'b', 'S', 0, 1014, false, 'i', 'x', false},
    {1043, "varchar", "character varying", -1, 'b', 'S', 0, 1015, false, 'i', 'x', false},
    {1082, "date", "date", 4, 'b', 'D', 0, 1182, true, 'i', 'p', false},
    {1083, "time", "time without time zone", 8, 'b', 'D', 0, 1183, true, 'd', 'p', false},
    {1114, "timestamp", "timestamp without time zone", 8, 'b', 'D', 0, 1115, true, 'd', 'p', false},
    {1115, "_timestamp", "timestamp without time zone[]", -1, 'b', 'A', 1114, 0, false, 'd', 'x',
     false},
    {1182, "_date", "date[]", -1, 'b', 'A', 1082, 0, false, 'i', 'x', false},
    {1183, "_time", "time without time zone[]", -1, 'b', 'A', 1083, 0, false, 'd', 'x', false},
    {1184, "timestamptz", "timestamp with time zone", 8, 'b', 'D', 0, 1185, true, 'd', 'p', true},
    {1185, "_timestamptz", "timestamp with time zone[]", -1, 'b', 'A', 1184, 0, false, 'd', 'x',
     false},
    {1186, "interval", "interval", 16, 'b', 'T', 0, 1187, false, 'd', 'p', true},
    {1187, "_interval", "interval[]", -1, 'b', 'A', 1186, 0, false, 'd', 'x', false},
    {1231, "_numeric", "numeric[]", -1, 'b', 'A', 1700, 0, false, 'i', 'x', false},
    {1263, "_cstring", "cstring[]", -1, 'b', 'A', 2275, 0, false, 'i', 'x', false},
    {1700, "numeric", "numeric", -1, 'b', 'N', 0, 1231, false, 'i', 'm', false},
    {2202, "regprocedure", "regprocedure", 4, 'b', 'N', 0, 2207, true, 'i', 'p', false},
    {2203, "regoper", "regoper", 4, 'b', 'N', 0, 2208, true, 'i', 'p', false},
    {2204, "regoperator", "regoperator", 4, 'b', 'N', 0, 2209, true, 'i', 'p', false},
    {2205, "regclass", "regclass", 4, 'b', 'N', 0, 2210, true, 'i', 'p', false},
    {2206, "regtype", "regtype", 4, 'b', 'N', 0, 2211, true, 'i', 'p', false},
    {2207, "_regprocedure", "regprocedure[]", -1, 'b', 'A', 2202, 0, false, 'i', 'x', false},
    {2208, "_regoper", "regoper[]", -1, 'b', 'A', 2203, 0, false, 'i', 'x', false},
    {2209, "_regoperator", "regoperator[]", -1, 'b', 'A', 2204, 0, false, 'i', 'x', false},
    {2210, "_regclass", "regclass[]", -1, 'b', 'A', 2205, 0, false, 'i', 'x', false},
    {2211, "_regtype", "regtype[]", -1, 'b', 'A', 2206, 0, false, 'i', 'x', false},
    {2249, "record", "record", -1, 'p', 'P', 0, 2287, false, 'd', 'x', false},
    {2275, "cstring", "cstring", -2, 'p', 'P', 0, 1263, false, 'c', 'p', false},
    {2276, "any", "\"any\"", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {2277, "anyarray", "anyarray", -1, 'p', 'P', 0, 0, false, 'd', 'x', false},
    {2278, "void", "void", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {2279, "trigger", "trigger", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {2280, "language_handler", "language_handler", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {2281, "internal", "internal", 8, 'p', 'P', 0, 0, true, 'd', 'p', false},
    {2283, "anyelement", "anyelement", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {2287, "_record", "record[]", -1, 'p', 'P', 2249, 0, false, 'd', 'x', false},
    {2776, "anynonarray", "anynonarray", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {2950, "uuid", "uuid", 16, 'b', 'U', 0, 2951, false, 'c', 'p', false},
    {2951, "_uuid", "uuid[]", -1, 'b', 'A', 2950, 0, false, 'i', 'x', false},
    {3115, "fdw_handler", "fdw_handler", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {3220, "pg_lsn", "pg_lsn", 8, 'b', 'U', 0, 3221, true, 'd', 'p', false},
    {3221, "_pg_lsn", "pg_lsn[]", -1, 'b', 'A', 3220, 0, false, 'd', 'x', false},
    {3310, "tsm_handler", "tsm_handler", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {3500, "anyenum", "anyenum", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {3734, "regconfig", "regconfig", 4, 'b', 'N', 0, 3735, true, 'i', 'p', false},
    {3735, "_regconfig", "regconfig[]", -1, 'b', 'A', 3734, 0, false, 'i', 'x', false},
    {3769, "regdictionary", "regdictionary", 4, 'b', 'N', 0, 3770, true, 'i', 'p', false},
    {3770, "_regdictionary", "regdictionary[]", -1, 'b', 'A', 3769, 0, false, 'i', 'x', false},
    {3802, "jsonb", "jsonb", -1, 'b', 'U', 0, 3807, false, 'i', 'x', false},
    {3807, "_jsonb", "jsonb[]", -1, 'b', 'A', 3802, 0, false, 'i', 'x', false},
    {3831, "anyrange", "anyrange", -1, 'p', 'P', 0, 0, false, 'd', 'x', false},
    {3838, "event_trigger", "event_trigger", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {4089, "regnamespace", "regnamespace", 4, 'b', 'N', 0, 4090, true, 'i', 'p', false},
    {4090, "_regnamespace", "regnamespace[]", -1, 'b', 'A', 4089, 0, false, 'i', 'x', false},
    {4096, "regrole", "regrole", 4, 'b', 'N', 0, 4097, true, 'i', 'p', false},
    {4097, "_regrole", "regrole[]", -1, 'b', 'A', 4096, 0, false, 'i', 'x', false},
    {4191, "regcollation", "regcollation", 4, 'b', 'N', 0, 4192, true, 'i', 'p', false},
    {4192, "_regcollation", "regcollation[]", -1, 'b', 'A', 4191, 0, false, 'i', 'x', false},
    {4537, "anymultirange", "anymultirange", -1, 'p', 'P', 0, 0, false, 'd', 'x', false},
    {4538, "anycompatiblemultirange", "anycompatiblemultirange", -1, 'p', 'P', 0, 0, false, 'd',
     'x', false},
    {5077, "anycompatible", "anycompatible", 4, 'p', 'P', 0, 0, true, 'i', 'p', false},
    {5078, "anycompatiblearray", "anycompatiblearray", -1, 'p', 'P', 0, 0, false, 'd', 'x', false},
    {5079, "anycompatiblenonarray", "anycompatiblenonarray", 4, 'p', 'P', 0, 0, true, 'i', 'p',
     false},
    {5080, "anycompatiblerange", "anycompatiblerange", -1, 'p', 'P', 0, 0, false, 'd', 'x', false},
};

std::string_view one_letter(const char& letter) { return {&letter, 1}; }

// Returns whether the type has the functions of arrays. int2vector and oidvector are arrays by their category, but
// have functions of their own.
bool is_array(const TypeRow& type) {
  return (type.category == 'A' || type.kind == 'p') && type.name.starts_with('_');
}

// Returns the prefix of the names of a type's functions, for example int4 for int4in and int4recv, date_ for date_in.
// Drivers identify types by these names.
std::string functions_of(const TypeRow& type) {
  constexpr std::string_view kApart[] = {
      "json",   "jsonb",   "xml",    "cidr",      "inet",        "macaddr",  "macaddr8",
      "date",   "time",    "timetz", "timestamp", "timestamptz", "interval", "bit",
      "varbit", "numeric", "uuid",   "pg_lsn",    "pg_node_tree"};
  if (is_array(type)) return "array_";
  if (type.kind == 'e') return "enum_";
  if (type.kind == 'c') return "record_";
  if (type.kind == 'd') return "domain_";
  if (type.kind == 'r') return "range_";
  if (type.kind == 'm') return "multirange_";
  const bool is_apart = type.kind == 'p' ? type.name != "unknown"
                                         : std::ranges::find(kApart, type.name) != std::end(kApart);
  return std::string(type.name) + (is_apart ? "_" : "");
}

// Returns whether PostgreSQL has functions for the binary form of the type.
bool has_binary_form(const TypeRow& type) {
  constexpr std::string_view kPseudo[] = {
      "pg_ddl_command", "unknown", "record", "cstring", "anyarray", "anycompatiblearray", "void"};
  if (type.kind == 'p' && !is_array(type))
    return std::ranges::find(kPseudo, type.name) != std::end(kPseudo);
  return type.name != "aclitem";
}

// Returns the function for types with a length or a precision, for example varchartypmodin.
std::string modifier_function(const TypeRow& type, std::string_view direction) {
  constexpr std::string_view kWithModifier[] = {"bit",    "bpchar",    "interval",    "numeric",
                                                "time",   "timestamp", "timestamptz", "timetz",
                                                "varbit", "varchar"};
  if (std::ranges::find(kWithModifier, type.name) == std::end(kWithModifier)) return "-";
  return fmt::format("{}typmod{}", type.name, direction);
}

void add_type(SystemRowWriter& out, const TypeRow& each, int64_t schema = kPgCatalogSchema,
              int64_t relation = 0) {
  const std::string functions = functions_of(each);
  const bool has_binary = has_binary_form(each);
  out.row()
      .set_number("OID", each.oid)
      .set("TYPNAME", each.name)
      .set_number("TYPNAMESPACE", schema)
      .set_number("TYPOWNER", kOwner)
      .set_number("TYPLEN", each.size)
      .set("TYPBYVAL", each.is_by_value)
      .set("TYPTYPE", one_letter(each.kind))
      .set("TYPCATEGORY", one_letter(each.category))
      .set("TYPISPREFERRED", each.is_preferred)
      .set("TYPISDEFINED", true)
      .set("TYPDELIM", ",")
      .set_number("TYPRELID", relation)
      .set_number("TYPELEM", each.element)
      .set_number("TYPARRAY", each.array)
      .set("TYPINPUT", functions + "in")
      .set("TYPOUTPUT", each.kind == 'd' ? "textout" : functions + "out")
      .set("TYPRECEIVE", has_binary ? functions + "recv" : "-")
      .set("TYPSEND", !has_binary        ? "-"
                      : each.kind == 'd' ? "textsend"
                                         : functions + "send")
      .set("TYPMODIN", modifier_function(each, "in"))
      .set("TYPMODOUT", modifier_function(each, "out"))
      .set("TYPANALYZE", is_array(each) ? "array_typanalyze" : "-")
      .set("TYPSUBSCRIPT", each.category == 'A' || is_array(each) ? "array_subscript_handler" : "-")
      .set("TYPALIGN", one_letter(each.alignment))
      .set("TYPSTORAGE", one_letter(each.storage))
      .set_number("TYPTYPMOD", -1)
      .set("MR_NAME", each.displayed);
}

void add_with_array(SystemRowWriter& out, const TypeRow& type, int64_t schema,
                    int64_t relation = 0) {
  const std::string array = "_" + std::string(type.name),
                    shown = std::string(type.displayed) + "[]";
  add_type(out, type, schema, relation);
  add_type(out, {type.array, array, shown, -1, 'b', 'A', type.oid, 0, false, 'i', 'x', false},
           schema);
}

bool is_listed(int64_t oid) {
  for (const TypeRow& each : kTypes)
    if (each.oid == oid) return true;
  return false;
}

}  // namespace

namespace {

// Adds another name for a type, from CREATE DOMAIN or from CREATE TYPE of the dialect.
void add_domain(SystemRowWriter& out, const std::string& name, const ObjectPlace& place,
                const std::string& shown, const SqlType& type) {
  const PostgresType base = postgres_type(type);
  add_type(out,
           {user_type_oid(name), place.name, shown, base.size, 'd', 'U', 0, user_array_oid(name),
            false, 'i', 'x', false},
           place.schema);
  out.set_number("TYPBASETYPE", base.oid);
  out.set_number("TYPTYPMOD", base.modifier);
}

}  // namespace

void add_types(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const TypeRow& each : kTypes) add_type(out, each);
  for (const PostgresLabelRow& row : postgres_labels()) {
    if (is_listed(row.oid)) continue;
    const char kind = is_range(row.label) ? 'r' : is_multirange(row.label) ? 'm' : 'b';
    add_with_array(out,
                   {row.oid, row.name, row.sql_name, row.size, kind, row.category, 0, row.array_oid,
                    false, 'i', 'x', false},
                   kPgCatalogSchema);
  }
  for (const auto& [name, type] : facts.context.catalog.types) {
    const bool is_enumeration = type.label() == label::kEnum;
    const std::string shown = display_name(name);
    const ObjectPlace place = place_of(facts.context.catalog, name);
    if (!is_enumeration && type.label() != label::kComposite) {
      add_domain(out, name, place, shown, type);
      continue;
    }
    add_with_array(out,
                   {user_type_oid(name), place.name, shown, is_enumeration ? 4 : -1,
                    is_enumeration ? 'e' : 'c', is_enumeration ? 'E' : 'C', 0, user_array_oid(name),
                    is_enumeration, 'i', 'p', false},
                   place.schema, is_enumeration ? 0 : user_relation_oid(name));
  }
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.row_type != 0)
      add_with_array(out,
                     {each.row_type, each.name, each.name, -1, 'c', 'C', 0, each.row_array, false,
                      'd', 'x', false},
                     each.schema, each.oid);
}

std::vector<CatalogTypeName> catalog_type_names(const Catalog& catalog) {
  std::vector<CatalogTypeName> names;
  for (const TypeRow& each : kTypes)
    names.push_back(
        {each.oid, each.array, "pg_catalog", std::string(each.name), std::string(each.displayed)});
  const auto add_with_its_array = [&](int64_t oid, int64_t array, const std::string& schema,
                                      const std::string& name, const std::string& shown,
                                      bool is_visible) {
    names.push_back({oid, array, schema, name, shown, is_visible});
    if (array != 0) names.push_back({array, 0, schema, "_" + name, shown + "[]", is_visible});
  };
  for (const PostgresLabelRow& row : postgres_labels())
    if (!is_listed(row.oid))
      add_with_its_array(row.oid, row.array_oid, "pg_catalog", std::string(row.name),
                         std::string(row.sql_name), true);
  const auto add_user_type = [&](int64_t oid, int64_t array, const ObjectPlace& place) {
    std::string shown = quoted_postgres_name(place.name);
    const bool is_visible = place.schema == kPublicSchema;
    if (!is_visible) shown = quoted_postgres_name(place.schema_name) + "." + shown;
    add_with_its_array(oid, array, place.schema_name, place.name, shown, is_visible);
  };
  for (const auto& [name, type] : catalog.types)
    add_user_type(user_type_oid(name), user_array_oid(name), place_of(catalog, name));
  const CatalogObjects objects(catalog);
  for (const CatalogRelation& each : objects.relations())
    if (each.row_type != 0)
      add_user_type(each.row_type, each.row_array, {each.schema, each.schema_name, each.name});
  return names;
}

void add_ranges(const CatalogFacts&, SystemRowWriter& out) {
  for (const PostgresLabelRow& multirange : postgres_labels()) {
    if (!is_multirange(multirange.label)) continue;
    const PostgresLabelRow& range = *find_label(multirange.element);
    const SqlType element = SqlType(range.element_kind).labelled(range.element);
    out.row()
        .set_number("RNGTYPID", range.oid)
        .set_number("RNGSUBTYPE", postgres_type(element).oid)
        .set_number("RNGMULTITYPID", multirange.oid);
  }
}

void add_enumerations(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const auto& [name, type] : facts.context.catalog.types) {
    if (type.label() != label::kEnum) continue;
    for (size_t i = 0; i < type.fields().size(); ++i)
      out.row()
          .set_number("OID", user_type_oid(name + "." + type.fields()[i].name))
          .set_number("ENUMTYPID", user_type_oid(name))
          .set("ENUMSORTORDER", Value::number(static_cast<double>(i + 1)))
          .set("ENUMLABEL", type.fields()[i].name);
  }
}

}  // namespace engine
