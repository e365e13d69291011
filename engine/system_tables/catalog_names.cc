#include "engine/system_tables/catalog_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

#include "engine/system_tables/catalog_functions.h"
#include "engine/system_tables/catalog_rows.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"
#include "engine/types/postgres_type.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

std::optional<int64_t> number_in(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || read != end || number < 0) return std::nullopt;
  return number;
}

bool is_blank_in_name(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank_in_name(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank_in_name(text.back())) text.remove_suffix(1);
  return text;
}

// Returns the parts of a name in SQL's syntax: Shop."Orders" has the parts shop and Orders. Returns no parts if the
// text is not a name.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  text = trimmed(text);
  for (size_t at = 0; at < text.size(); ++at) {
    std::string part;
    while (is_blank_in_name(text[at])) ++at;  // the text does not end with a blank
    if (text[at] == '"') {
      for (++at; at < text.size(); ++at) {
        if (text[at] != '"') {
          part += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          part += text[++at];
        } else {
          break;
        }
      }
      if (at == text.size()) return {};  // the quoted part has no end
      ++at;
      while (at < text.size() && is_blank_in_name(text[at])) ++at;
    } else {
      for (; at < text.size() && text[at] != '.'; ++at) part += ascii_lower(text[at]);
      part = std::string(trimmed(part));
    }
    if (part.empty() || (at < text.size() && text[at] != '.')) return {};
    parts.push_back(std::move(part));
    if (at + 1 == text.size()) return {};  // a dot is at the end
  }
  return parts;
}

// Returns the key under which a name is listed. The schema is empty for a name that needs none.
std::string key_of(std::string_view schema, std::string_view name) {
  return fmt::format("{}\1{}", schema, name);
}

Error unknown_name(PostgresLabel type, std::string_view text) {
  if (type == label::kRegclass)
    return {ErrorCode::UndefinedSource, fmt::format("relation \"{}\" does not exist", text)};
  if (type == label::kRegtype)
    return {ErrorCode::UndefinedObject, fmt::format("type \"{}\" does not exist", text)};
  if (type == label::kRegnamespace)
    return {ErrorCode::UndefinedSchema, fmt::format("schema \"{}\" does not exist", text)};
  if (type == label::kRegrole)
    return {ErrorCode::UndefinedObject, fmt::format("role \"{}\" does not exist", text)};
  if (type == label::kRegproc || type == label::kRegprocedure)
    return {ErrorCode::UndefinedFunction, fmt::format("function \"{}\" does not exist", text)};
  if (type == label::kRegcollation)
    return {ErrorCode::UndefinedObject, fmt::format("collation \"{}\" does not exist", text)};
  if (type == label::kRegoper || type == label::kRegoperator)
    return {ErrorCode::UndefinedFunction, fmt::format("operator does not exist: {}", text)};
  return {ErrorCode::UndefinedObject,
          fmt::format("text search configuration \"{}\" does not exist", text)};
}

// Words of SQL for types that have other names in pg_type.
constexpr std::pair<std::string_view, std::string_view> kTypeWords[] = {
    {"int", "int4"},
    {"decimal", "numeric"},
    {"dec", "numeric"},
    {"float", "float8"},
    {"char", "bpchar"},
    {"string", "text"},
    {"double", "float8"},
    {"boolean", "bool"},
    {"national character", "bpchar"},
    {"char varying", "varchar"},
};

// The written name of a type without the brackets of an array, for example integer, character varying(3),
// pg_catalog.int4, "char"; text for text[].
struct WrittenType {
  std::string_view name;
  bool is_array = false;
};
WrittenType written_type(std::string_view text) {
  WrittenType written{trimmed(text)};
  while (written.name.ends_with("]")) {
    const size_t open = written.name.rfind('[');
    if (open == std::string_view::npos) break;
    written.is_array = true;
    written.name = trimmed(written.name.substr(0, open));
  }
  return written;
}
// Removes the length from the name of a type: time(3) with time zone becomes time with time zone.
std::string without_length(std::string_view name) {
  const size_t open = name.find('('), close = name.find(')');
  if (name.starts_with('"') || open == name.npos || close == name.npos || close < open)
    return std::string(name);
  return std::string(trimmed(name.substr(0, open))) + std::string(name.substr(close + 1));
}

}  // namespace

struct CatalogNameIndex::Listed {
  std::unordered_map<std::string, int64_t> numbers;
  std::unordered_map<int64_t, std::string> names;
  std::unordered_map<int64_t, int64_t> arrays;  // array types by element type
  std::set<std::string> ambiguous;              // names shared by several functions

  void add(std::string_view schema, std::string_view name, int64_t number, std::string shown) {
    numbers.emplace(key_of(schema, name), number);
    names.emplace(number, std::move(shown));
  }
  // Adds a name that needs no schema. Names of pg_catalog are added first, and are not replaced.
  void add_visible(std::string_view name, int64_t number) {
    numbers.emplace(key_of("", name), number);
  }
  std::optional<int64_t> find(std::string_view schema, std::string_view name) const {
    const auto found = numbers.find(key_of(schema, name));
    return found == numbers.end() ? std::nullopt : std::optional(found->second);
  }
};

struct CatalogNameIndex::Roles {
  AccessFacts facts;
  std::map<std::string, int64_t> numbers;
};

CatalogNameIndex::CatalogNameIndex(const Catalog& catalog, std::function<AccessFacts()> access,
                                   std::string user, std::string temporary_schema)
    : catalog_(catalog),
      access_(std::move(access)),
      user_(std::move(user)),
      temporary_schema_(std::move(temporary_schema)) {}
CatalogNameIndex::~CatalogNameIndex() = default;

const CatalogNameIndex::Roles& CatalogNameIndex::roles() {
  if (roles_) return *roles_;
  auto roles = std::make_unique<Roles>();
  roles->facts = access_of(access_, user_);
  constexpr std::string_view kFirstUser = "millrace";
  if (std::ranges::find(roles->facts.roles, kFirstUser, &RoleFact::name) ==
      roles->facts.roles.end())
    roles->facts.roles.push_back(
        {.name = std::string(kFirstUser), .may_login = true, .is_superuser = true});
  roles->numbers = roles->facts.numbers();
  roles_ = std::move(roles);
  return *roles_;
}

namespace {

// Lists the relations in the order of the search path: temporary tables precede those of pg_catalog and public.
template <class Listed>
void list_relations(const Catalog& catalog, std::string_view temporary_schema, Listed& list) {
  const CatalogObjects objects(catalog, temporary_schema);
  const auto add = [&](const CatalogRelation& each, std::string_view name, int64_t number) {
    std::string shown = quoted_postgres_name(name);
    if (!each.is_visible) shown = quoted_postgres_name(each.schema_name) + "." + shown;
    list.add(each.schema_name, name, number, shown);
    if (each.is_temporary()) list.add("pg_temp", name, number, std::move(shown));
  };
  for (const CatalogRelation& each : objects.relations()) {
    if (!each.is_temporary()) continue;
    list.add_visible(each.name, each.oid);
    if (each.key != 0) list.add_visible(each.key_name(), each.key);
  }
  for (const int64_t schema : {kPgCatalogSchema, kPublicSchema})
    for (const CatalogRelation& each : objects.relations()) {
      if (each.schema != schema) continue;
      list.add_visible(each.name, each.oid);
      if (each.key != 0) list.add_visible(each.key_name(), each.key);
    }
  for (const CatalogRelation& each : objects.relations()) {
    add(each, each.name, each.oid);
    if (each.key != 0) add(each, each.key_name(), each.key);
  }
}

template <class Listed>
void list_types(const Catalog& catalog, Listed& list) {
  for (const CatalogTypeName& each : catalog_type_names(catalog)) {
    list.add(each.schema, each.name, each.oid, each.shown);
    if (each.array != 0) list.arrays.emplace(each.oid, each.array);
  }
  for (const CatalogTypeName& each : catalog_type_names(catalog))
    if (each.is_visible) {
      list.add_visible(each.name, each.oid);
      list.add_visible(each.shown, each.oid);
    }
}

template <class Listed>
// `name_of` returns the name of a type by its number. As in PostgreSQL, a function with arguments is shown with their
// types and without their names.
void list_functions(const Catalog& catalog, bool with_arguments,
                    const std::function<std::string(int64_t)>& name_of, Listed& list) {
  for (const CatalogFunctionRow& each : catalog_functions(CatalogObjects(catalog))) {
    if (!with_arguments) {
      if (list.find("", each.name)) list.ambiguous.insert(each.name);
      list.add("pg_catalog", each.name, each.oid, quoted_postgres_name(each.name));
      list.add_visible(each.name, each.oid);
      continue;
    }
    std::string types, shown;
    for (const int64_t type : each.argument_types) {
      types += fmt::format("{},", type);
      shown += fmt::format("{}{}", shown.empty() ? "" : ",", name_of(type));
    }
    const std::string name = fmt::format("{}({})", each.name, types);
    list.add("pg_catalog", name, each.oid,
             fmt::format("{}({})", quoted_postgres_name(each.name), shown));
    list.add_visible(name, each.oid);
  }
}

}  // namespace

// Removes the names by number of relations on which the user has no right; otherwise a client could list all names by
// converting numbers. The numbers by name stay: as in PostgreSQL, a user may ask for the rights on a relation by its name.
void CatalogNameIndex::hide_names(Listed& list) {
  const AccessFacts& access = roles().facts;
  if (!access.asker) return;
  const auto role = std::ranges::find(access.roles, *access.asker, &RoleFact::name);
  if (role != access.roles.end() && role->is_superuser) return;
  const RoleFact reader = role != access.roles.end() ? *role : RoleFact{.name = *access.asker};
  CatalogObjects shown(catalog_, temporary_schema_);
  const CatalogObjects all = shown;
  shown.hide_from(access.asker, catalog_, [&](const std::string& topic) {
    const RightsFact rights = access.rights_of(reader, topic);
    return rights.may_select || rights.may_insert || rights.owns;
  });
  std::set<int64_t> seen;
  for (const CatalogRelation& each : shown.relations()) seen.insert(each.oid);
  for (const CatalogRelation& each : all.relations())
    if (!seen.contains(each.oid))
      for (const int64_t number : {each.oid, each.key, each.row_type, each.row_array})
        list.names.erase(number);
}

const CatalogNameIndex::Listed& CatalogNameIndex::listed(PostgresLabel type) {
  std::unique_ptr<const Listed>& list = listed_[type];
  if (list) return *list;
  auto made = std::make_unique<Listed>();
  if (type == label::kRegclass) {
    list_relations(catalog_, temporary_schema_, *made);
    hide_names(*made);
  } else if (type == label::kRegtype) {
    list_types(catalog_, *made);
    hide_names(*made);
  } else if (type == label::kRegproc || type == label::kRegprocedure) {
    list_functions(
        catalog_, type == label::kRegprocedure,
        [this](int64_t number) { return name_of(label::kRegtype, number); }, *made);
  } else if (type == label::kRegrole) {
    for (const auto& [name, number] : roles().numbers) {
      made->add("", name, number, quoted_postgres_name(name));
    }
  } else if (type == label::kRegnamespace) {
    for (const auto& [number, name] : system_schemas())
      made->add("", name, number, std::string(name));
    for (const std::string& name : catalog_.schemas)
      made->add("", display_name(name), user_schema_oid(name),
                quoted_postgres_name(display_name(name)));
    if (!temporary_schema_.empty())
      made->add("", display_name(temporary_schema_), user_schema_oid(temporary_schema_),
                quoted_postgres_name(display_name(temporary_schema_)));
  }
  list = std::move(made);
  return *list;
}

Result<int64_t> CatalogNameIndex::number_of(PostgresLabel type, std::string_view text) {
  const std::string_view name = trimmed(text);
  if (const auto number = number_in(name)) return *number;
  if (name == "-") return 0;
  const Listed& list = listed(type);
  std::string_view rest = name;
  std::string arguments;
  bool is_array = false;
  std::vector<std::string> parts;
  if (type == label::kRegtype) {
    const WrittenType written = written_type(name);
    is_array = written.is_array;
    const std::string plain = without_length(written.name);
    parts = parts_of(plain);
    if (parts.size() == 1) {
      const auto word = std::ranges::find_if(
          kTypeWords, [&](const auto& each) { return each.first == parts[0]; });
      if (word != std::end(kTypeWords) && !plain.starts_with('"')) parts[0] = word->second;
    }
  } else if (type == label::kRegprocedure) {
    const size_t open = rest.find('(');
    if (open == std::string_view::npos || !rest.ends_with(")"))
      return Error{ErrorCode::InvalidText,
                   fmt::format("expected a left parenthesis: \"{}\"", text)};
    std::string_view list_of_types = rest.substr(open + 1, rest.size() - open - 2);
    while (!trimmed(list_of_types).empty()) {
      const size_t comma = std::min(list_of_types.find(','), list_of_types.size());
      arguments +=
          fmt::format("{},", TRY(number_of(label::kRegtype, list_of_types.substr(0, comma))));
      list_of_types.remove_prefix(std::min(list_of_types.size(), comma + 1));
    }
    rest = rest.substr(0, open);
    parts = parts_of(rest);
  } else {
    parts = parts_of(name);
  }
  // The name of the database may precede the name of the schema, and is ignored.
  if (parts.size() == 3) parts.erase(parts.begin());
  if (parts.empty() || parts.size() > 2)
    return Error{ErrorCode::InvalidParameter, fmt::format("invalid name syntax: \"{}\"", text)};
  if (type == label::kRegprocedure) parts.back() += fmt::format("({})", arguments);
  if (type == label::kRegproc && list.ambiguous.contains(parts.back()))
    return Error{ErrorCode::UndefinedFunction,
                 fmt::format("more than one function named \"{}\"", parts.back())};
  const auto number =
      list.find(parts.size() == 2 ? std::string_view(parts[0]) : std::string_view(), parts.back());
  if (!number) return unknown_name(type, name);
  if (!is_array) return *number;
  const auto array = list.arrays.find(*number);
  if (array == list.arrays.end()) return unknown_name(type, name);
  return array->second;
}

std::string CatalogNameIndex::name_of(PostgresLabel type, int64_t number) {
  if (number == 0) return "-";
  const Listed& list = listed(type);
  const auto found = list.names.find(number);
  return found == list.names.end() ? fmt::format("{}", number) : found->second;
}

// ---- privileges

namespace {

struct Privileges {
  std::string_view kind;
  std::string_view words;  // each word has a blank before and after it
};
constexpr Privileges kPrivileges[] = {
    {"table", " SELECT INSERT UPDATE DELETE TRUNCATE REFERENCES TRIGGER RULE "},
    {"any_column", " SELECT INSERT UPDATE REFERENCES "},
    {"column", " SELECT INSERT UPDATE REFERENCES "},
    {"sequence", " USAGE SELECT UPDATE "},
    {"schema", " CREATE USAGE "},
    {"database", " CREATE CONNECT TEMPORARY TEMP "},
    {"function", " EXECUTE "},
    {"language", " USAGE "},
    {"type", " USAGE "},
    {"tablespace", " CREATE "},
    {"foreign_data_wrapper", " USAGE "},
    {"server", " USAGE "},
    {"parameter", " SET ALTER_SYSTEM "},
    {"role", " USAGE MEMBER "},
};

// Returns the privileges in a list such as "SELECT, insert WITH GRANT OPTION", in upper case and without the option.
// Fails for a privilege that the kind of object does not have.
Result<std::vector<std::string>> privileges_in(std::string_view kind, std::string_view list) {
  const auto row = std::ranges::find(kPrivileges, kind, &Privileges::kind);
  std::vector<std::string> words;
  for (;;) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view written = trimmed(list.substr(0, comma));
    std::string word = upper_case(written);
    for (const std::string_view option : {" WITH GRANT OPTION", " WITH ADMIN OPTION"})
      if (word.ends_with(option)) word.resize(word.size() - option.size());
    std::ranges::replace(word, ' ', '_');
    if (row == std::end(kPrivileges) || word.empty() ||
        row->words.find(" " + word + " ") == std::string_view::npos)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("unrecognized privilege type: \"{}\"", written)};
    words.push_back(std::move(word));
    if (comma == list.size()) return words;
    list.remove_prefix(comma + 1);
  }
}

bool has_right(const RightsFact& rights, std::string_view word) {
  if (word == "SELECT") return rights.may_select;
  if (word == "INSERT") return rights.may_insert;
  if (word == "UPDATE" || word == "DELETE") return rights.may_insert;
  return rights.owns;
}

}  // namespace

Result<const RoleFact*> CatalogNameIndex::find_role(std::optional<std::string_view> role) {
  const Roles& all = roles();
  const std::string name(role ? *role : all.facts.asker ? *all.facts.asker : user_);
  const auto number = role ? number_in(*role) : std::nullopt;
  for (const RoleFact& each : all.facts.roles)
    if (each.name == name || (number && all.numbers.at(each.name) == *number)) return &each;
  static const RoleFact kEverybody{.name = "public", .roles = {"public"}};
  if (role && *role == "public") return &kEverybody;
  static const RoleFact kNamelessUser{.name = "", .is_superuser = true};
  if (!role) return &kNamelessUser;  // if no access rules exist and the client gave no name
  return unknown_name(label::kRegrole, *role);
}

Result<std::optional<bool>> CatalogNameIndex::has_table_privilege(std::string_view kind,
                                                                  const RoleFact& role,
                                                                  std::string_view object,
                                                                  std::string_view column,
                                                                  std::string_view privileges) {
  const int64_t number = TRY(number_of(label::kRegclass, object));
  const std::vector<std::string> words = TRY(privileges_in(kind, privileges));
  const CatalogObjects objects(catalog_, temporary_schema_);
  const auto found = std::ranges::find_if(objects.relations(), [&](const CatalogRelation& each) {
    return each.oid == number || (each.key != 0 && each.key == number);
  });
  if (found == objects.relations().end()) return std::optional<bool>();
  if (kind == "sequence" && !found->sequence)
    return Error{ErrorCode::WrongObjectType, fmt::format("\"{}\" is not a sequence", found->name)};
  if (kind == "column" && !column.empty() && !number_in(column) &&
      std::ranges::find(found->columns, column, &CatalogColumn::name) == found->columns.end())
    return Error{
        ErrorCode::UndefinedColumn,
        fmt::format("column \"{}\" of relation \"{}\" does not exist", column, found->name)};
  // In Millrace sequences have no rights of their own, and every user may read the tables of the system.
  if (role.is_superuser || found->sequence) return std::optional(true);
  const RightsFact rights = found->source ? roles().facts.rights_of(role, found->source->topic)
                                          : RightsFact{.may_select = true};
  return std::optional(
      std::ranges::any_of(words, [&](const std::string& word) { return has_right(rights, word); }));
}

Result<std::optional<bool>> CatalogNameIndex::has_privilege(std::string_view kind,
                                                            std::optional<std::string_view> role,
                                                            std::string_view object,
                                                            std::string_view column,
                                                            std::string_view privileges) {
  const RoleFact& asker = *TRY(find_role(role));
  if (kind == "table" || kind == "any_column" || kind == "column" || kind == "sequence")
    return has_table_privilege(kind, asker, object, column, privileges);
  TRY(privileges_in(kind, privileges));
  if (kind == "role") {
    const RoleFact& group = *TRY(find_role(object));
    return std::optional(asker.is_superuser || asker.name == group.name ||
                         asker.roles.contains(group.name));
  }
  const auto is_known = [&](PostgresLabel type) -> Result<bool> {
    const int64_t number = TRY(number_of(type, object));
    return listed(type).names.contains(number);
  };
  bool exists = true;
  // Names of schemas are given without quotes.
  if (kind == "schema" && !number_in(object)) {
    if (!listed(label::kRegnamespace).find("", object))
      return unknown_name(label::kRegnamespace, object);
  } else if (kind == "schema") {
    exists = TRY(is_known(label::kRegnamespace));
  } else if (kind == "type") {
    exists = TRY(is_known(label::kRegtype));
  } else if (kind == "function") {
    const bool has_arguments = object.find('(') != std::string_view::npos;
    exists = TRY(is_known(has_arguments ? label::kRegprocedure : label::kRegproc));
  } else if (kind == "language" && object != "internal" && object != "12") {
    return Error{ErrorCode::UndefinedObject, fmt::format("language \"{}\" does not exist", object)};
  } else if (kind == "tablespace" && object != "pg_default" && object != "1663") {
    return Error{ErrorCode::UndefinedObject,
                 fmt::format("tablespace \"{}\" does not exist", object)};
  } else if (kind == "server" || kind == "foreign_data_wrapper") {
    return Error{ErrorCode::UndefinedObject,
                 fmt::format("{} \"{}\" does not exist",
                             kind == "server" ? "server" : "foreign-data wrapper", object)};
  }
  if (!exists) return std::optional<bool>();
  return std::optional(true);
}

}  // namespace engine
