// Rows of pg_catalog: the objects of Millrace in the form that PostgreSQL's tools expect.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "engine/system_tables/catalog_functions.h"
#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"
#include "engine/types/postgres_type.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

std::string_view one(const char& letter) { return {&letter, 1}; }

void add_namespaces(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const auto& [oid, name] : system_schemas())
    out.row().set_number("OID", oid).set("NSPNAME", name).set_number("NSPOWNER", kOwner);
  for (const std::string& name : facts.context.catalog.schemas)
    out.row()
        .set_number("OID", user_schema_oid(name))
        .set("NSPNAME", display_name(name))
        .set_number("NSPOWNER", kOwner);
  if (const std::string& name = facts.temporary_schema; !name.empty())
    out.row()
        .set_number("OID", user_schema_oid(name))
        .set("NSPNAME", display_name(name))
        .set_number("NSPOWNER", kOwner);
}

void add_class(SystemRowWriter& out, int64_t oid, std::string_view name, int64_t schema, char kind,
               size_t columns) {
  out.row()
      .set_number("OID", oid)
      .set("RELNAME", name)
      .set_number("RELNAMESPACE", schema)
      .set_number("RELOWNER", kOwner)
      .set_number("RELFILENODE", oid)
      .set_number("RELTUPLES", -1)
      .set("RELPERSISTENCE", "p")
      .set("RELKIND", one(kind))
      .set_number("RELNATTS", static_cast<int64_t>(columns))
      .set("RELISPOPULATED", true)
      .set("RELREPLIDENT", "d");
}

// Returns a list such as "ann=ar/ann", as psql's \dp shows it; NULL if only the owner has rights.
Value rights_list(const AccessFacts& access, const std::string& topic, const std::string& owner) {
  const auto by_role = access.rights.find(topic);
  if (by_role == access.rights.end()) return {};
  std::vector<Value> entries;
  bool is_default = true;
  for (const auto& [role, held] : by_role->second) {
    const std::string letters =
        held.owns ? "arwdDxt"
                  : std::string(held.may_insert ? "a" : "") + (held.may_select ? "r" : "");
    if (letters.empty()) continue;
    is_default = is_default && held.owns;
    entries.push_back(Value::text(role + "=" + letters + "/" + owner));
  }
  return is_default ? Value() : Value::list(std::move(entries));
}

void add_classes(const CatalogFacts& facts, SystemRowWriter& out) {
  const AccessFacts access = facts.access();
  const auto numbers = access.numbers();
  for (const CatalogRelation& each : facts.objects.relations()) {
    const auto set_visible = [&] {
      if (each.is_temporary()) out.set("RELPERSISTENCE", "t");
      out.set("MR_VISIBLE", each.is_visible);
    };
    add_class(out, each.oid, each.name, each.schema, each.kind, each.columns.size());
    set_visible();
    if (each.source) {
      out.set_number("RELTYPE", each.row_type);
      const std::string owner = access.owner_of(each.source->topic);
      if (const auto number = numbers.find(owner); number != numbers.end())
        out.set_number("RELOWNER", number->second);
      out.set("RELACL",
              rights_list(access, each.source->topic, owner.empty() ? "millrace" : owner));
    }
    if (each.view)
      if (const auto number = numbers.find(each.view->owner_role); number != numbers.end())
        out.set_number("RELOWNER", number->second);
    if (each.kind != 'v' && !each.sequence) out.set_number("RELAM", kHeap);
    out.set("RELHASINDEX", each.key != 0).set("RELHASRULES", each.view != nullptr);
    if (each.key == 0) continue;
    add_class(out, each.key, each.key_name(), each.schema, 'i', each.key_places().size());
    set_visible();
    out.set_number("RELAM", kBtree);
  }
  for (const auto& [name, type] : facts.context.catalog.types) {
    if (type.label() != label::kComposite) continue;
    const ObjectPlace place = place_of(facts.context.catalog, name);
    add_class(out, user_relation_oid(name), place.name, place.schema, 'c', type.fields().size());
    out.set_number("RELTYPE", user_type_oid(name)).set("MR_VISIBLE", place.schema == kPublicSchema);
  }
}

void add_attribute(SystemRowWriter& out, int64_t relation, const CatalogColumn& column,
                   size_t place) {
  const PostgresType type = postgres_type(column.type);
  out.row()
      .set_number("ATTRELID", relation)
      .set("ATTNAME", column.name)
      .set_number("ATTTYPID", type.oid)
      .set_number("ATTSTATTARGET", -1)
      .set_number("ATTLEN", type.size)
      .set_number("ATTNUM", static_cast<int64_t>(place))
      .set_number("ATTNDIMS", element_of_oid(type.oid) != 0 ? 1 : 0)
      .set_number("ATTCACHEOFF", -1)
      .set_number("ATTTYPMOD", type.modifier)
      .set("ATTNOTNULL", column.is_not_null)
      .set("ATTHASDEF", !column.default_text.empty())
      .set("ATTSTORAGE", type.size > 0               ? "p"
                         : type.oid == oid::kNumeric ? "m"
                                                     : "x")
      .set("ATTALIGN", "i")
      .set("ATTIDENTITY", "")
      .set("ATTGENERATED", "")
      .set("ATTCOMPRESSION", "")
      .set("ATTISLOCAL", true);
}

void add_attributes(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    for (size_t i = 0; i < each.columns.size(); ++i)
      add_attribute(out, each.oid, each.columns[i], i + 1);
    if (each.key == 0) continue;
    size_t place = 0;
    for (const CatalogColumn& column : each.columns)
      if (column.is_key) add_attribute(out, each.key, column, ++place);
  }
  for (const auto& [name, type] : facts.context.catalog.types) {
    if (type.label() != label::kComposite) continue;
    size_t place = 0;
    for (const Field& field : type.fields())
      add_attribute(out, user_relation_oid(name), {display_name(field.name), field.type}, ++place);
  }
}

void add_defaults(const CatalogFacts& facts, SystemRowWriter& out) {
  CatalogObjects numbers = facts.objects;
  for (const CatalogRelation& each : facts.objects.relations())
    for (size_t i = 0; i < each.columns.size(); ++i) {
      if (each.columns[i].default_text.empty()) continue;
      const std::string name = fmt::format("{}.{}.{}", each.schema_name, each.name, i);
      out.row()
          .set_number("OID", numbers.number_of("default", name))
          .set_number("ADRELID", each.oid)
          .set_number("ADNUM", static_cast<int64_t>(i) + 1)
          .set("ADBIN", each.columns[i].default_text);
      if (const std::string& serial = each.columns[i].serial_name; !serial.empty())
        out.set("MR_SERIAL", serial);
    }
}

void add_indexes(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (each.key == 0) continue;
    const std::vector<int64_t> places = each.key_places();
    out.row()
        .set_number("INDEXRELID", each.key)
        .set_number("INDRELID", each.oid)
        .set_number("INDNATTS", static_cast<int64_t>(places.size()))
        .set_number("INDNKEYATTS", static_cast<int64_t>(places.size()))
        .set("INDISUNIQUE", true)
        .set("INDISPRIMARY", true)
        .set("INDIMMEDIATE", true)
        .set("INDISVALID", true)
        .set("INDISREADY", true)
        .set("INDISLIVE", true)
        .set_numbers("INDKEY", places)
        .set_numbers("INDOPTION", std::vector<int64_t>(places.size()));
  }
}

int64_t unenforced_number(CatalogObjects& numbers, const CatalogRelation& relation,
                          const UnenforcedConstraint& constraint) {
  return numbers.number_of(
      "constraint", fmt::format("{}.{}.{}", relation.schema_name, relation.name, constraint.name));
}

// Returns the positions of the columns in the relation, counted from 1 as in pg_attribute.attnum.
std::vector<int64_t> places_of(const std::vector<std::string>& columns,
                               const CatalogRelation& relation) {
  std::vector<int64_t> places;
  for (const std::string& column : columns)
    for (size_t i = 0; i < relation.columns.size(); ++i)
      if (relation.columns[i].name == display_name(column))
        places.push_back(static_cast<int64_t>(i) + 1);
  return places;
}

void add_constraints(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.key != 0)
      out.row()
          .set_number("OID", each.key)
          .set("CONNAME", each.key_name())
          .set_number("CONNAMESPACE", each.schema)
          .set("CONTYPE", "p")
          .set("CONVALIDATED", true)
          .set_number("CONRELID", each.oid)
          .set_number("CONINDID", each.key)
          .set("CONFUPDTYPE", " ")
          .set("CONFDELTYPE", " ")
          .set("CONFMATCHTYPE", " ")
          .set("CONISLOCAL", true)
          .set("CONNOINHERIT", true)
          .set_numbers("CONKEY", each.key_places());
  CatalogObjects numbers = facts.objects;
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (!each.source) continue;
    for (const UnenforcedConstraint& constraint : each.source->unenforced) {
      const bool is_foreign = constraint.type == "f";
      out.row()
          .set_number("OID", unenforced_number(numbers, each, constraint))
          .set("CONNAME", constraint.name)
          .set_number("CONNAMESPACE", each.schema)
          .set("CONTYPE", constraint.type)
          .set("CONVALIDATED", false)
          .set_number("CONRELID", each.oid)
          .set("CONFUPDTYPE", is_foreign ? "a" : " ")
          .set("CONFDELTYPE", is_foreign ? "a" : " ")
          .set("CONFMATCHTYPE", is_foreign ? "s" : " ")
          .set("CONISLOCAL", true)
          .set("CONNOINHERIT", true)
          .set_numbers("CONKEY", places_of(constraint.columns, each));
      const CatalogRelation* referenced =
          is_foreign ? find_named(facts, constraint.referenced_table) : nullptr;
      if (!referenced) continue;
      out.set_number("CONFRELID", referenced->oid)
          .set_numbers("CONFKEY", constraint.referenced_columns.empty()
                                      ? referenced->key_places()
                                      : places_of(constraint.referenced_columns, *referenced));
    }
  }
}

void add_comments(const CatalogFacts& facts, SystemRowWriter& out) {
  constexpr int64_t kPgClass = 1259;
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (!each.source && !each.view) continue;
    for (const auto& [column, text] : each.view ? each.view->comments : each.source->comments) {
      const auto named =
          std::ranges::find(each.columns, display_name(column), &CatalogColumn::name);
      if (!column.empty() && named == each.columns.end()) continue;
      const int64_t place = column.empty() ? 0 : named - each.columns.begin() + 1;
      out.row()
          .set_number("OBJOID", each.oid)
          .set_number("CLASSOID", kPgClass)
          .set_number("OBJSUBID", place)
          .set("DESCRIPTION", text);
    }
  }
}

std::string index_definition(const CatalogRelation& relation) {
  return fmt::format("CREATE UNIQUE INDEX {} ON {}.{} USING btree {}",
                     quoted_postgres_name(relation.key_name()),
                     quoted_postgres_name(relation.schema_name),
                     quoted_postgres_name(relation.name), relation.key_columns());
}

// Returns the end of a quoted text or a comment that begins at `at`; `at` if neither begins there.
size_t behind_quoted(std::string_view sql, size_t at) {
  const auto behind = [&](std::string_view end, size_t from) {
    const size_t found = sql.find(end, from);
    return found == std::string_view::npos ? sql.size() : found + end.size();
  };
  const std::string_view rest = sql.substr(at);
  if (rest.starts_with("--")) return behind("\n", at);
  if (rest.starts_with("/*")) return behind("*/", at);
  const bool is_quote = rest.front() == '\'' || rest.front() == '"' || rest.front() == '`';
  return is_quote ? behind(rest.substr(0, 1), at + 1) : at;
}

// Adds the results of pg_get_viewdef(), pg_get_constraintdef() and pg_get_indexdef(). A primary key is an index and a
// constraint with the same number.
void add_definitions(const CatalogFacts& facts, SystemRowWriter& out) {
  CatalogObjects numbers = facts.objects;
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.source)
      for (const UnenforcedConstraint& constraint : each.source->unenforced)
        out.row()
            .set_number("OID", unenforced_number(numbers, each, constraint))
            .set("DEFINITION", constraint.definition + " NOT VALID");
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (each.kind == 'm')
      out.row().set_number("OID", each.oid).set("DEFINITION", query_of(each.source->sql));
    if (each.view) out.row().set_number("OID", each.oid).set("DEFINITION", each.view->sql + ";");
    if (each.key != 0)
      out.row()
          .set_number("OID", each.key)
          .set("DEFINITION", fmt::format("PRIMARY KEY {}", each.key_columns()))
          .set("INDEXDEF", index_definition(each));
  }
}

void add_functions(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogFunctionRow& each : catalog_functions(facts.objects))
    out.row()
        .set_number("OID", each.oid)
        .set("PRONAME", each.name)
        .set_number("PRONAMESPACE", kPgCatalogSchema)
        .set_number("PROOWNER", kOwner)
        .set_number("PROLANG", 12)
        .set_number("PROCOST", 1)
        .set("PROKIND", one(each.kind))
        .set("PRORETSET", each.gives_rows)
        .set("PROVOLATILE", "i")
        .set("PROPARALLEL", "s")
        .set_number("PRONARGS", static_cast<int64_t>(each.argument_types.size()))
        .set_number("PRORETTYPE", each.result)
        .set_numbers("PROARGTYPES", each.argument_types)
        .set("PROSRC", each.name)
        .set("MR_ARGUMENTS", each.arguments)
        .set("MR_RESULT", each.result_name);
}

void add_databases(const CatalogFacts& facts, SystemRowWriter& out) {
  out.row()
      .set_number("OID", 5)
      .set("DATNAME", facts.database)
      .set_number("DATDBA", kOwner)
      .set_number("ENCODING", 6)
      .set("DATLOCPROVIDER", "c")
      .set("DATALLOWCONN", true)
      .set_number("DATCONNLIMIT", -1)
      .set_number("DATTABLESPACE", 1663)
      .set("DATCOLLATE", "C.UTF-8")
      .set("DATCTYPE", "C.UTF-8");
}

void add_role(SystemRowWriter& out, const RoleFact& role, int64_t number) {
  out.row().set("ROLNAME", role.name).set("USENAME", role.name).set_number("OID", number);
  out.set_number("USESYSID", number).set("USESUPER", role.is_superuser);
  out.set("USECREATEDB", role.is_superuser).set("ROLSUPER", role.is_superuser);
  for (const std::string_view flag :
       {"ROLCREATEROLE", "ROLCREATEDB", "ROLREPLICATION", "ROLBYPASSRLS"})
    out.set(flag, role.is_superuser);
  out.set("ROLINHERIT", true).set("ROLCANLOGIN", role.may_login).set_number("ROLCONNLIMIT", -1);
  if (role.has_password) out.set("ROLPASSWORD", "********").set("PASSWD", "********");
}

// Returns the roles. The first user owns objects without an owner, so this role is added if it does not exist.
std::vector<RoleFact> all_roles(const AccessFacts& access) {
  std::vector<RoleFact> roles = access.roles;
  if (std::ranges::find(roles, "millrace", &RoleFact::name) == roles.end())
    roles.insert(roles.begin(), {.name = "millrace", .may_login = true, .is_superuser = true});
  return roles;
}

void add_roles(const CatalogFacts& facts, SystemRowWriter& out) {
  const AccessFacts access = facts.access();
  const auto numbers = access.numbers();
  for (const RoleFact& role : all_roles(access)) add_role(out, role, numbers.at(role.name));
}

void add_users(const CatalogFacts& facts, SystemRowWriter& out) {
  const AccessFacts access = facts.access();
  const auto numbers = access.numbers();
  for (const RoleFact& role : all_roles(access))
    if (role.may_login) add_role(out, role, numbers.at(role.name));
}

// Adds roles without a login, with their members.
void add_groups(const CatalogFacts& facts, SystemRowWriter& out) {
  const AccessFacts access = facts.access();
  const auto numbers = access.numbers();
  for (const RoleFact& role : access.roles) {
    if (role.may_login) continue;
    std::vector<int64_t> members;
    for (const RoleFact& member : access.roles)
      if (member.member_of.contains(role.name)) members.push_back(numbers.at(member.name));
    out.row()
        .set("GRONAME", role.name)
        .set_number("GROSYSID", numbers.at(role.name))
        .set_numbers("GROLIST", members);
  }
}

void add_members(const CatalogFacts& facts, SystemRowWriter& out) {
  const AccessFacts access = facts.access();
  const auto numbers = access.numbers();
  for (const RoleFact& role : access.roles)
    for (const std::string& group : role.member_of)
      if (const auto found = numbers.find(group); found != numbers.end())
        out.row()
            .set_number("ROLEID", found->second)
            .set_number("MEMBER", numbers.at(role.name))
            .set_number("GRANTOR", kOwner);
}

// Fills the table that has_table_privilege() and similar functions read. The table has a row for each right on each
// table. The rights of the session's user also have rows with an empty role name. Rights that every user has have rows
// with the names "" and "*": rights on tables of the system and, without access rules, all rights.
void add_rights(const CatalogFacts& facts, SystemRowWriter& out) {
  const AccessFacts access = facts.access();
  const auto numbers = access.numbers();
  const auto add = [&](const CatalogRelation& table, std::string_view role, int64_t number,
                       const RightsFact& rights) {
    for (const std::string_view right :
         {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}) {
      const bool has = right == "SELECT"   ? rights.may_select
                       : right == "INSERT" ? rights.may_insert
                                           : rights.owns;
      if (!has) continue;
      out.row().set("MR_ROLE", role).set_number("MR_ROLE_OID", number);
      out.set("MR_TABLE", table.name).set_number("MR_OID", table.oid).set("MR_RIGHT", right);
    }
  };
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (!each.source) {  // every user may read a table of the system
      for (const std::string_view role : {"", "*"}) add(each, role, 0, {.may_select = true});
      continue;
    }
    if (!access.asker)
      for (const std::string_view role : {"", "*"}) add(each, role, 0, {true, true, true});
    for (const RoleFact& role : access.roles) {
      const RightsFact rights = access.rights_of(role, each.source->topic);
      add(each, role.name, numbers.at(role.name), rights);
      if (role.name == access.asker) add(each, "", 0, rights);
    }
  }
}

void add_access_methods(const CatalogFacts&, SystemRowWriter& out) {
  out.row().set_number("OID", kHeap).set("AMNAME", "heap").set("AMTYPE", "t");
  out.row().set_number("OID", kBtree).set("AMNAME", "btree").set("AMTYPE", "i");
}

void add_tablespaces(const CatalogFacts&, SystemRowWriter& out) {
  out.row().set_number("OID", 1663).set("SPCNAME", "pg_default").set_number("SPCOWNER", kOwner);
}

void add_languages(const CatalogFacts&, SystemRowWriter& out) {
  out.row().set_number("OID", 12).set("LANNAME", "internal").set_number("LANOWNER", kOwner);
}

void add_collations(const CatalogFacts&, SystemRowWriter& out) {
  out.row()
      .set_number("OID", 950)
      .set("COLLNAME", "C")
      .set_number("COLLNAMESPACE", kPgCatalogSchema)
      .set_number("COLLOWNER", kOwner)
      .set("COLLPROVIDER", "c")
      .set("COLLISDETERMINISTIC", true)
      .set_number("COLLENCODING", -1)
      .set("COLLCOLLATE", "C")
      .set("COLLCTYPE", "C");
}

void add_tables(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.kind == 'r')
      out.row()
          .set("SCHEMANAME", each.schema_name)
          .set("TABLENAME", each.name)
          .set("TABLEOWNER", "millrace")
          .set("HASINDEXES", each.key != 0);
}

void add_views(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.view)
      out.row()
          .set("SCHEMANAME", each.schema_name)
          .set("VIEWNAME", each.name)
          .set("VIEWOWNER", each.view->owner_role.empty() ? "millrace" : each.view->owner_role)
          .set("DEFINITION", each.view->sql + ";");
}

void add_materialized_views(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.kind == 'm')
      out.row()
          .set("SCHEMANAME", each.schema_name)
          .set("MATVIEWNAME", each.name)
          .set("MATVIEWOWNER", "millrace")
          .set("HASINDEXES", each.key != 0)
          .set("ISPOPULATED", true)
          .set("DEFINITION", query_of(each.source->sql));
}

void add_index_list(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.key != 0)
      out.row()
          .set("SCHEMANAME", each.schema_name)
          .set("TABLENAME", each.name)
          .set("INDEXNAME", each.key_name())
          .set("INDEXDEF", index_definition(each));
}

void add_keywords(const CatalogFacts&, SystemRowWriter& out) {
  for (const PostgresKeywords& each : postgres_keywords())
    for (size_t begin = 0; begin < each.words.size();) {
      const size_t end = std::min(each.words.find(' ', begin), each.words.size());
      out.row()
          .set("WORD", each.words.substr(begin, end - begin))
          .set("CATCODE", each.category)
          .set("BARELABEL", each.is_bare_label)
          .set("CATDESC", each.description)
          .set("BAREDESC", each.is_bare_label ? "can be bare label" : "requires AS");
      begin = end + 1;
    }
}

}  // namespace

// Returns only the query of a CREATE ... AS, because only the query is the definition of a view.
std::string_view query_of(std::string_view sql) {
  const auto is_name = [](char c) { return is_ascii_letter(c) || is_ascii_digit(c) || c == '_'; };
  int depth = 0;
  for (size_t at = 0; at < sql.size();) {
    if (const size_t next = behind_quoted(sql, at); next != at) {
      at = next;
    } else if (is_name(sql[at])) {
      size_t end = at;
      while (end < sql.size() && is_name(sql[end])) ++end;
      const bool is_as = depth == 0 && equals_ignoring_case(sql.substr(at, end - at), "as");
      const size_t query = is_as ? sql.find_first_not_of(" \t\r\n", end) : sql.npos;
      if (query != sql.npos) return sql.substr(query);
      at = end;
    } else {
      depth += (sql[at] == '(') - (sql[at] == ')');
      ++at;
    }
  }
  return sql;
}

std::vector<std::pair<int64_t, std::string_view>> system_schemas() {
  return {{kPgCatalogSchema, "pg_catalog"},
          {kPublicSchema, "public"},
          {kInformationSchema, "information_schema"},
          {kMillraceSchema, "millrace_catalog"}};
}

AccessFacts access_of(const std::function<AccessFacts()>& access, const std::string& user) {
  AccessFacts facts = access ? access() : AccessFacts();
  const auto is_user = [&](const RoleFact& role) { return role.name == user; };
  if (!facts.asker && !user.empty() && std::ranges::none_of(facts.roles, is_user))
    facts.roles.push_back({.name = user, .may_login = true, .is_superuser = true, .roles = {user}});
  return facts;
}

const std::span<const CatalogTableRows> kPostgresRows = [] {
  static constexpr CatalogTableRows kRows[] = {
      {"PG_AM", add_access_methods},
      {"PG_ATTRDEF", add_defaults},
      {"PG_ATTRIBUTE", add_attributes},
      {"PG_CLASS", add_classes},
      {"PG_COLLATION", add_collations},
      {"PG_CONSTRAINT", add_constraints},
      {"PG_DATABASE", add_databases},
      {"PG_DEPEND", add_dependencies},
      {"PG_DESCRIPTION", add_comments},
      {"PG_GET_KEYWORDS", add_keywords},
      {"PG_INDEX", add_indexes},
      {"PG_INDEXES", add_index_list},
      {"PG_LANGUAGE", add_languages},
      {"PG_MATVIEWS", add_materialized_views},
      {"PG_VIEWS", add_views},
      {"PG_NAMESPACE", add_namespaces},
      {"PG_PROC", add_functions},
      {"MILLRACE_RIGHTS", add_rights},
      {"PG_AUTH_MEMBERS", add_members},
      {"PG_AUTHID", add_roles},
      {"PG_GROUP", add_groups},
      {"PG_ROLES", add_roles},
      {"PG_SEQUENCE", add_sequence_rows},
      {"PG_SEQUENCES", add_sequence_list},
      {"PG_TABLES", add_tables},
      {"PG_TABLESPACE", add_tablespaces},
      {"PG_TYPE", add_types},
      {"PG_RANGE", add_ranges},
      {"PG_REWRITE", add_rules},
      {"PG_ENUM", add_enumerations},
      {"PG_SHADOW", add_users},
      {"PG_USER", add_users},
      {"MILLRACE_DEFINITIONS", add_definitions},
  };
  return std::span<const CatalogTableRows>(kRows);
}();

}  // namespace engine
