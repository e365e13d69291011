// The temporary tables of one session (CREATE TEMP TABLE). The catalog has them like other tables,
// but under names that another session cannot write in a statement.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sql/ast.h"

namespace server {

// Copies the definition of a table in PostgreSQL's syntax without its properties. These are storage
// parameters, which Millrace does not keep.
engine::CreateSource copy_without_properties(const engine::CreateSource& create);

// Threads: the session's loop. Owner: the session.
class TemporaryTables {
 public:
  using Statement = std::shared_ptr<const engine::ParsedStatement>;
  // `node` is the id of this node in a cluster. After a restart, the node finds the tables of its
  // former sessions by this id in their names.
  explicit TemporaryTables(std::optional<int32_t> node = {});
  static std::optional<int32_t> node_of(std::string_view name_in_catalog);

  // Maps names as the session writes them, with and without PG_TEMP, to names in the catalog.
  const std::map<std::string, std::string>& names() const { return names_; }
  bool owns(const std::string& name_in_catalog) const;
  // Returns the schema, which is the first part of the names in the catalog. It is empty if the session has no temporary
  // tables.
  std::string schema() const;
  // Returns the definition with the names from the catalog. Returns the statement itself if it
  // names no temporary table.
  Statement translate(const Statement& statement) const;
  // Called when a definition was executed: stores the name of a created table, or removes the name
  // of a dropped table.
  void note(const engine::Statement& statement);
  // Returns a statement that drops all tables of the session; null if it has none.
  Statement drop_all() const;

 private:
  engine::Name name_of(const engine::Name& written) const;
  void forget(std::string_view written);

  std::string prefix_;
  std::map<std::string, std::string> names_;
};

}  // namespace server
