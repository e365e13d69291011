// All topics and definitions at one revision of the metadata log. An image never changes; a command
// produces the next image.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/persistent_map.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/plan.h"
#include "engine/registry/registry.h"
#include "engine/system_tables/information.h"
#include "storage/meta/client_quotas.h"
#include "storage/meta/connectors.h"
#include "storage/meta/group_configs.h"
#include "storage/meta/link_table.h"
#include "storage/meta/topic_table.h"
#include "storage/meta/users.h"

namespace server {

// The position at which a query starts in one partition of an input, fixed when the query is
// created.
struct StartPosition {
  Uuid topic;
  PartitionId partition;
  Offset offset;
  bool operator==(const StartPosition&) const = default;
};

// A query with everything that its tasks need. Names are permanently resolved to ids.
struct DefinedQuery {
  std::shared_ptr<const engine::PersistentQuery> query;
  std::shared_ptr<const engine::QueryPlan> plan;  // never null; without stages if unreadable
  std::vector<Uuid> exchange_ids;                 // one for each of the plan's exchanges
  std::vector<StartPosition> starts;              // a missing partition starts at the log's start
  std::map<std::string, Uuid> topic_ids;          // ids of the topics in the plan, by name

  // The reason why this program cannot read the definition; empty if it can. Such a query is in
  // state ERROR until it is dropped or a program that can read it is started.
  std::string unreadable = {};
  std::string unread_row = {};  // the unreadable row, written back unchanged

  // For a query that is built to replace another one (PersistentQuery::rebuilds): the definition of
  // the sink after the switch. Before the switch, the query writes its rows to a temporary topic.
  std::shared_ptr<const engine::DataSource> rebuilt_sink = {};
  // True while the new query replaces the old one: both have stopped and produce no rows. The
  // producer `publisher` of the new query writes the differences between the topics of the two
  // queries in one transaction.
  bool stands = false;
  ProducerId publisher{-1};

  // In a cluster: `journal` is the replicated journal with the commits of the query's tasks, and
  // `made_at` the revision of the command that created the query. A query that each node runs for
  // itself has no journal.
  std::optional<PartitionId> journal = {};
  Revision made_at = {};
  // In a cluster: the revision that gave the query its present plan. Later than `made_at` if the
  // query was replaced (docs/adr/0101).
  Revision planned_at = {};
  // The revision since which the rows of a replaced table are computed with the present plan. Rows
  // of the table's topic that are older are written once more (docs/adr/0109).
  Revision results_at = {};
};
using DefinedQueryPtr = std::shared_ptr<const DefinedQuery>;

struct OpenDefinitions;

// Copies share unchanged parts, so the cost of the next image depends only on the changes.
// Invariant: queries change only by put and erase, which update the indexes.
class MetadataImage {
 public:
  Revision revision;
  engine::CatalogPtr catalog = std::make_shared<const engine::Catalog>();
  std::shared_ptr<const storage::TopicSnapshot> topics =
      std::make_shared<const storage::TopicSnapshot>();
  // The next five members are small and rarely change, so each change copies the whole member.
  std::shared_ptr<const storage::ClientQuotas> quotas =
      std::make_shared<const storage::ClientQuotas>();
  std::shared_ptr<const storage::GroupConfigs> group_configs =
      std::make_shared<const storage::GroupConfigs>();
  std::shared_ptr<const storage::Users> users = std::make_shared<const storage::Users>();
  std::shared_ptr<const storage::Connectors> connectors =
      std::make_shared<const storage::Connectors>();
  std::shared_ptr<const storage::LinkTable> links = std::make_shared<const storage::LinkTable>();
  // Rows of sources that this program cannot read, by name, to be written back unchanged.
  PersistentMap<std::string, std::string> unread_sources;
  std::shared_ptr<const engine::SchemaRegistry> schemas =
      std::make_shared<const engine::SchemaRegistry>();
  // The definitions of open transactions, by transaction (docs/adr/0059). They are few and small.
  std::map<Uuid, std::shared_ptr<const OpenDefinitions>> open_definitions;
  // Definitions that are so damaged that even their names are unknown, as texts for users:
  // "revision 17: reason".
  std::vector<std::string> left_out;

  using Queries = PersistentMap<std::string, DefinedQueryPtr>;
  const Queries& queries() const { return queries_; }  // queries by id
  // Returns nullptr if no such query exists.
  DefinedQueryPtr find_query(std::string_view id) const;
  void put(DefinedQueryPtr query);
  void erase_query(std::string_view id);

  // Returns the query whose tasks materialize a table: the CREATE TABLE ... AS, or the hidden query
  // of a plain CREATE TABLE. Returns nullptr for streams.
  const DefinedQuery* materializer_of(const engine::DataSource& table) const;
  // Returns the queries that are built to replace other queries (PersistentQuery::rebuilds). Visits
  // all queries.
  std::vector<DefinedQueryPtr> rebuilds() const;
  // Returns the queries that write a stream or table, except queries that are built to replace
  // others and have not replaced them yet.
  std::vector<DefinedQueryPtr> writers_of(std::string_view source) const;
  // Returns the queries that read or write a topic.
  std::vector<DefinedQueryPtr> users_of(const Uuid& topic) const;

 private:
  Queries queries_;
  // query ids by the table whose rows the query keeps
  PersistentMap<std::string, DefinedQueryPtr> materializers_;
  // pairs of a topic and the id of a query that uses it
  PersistentMap<std::pair<Uuid, std::string>, bool> topic_users_;
};
using MetadataImagePtr = std::shared_ptr<const MetadataImage>;

// Shows the topics in the form that the planner uses. The snapshot outlives this object.
class SnapshotTopics final : public engine::Topics {
 public:
  explicit SnapshotTopics(const storage::TopicSnapshot& topics) : topics_(topics) {}
  std::optional<engine::TopicDescription> find(std::string_view name) const override;
  std::vector<engine::TopicDescription> all() const override;

 private:
  const storage::TopicSnapshot& topics_;
};

// Shows the queries in the form that SHOW and DESCRIBE use. The image outlives this object.
class ImageQueries final : public engine::RunningQueries {
 public:
  explicit ImageQueries(const MetadataImage& image) : image_(image) {}
  std::vector<engine::RunningQuery> all() const override;
  std::optional<engine::RunningQuery> find(std::string_view id) const override;

 private:
  const MetadataImage& image_;
};

}  // namespace server
