// The tables of one session (CREATE TEMP TABLE): in the catalog like others, under names that nobody else writes.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/sql/ast.h"

namespace server {

// For a table declared in PostgreSQL's words: its properties are storage parameters, of which nothing is kept.
engine::CreateSource copy_without_properties(const engine::CreateSource& create);

// Threads: the session's loop. Owner: the session.
class TemporaryTables {
 public:
  using Statement = std::shared_ptr<const engine::ParsedStatement>;
  // `node`: whose session it is, in a cluster. When it starts again it knows by their names which ones are left of it.
  explicit TemporaryTables(std::optional<int32_t> node = {});
  static std::optional<int32_t> node_of(std::string_view name_in_catalog);

  // Name as the session writes it, also with PG_TEMP before it -> name in the catalog.
  const std::map<std::string, std::string>& names() const { return names_; }
  bool owns(const std::string& name_in_catalog) const;
  // The definition under the catalog's names: itself where it is about no such table.
  Statement translate(const Statement& statement) const;
  // It was carried out.
  void note(const engine::Statement& statement);
  // What ends them; null when there are none.
  Statement drop_all() const;

 private:
  engine::Name name_of(const engine::Name& written) const;
  void forget(std::string_view written);

  std::string prefix_;
  std::map<std::string, std::string> names_;
};

}  // namespace server
