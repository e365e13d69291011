// A view, which is a SELECT that the catalog stores under a name. In FROM, the name stands for the rows of the SELECT
// (docs/adr/0124).
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/sql/ast_query.h"
#include "engine/types/schema.h"

namespace engine {

// The part of a view that the metadata log keeps.
struct ViewDefinition {
  std::string name;  // in upper case unless quoted; with a schema other than public: `SCHEMA.NAME`
  std::string sql;   // the SELECT as the user wrote it
  // Set if PostgreSQL's parser has read the SELECT. Some functions have different meanings in the
  // dialect and in PostgreSQL. So after a restart the same parser must read the SELECT again.
  bool is_postgres = false;
  std::vector<std::string> column_names = {};  // names in CREATE VIEW v (...); empty: the SELECT's
  Schema columns = {};                         // columns of the result when the view was created
  std::vector<std::string> reads = {};         // names of streams, tables and views in its SELECT
  // Relations that were renamed after the view was created: their present names, by their names in
  // `sql`.
  std::map<std::string, std::string> renames = {};
  // the role that created the view; empty: superusers
  std::string owner_role = {};
  std::map<std::string, std::string> comments = {};  // by column; "": comment of the view
  bool operator==(const ViewDefinition&) const = default;
};

struct View : ViewDefinition {
  std::shared_ptr<const Query> query = nullptr;  // parsed `sql`; null: `unreadable` has the reason
  std::string unreadable = {};
};
using ViewPtr = std::shared_ptr<const View>;

}  // namespace engine
