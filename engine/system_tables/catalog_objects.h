// Streams, tables and functions in the form of PostgreSQL's catalog, with numbers (oids). Private to this folder.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/catalog.h"

namespace engine {

struct CatalogColumn {
  std::string name;  // as shown to users
  SqlType type;
  bool is_key = false;
  bool is_not_null = is_key;
  std::string default_text = {};  // result of pg_get_expr(); empty: NULL
  // The name under which the functions of sequences find a SERIAL column that has no sequence; empty for others.
  std::string serial_name = {};
};

// A stream, a table, a sequence, a view, or a table of the system.
struct CatalogRelation {
  int64_t oid = 0, schema = 0;
  std::string schema_name, name;       // as shown to users
  char kind = 'r';                     // as in pg_class.relkind
  const DataSource* source = nullptr;  // null for a table of the system
  const Sequence* sequence = nullptr;  // set if the kind is 'S'
  const View* view = nullptr;          // set if the kind is 'v', but not for tables of the system
  std::vector<CatalogColumn> columns;
  int64_t key = 0;  // number of the primary key, both index and constraint; 0: none
  // Numbers of the row type and of arrays of it; 0 for a table of the system.
  int64_t row_type = 0, row_array = 0;

  // Whether the name can be written without the schema. A temporary table hides a relation of public with its name.
  bool is_visible = false;

  bool is_temporary() const { return source && source->is_temporary; }
  std::string key_name() const { return name + "_pkey"; }
  std::vector<int64_t> key_places() const;  // positions of the key's columns, counted from 1
  std::string key_columns() const;          // for example "(city, day)"
};

inline constexpr int64_t kPgCatalogSchema = 11, kPublicSchema = 2200, kInformationSchema = 13000,
                         kMillraceSchema = 13001, kOwner = 10, kHeap = 2, kBtree = 403;

// The schema of a stream, table or type: one from CREATE SCHEMA, or public. Names are as displayed.
struct ObjectPlace {
  int64_t schema = kPublicSchema;
  std::string schema_name = "public", name;
};
ObjectPlace place_of(const Catalog& catalog, std::string_view name);
// Returns the place of a temporary table, whose schema belongs to its session.
ObjectPlace temporary_place_of(std::string_view name);
int64_t user_schema_oid(std::string_view name);

// Assigns numbers (oids) that are derived from names. So an object has the same number in the next
// statement and after a restart. If two objects would get the same number, the one that is listed
// later gets the next free number.
class CatalogObjects {
 public:
  // Lists the objects of the catalog. A temporary table is listed only if its name begins with `temporary_schema`, the
  // schema of one session (such as PG_TEMP_1A2B3C4D).
  explicit CatalogObjects(const Catalog& catalog, std::string_view temporary_schema = {});

  const std::vector<CatalogRelation>& relations() const { return relations_; }
  // Removes the relations that a reader may not see; the others keep their numbers. `may_see_topic` returns whether the
  // reader has a right on a topic. A view is kept if the reader owns it or may see everything that it reads, and the
  // sequence of a column if the reader may see the table.
  void hide_from(const std::optional<std::string>& reader, const Catalog& catalog,
                 const std::function<bool(const std::string& topic)>& may_see_topic);
  // Returns the number of an object that is not in relations(), for example a function or a constraint.
  int64_t number_of(std::string_view kind, std::string_view name);

 private:
  CatalogRelation& add_named(const ObjectPlace& place, std::string_view name);
  void add_source(const Catalog& catalog, const DataSource& source);
  void add_sequence(const Catalog& catalog, const Sequence& sequence);
  void add_view(const Catalog& catalog, const View& view);
  void set_visible();

  std::vector<CatalogRelation> relations_;
  std::map<int64_t, bool> taken_;
};

}  // namespace engine
