// A view: a SELECT that is kept under a name, and whose rows stand for that name in FROM (docs/adr/0124).
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/sql/ast_query.h"
#include "engine/types/schema.h"

namespace engine {

// The part that the metadata log keeps.
struct ViewDefinition {
  std::string name;  // folded, with its schema and a dot before it, as the name of a table is
  std::string sql;   // the SELECT as written
  // PostgreSQL's parser read the SELECT. The dialect and PostgreSQL give some functions of one name two meanings, so the
  // parser that read it first reads it again after a restart.
  bool is_postgres = false;
  std::vector<std::string> column_names = {};  // written behind the name; empty: those of the SELECT
  Schema columns = {};                         // of the result, when the view was created
  std::vector<std::string> reads = {};         // names of the streams, tables and views in its SELECT
  // Names in `sql` of relations that were renamed since -> their names now.
  std::map<std::string, std::string> renames = {};
  std::string owner_role = {};                 // the creator; empty: superusers
  std::map<std::string, std::string> comments = {};  // by column; that of the view under ""
  bool operator==(const ViewDefinition&) const = default;
};

struct View : ViewDefinition {
  std::shared_ptr<const Query> query = nullptr;  // `sql` parsed; null: `unreadable` has the reason
  std::string unreadable = {};
};
using ViewPtr = std::shared_ptr<const View>;

}  // namespace engine
