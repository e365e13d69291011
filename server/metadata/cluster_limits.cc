#include "server/metadata/cluster_limits.h"

#include <fmt/format.h>

#include <string>

#include "engine/catalog/statement_settings.h"
#include "server/metadata/link_limits.h"
#include "server/metadata/plan_users.h"
#include "storage/meta/shared_sessions_level.h"

namespace server {

Error not_in_cluster_yet(std::string what, std::string hint) {
  return {ErrorCode::NotSupported,
          std::move(what) + " not supported in a cluster yet",
          {},
          std::move(hint)};
}

Status check_setting_in_cluster(std::string_view name, std::string_view value,
                                const ClusterFacts& facts) {
  if (value != "prefix" || facts.supports(Feature::BarrierReads)) return {};
  if (engine::setting_name(name) != "read.consistency") return {};
  return not_in_cluster_yet("read.consistency = 'prefix' is",
                            "With 'latest' a SELECT reads each table as it is at present.");
}

namespace {

constexpr const char* kNewTable =
    "Create another table, and use INSERT ... SELECT to copy the rows.";

Error needs_level(std::string what, storage::FeatureLevel needed, storage::FeatureLevel level) {
  return {ErrorCode::NotSupported,
          fmt::format("{} feature level {}, and the cluster is at {}", std::move(what),
                      needed.value(), level.value()),
          {},
          "When all nodes run a program that supports it, run millrace cluster upgrade."};
}

// Generators need a feature level. If the journal of a generator is led by a node with an older
// program, that program does not start the generator, and no rows are produced.
Status check_generates(const ClusterFacts& facts) {
  if (!facts.supports(Feature::Generators)) return not_in_cluster_yet("generated rows are");
  if (facts.level() >= storage::kSharedSessionsLevel) return {};
  return needs_level("generated rows need", storage::kSharedSessionsLevel, facts.level());
}

struct Check {
  const ClusterFacts& facts;
  storage::FeatureLevel level;

  template <class Other>
  Status operator()(const Other&) const {
    return {};
  }
  Status operator()(const engine::CreateAsSelect& create) const {
    if (!create.or_replace || level >= storage::kReplacedQueriesLevel) return {};
    return needs_level("CREATE OR REPLACE ... AS SELECT needs", storage::kReplacedQueriesLevel,
                       level);
  }
  Status operator()(const engine::CreateView&) const { return views("CREATE VIEW needs"); }
  Status operator()(const engine::DropViews&) const { return views("DROP VIEW needs"); }
  Status operator()(const engine::RenameRelation&) const { return views("RENAME TO needs"); }
  // Refuses TRUNCATE, because rows that another node writes at the same time would be lost with the
  // deleted topic.
  Status operator()(const engine::Truncate&) const {
    if (facts.supports(Feature::TopicReplacement)) return {};
    return not_in_cluster_yet("TRUNCATE is", kDropAndCreate);
  }
  Status operator()(const engine::AddPrimaryKey&) const { return rewrites(); }
  Status operator()(const engine::AlterColumns&) const { return rewrites(); }

 private:
  Status views(std::string what) const {
    if (level >= storage::kViewsLevel) return {};
    return needs_level(std::move(what), storage::kViewsLevel, level);
  }
  Status rewrites() const {
    if (!facts.supports(Feature::TableRewrites))
      return not_in_cluster_yet("an ALTER TABLE that rewrites rows is", kNewTable);
    if (level >= storage::kSharedSessionsLevel) return {};
    return needs_level("an ALTER TABLE that rewrites rows needs", storage::kSharedSessionsLevel,
                       level);
  }
};

}  // namespace

// A program from before level 6 does not know the part of the metadata with the links, and would
// stop reading the metadata at such a part.
Status check_links(const ClusterFacts& facts) {
  if (!facts.supports(Feature::Links)) return not_in_cluster_yet("links are");
  if (facts.level() >= storage::kConnectorsLevel) return {};
  return needs_level("links need", storage::kConnectorsLevel, facts.level());
}

Status check_supported(const engine::ParsedStatement& statement, bool is_in_transaction,
                       const ClusterFacts& facts, storage::FeatureLevel level) {
  if (is_in_transaction && !is_user_statement(statement.statement) &&
      level < storage::kDefiningTransactionsLevel)
    return needs_level("definitions within a transaction need", storage::kDefiningTransactionsLevel,
                       level);
  return std::visit(Check{facts, level}, statement.statement);
}

Status check_supported(const std::vector<DefinitionChange>& changes, const ClusterFacts& facts) {
  for (const DefinitionChange& change : changes) {
    if (const auto* put = std::get_if<PutQuery>(&change);
        put && put->query->query->kind != engine::QueryKind::SourceTable) {
      if (engine::generator_of(*put->query->plan)) TRY(check_generates(facts));
      const bool is_rebuilt = put->query->rebuilt_sink || !put->query->journal;
      if (!facts.supports(Feature::TableRebuilds) && is_rebuilt)
        return not_in_cluster_yet("rebuilding a table beside the old one is", kDropAndCreate);
      // An earlier program would ignore the marks in journals that stop its tasks.
      if (put->query->rebuilt_sink && facts.level() < storage::kSharedSessionsLevel)
        return needs_level("rebuilding a table needs", storage::kSharedSessionsLevel,
                           facts.level());
    }
  }
  return {};
}

}  // namespace server
