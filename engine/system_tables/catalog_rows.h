// The functions that fill the tables of the system, one for each table. Private to this folder.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/system_tables/catalog_objects.h"
#include "engine/system_tables/information.h"
#include "engine/system_tables/postgres_tables.h"

namespace engine {

// The current users and rights. Without access rules the user may do everything, and is among the roles.
AccessFacts access_of(const std::function<AccessFacts()>& access, const std::string& user);

struct CatalogFacts {
  const InformationContext& context;
  const std::string& database;
  const std::string& user;  // the user of the session
  CatalogObjects objects;

  AccessFacts access() const { return access_of(context.access, user); }
};

struct CatalogTableRows {
  std::string_view name;  // upper case
  void (*add)(const CatalogFacts& facts, SystemRowWriter& out);
};
// Tables without an entry have no rows.
extern const std::span<const CatalogTableRows> kPostgresRows, kStatisticsRows,
    kInformationSchemaRows;

// A table of millrace_catalog has the result of a SHOW, with column names that need no quotes.
struct MillraceTable {
  std::string_view name;
  ShowKind kind;
  bool extended;
};
extern const std::span<const MillraceTable> kMillraceTables;
// Returns null for other tables.
const MillraceTable* find_millrace_table(const SystemTable& table);
SystemTable millrace_table(const MillraceTable& row);

// sequence_rows.cc
void add_sequence_rows(const CatalogFacts& facts, SystemRowWriter& out);
void add_sequence_list(const CatalogFacts& facts, SystemRowWriter& out);
void add_schema_sequences(const CatalogFacts& facts, SystemRowWriter& out);
void add_dependencies(const CatalogFacts& facts, SystemRowWriter& out);

// postgres_rows.cc
// The query of a CREATE ... AS, which is the definition of a view.
std::string_view query_of(std::string_view sql);
std::vector<std::pair<int64_t, std::string_view>> system_schemas();

// A type with its name in pg_type, and as shown by format_type(). Arrays are types of their own.
struct CatalogTypeName {
  int64_t oid = 0, array = 0;  // 0: it has no array type
  std::string schema, name, shown;
  bool is_visible = true;  // without its schema
};
std::vector<CatalogTypeName> catalog_type_names(const Catalog& catalog);

// postgres_type_rows.cc
void add_types(const CatalogFacts& facts, SystemRowWriter& out);
void add_ranges(const CatalogFacts& facts, SystemRowWriter& out);
void add_enumerations(const CatalogFacts& facts, SystemRowWriter& out);

}  // namespace engine
