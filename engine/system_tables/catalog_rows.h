// What fills the tables of the system, a function each. Private to this folder.
#pragma once
#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "engine/system_tables/catalog_objects.h"
#include "engine/system_tables/information.h"
#include "engine/system_tables/postgres_tables.h"

namespace engine {

struct CatalogFacts {
  const InformationContext& context;
  const std::string& database;
  const std::string& user;  // who asks
  CatalogObjects objects;

  // Where there are no rules whoever asks may do everything, and finds itself among the roles.
  AccessFacts access() const {
    AccessFacts facts = context.access ? context.access() : AccessFacts();
    const auto is_asker = [&](const RoleFact& role) { return role.name == user; };
    if (!facts.asker && !user.empty() && std::ranges::none_of(facts.roles, is_asker))
      facts.roles.push_back(
          {.name = user, .may_login = true, .is_superuser = true, .roles = {user}});
    return facts;
  }
};

struct CatalogTableRows {
  std::string_view name;  // upper case
  void (*add)(const CatalogFacts& facts, SystemRowWriter& out);
};
// Tables that are not among them have no rows.
extern const std::span<const CatalogTableRows> kPostgresRows, kInformationSchemaRows;

// A table of millrace_catalog is what a SHOW gives, with columns that need no quotes.
struct MillraceTable {
  std::string_view name;
  ShowKind kind;
  bool extended;
};
extern const std::span<const MillraceTable> kMillraceTables;
// Null: it is none of them.
const MillraceTable* find_millrace_table(const SystemTable& table);
SystemTable millrace_table(const MillraceTable& row);

// sequence_rows.cc
void add_sequence_rows(const CatalogFacts& facts, SystemRowWriter& out);
void add_sequence_list(const CatalogFacts& facts, SystemRowWriter& out);
void add_schema_sequences(const CatalogFacts& facts, SystemRowWriter& out);
void add_dependencies(const CatalogFacts& facts, SystemRowWriter& out);

// postgres_type_rows.cc
void add_types(const CatalogFacts& facts, SystemRowWriter& out);
void add_ranges(const CatalogFacts& facts, SystemRowWriter& out);
void add_enumerations(const CatalogFacts& facts, SystemRowWriter& out);

}  // namespace engine
