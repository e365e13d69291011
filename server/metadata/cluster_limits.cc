#include "server/metadata/cluster_limits.h"

#include <string>

#include "server/metadata/plan_users.h"

namespace server {

namespace {

Error not_yet(std::string what, std::string hint = {}) {
  return {ErrorCode::NotSupported,
          std::move(what) + " not supported in a cluster yet",
          {},
          std::move(hint)};
}

Error no_generator() { return not_yet("generated rows are"); }

struct Check {
  template <class Other>
  Status operator()(const Other&) const {
    return {};
  }
  Status operator()(const engine::CreateAsSelect& create) const {
    if (create.or_replace)
      return not_yet("CREATE OR REPLACE ... AS SELECT is", "DROP it, and create it anew.");
    return {};
  }
  // Rows that another node writes meanwhile would go where nobody reads them.
  Status operator()(const engine::Truncate&) const {
    return not_yet("TRUNCATE is", "DROP the table, and create it anew.");
  }
  Status operator()(const engine::AddPrimaryKey&) const { return rewrites(); }
  Status operator()(const engine::AlterColumns&) const { return rewrites(); }

 private:
  static Status rewrites() { return not_yet("an ALTER TABLE that rewrites rows is"); }
};

}  // namespace

Status check_for_cluster(const engine::ParsedStatement& statement, bool is_in_transaction) {
  if (is_in_transaction && !is_user_statement(statement.statement))
    return not_yet("definitions within a transaction are", "Say it outside of a transaction.");
  return std::visit(Check{}, statement.statement);
}

Status check_for_cluster(const std::vector<DefinitionChange>& changes) {
  for (const DefinitionChange& change : changes) {
    if (const auto* put = std::get_if<PutQuery>(&change);
        put && put->query->query->kind != engine::QueryKind::SourceTable) {
      if (engine::generator_of(*put->query->plan)) return no_generator();
      if (put->query->rebuilt_sink || !put->query->journal)
        return not_yet("that a query takes the place of another one is");
    }
  }
  return {};
}

}  // namespace server
