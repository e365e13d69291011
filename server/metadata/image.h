// What the node knows of all topics and definitions at one revision of the metadata log. It never
// changes; a command makes the next one.
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
#include "storage/meta/group_configs.h"
#include "storage/meta/topic_table.h"
#include "storage/meta/users.h"

namespace server {

// Where a query began in one partition of an input; resolved when the query was made.
struct StartPosition {
  Uuid topic;
  PartitionId partition;
  Offset offset;
  bool operator==(const StartPosition&) const = default;
};

// A query that runs, with all that its tasks need: names are resolved to ids for good.
struct DefinedQuery {
  std::shared_ptr<const engine::PersistentQuery> query;
  std::shared_ptr<const engine::QueryPlan> plan;  // never null; without stages if it is unreadable
  std::vector<Uuid> exchange_ids;                 // one for each of the plan's exchanges
  std::vector<StartPosition> starts;              // what is not listed begins at the log's start
  std::map<std::string, Uuid> topic_ids;          // of the topics that the plan names

  // Why this program cannot read the definition; empty when it can. Such a query is in state ERROR
  // until it is dropped or a program that can read it is started.
  std::string unreadable = {};
  std::string unread_row = {};  // what could not be read, to be written back as it was

  // Of one that is built beside another (PersistentQuery::rebuilds): what their sink becomes when it takes its place.
  // Until then its rows go to a topic of their own.
  std::shared_ptr<const engine::DataSource> rebuilt_sink = {};
  // One of the two is taking the other's place: neither makes rows. What differs between their topics is written by
  // the `publisher` (of the new one), in one transaction.
  bool stands = false;
  ProducerId publisher{-1};

  // In a cluster: the journal with replicas that has the commits of its tasks, and the revision of the command that made
  // it. None of a query that each node runs for itself.
  std::optional<PartitionId> journal = {};
  Revision made_at = {};
  // Likewise: since when it has the plan that it has. Later than `made_at` once it was replaced (docs/adr/0101).
  Revision planned_at = {};
  // The revision since which the rows of a replaced table are computed as they are. Older rows in its topic are written
  // once more (docs/adr/0109).
  Revision results_at = {};
};
using DefinedQueryPtr = std::shared_ptr<const DefinedQuery>;

struct OpenDefinitions;

// Copies share what they have in common: the next image costs what the command changes.
// Invariant: queries change by put and erase alone, so that the indexes follow.
class MetadataImage {
 public:
  Revision revision;
  engine::CatalogPtr catalog = std::make_shared<const engine::Catalog>();
  std::shared_ptr<const storage::TopicSnapshot> topics =
      std::make_shared<const storage::TopicSnapshot>();
  // Small, and changed seldom: each change makes a whole new one.
  std::shared_ptr<const storage::ClientQuotas> quotas =
      std::make_shared<const storage::ClientQuotas>();
  std::shared_ptr<const storage::GroupConfigs> group_configs =
      std::make_shared<const storage::GroupConfigs>();  // likewise
  std::shared_ptr<const storage::Users> users =
      std::make_shared<const storage::Users>();  // likewise
  // Rows of sources that this program cannot read, by name, to be written back as they were.
  PersistentMap<std::string, std::string> unread_sources;
  std::shared_ptr<const engine::SchemaRegistry> schemas =
      std::make_shared<const engine::SchemaRegistry>();
  // By transaction: what those that have not ended have defined (docs/adr/0059). Few, and small.
  std::map<Uuid, std::shared_ptr<const OpenDefinitions>> open_definitions;
  // Definitions that are damaged so that not even their names are known: "revision 17: why".
  std::vector<std::string> left_out;

  using Queries = PersistentMap<std::string, DefinedQueryPtr>;
  const Queries& queries() const { return queries_; }  // by id
  // nullptr when there is none.
  DefinedQueryPtr find_query(std::string_view id) const;
  void put(DefinedQueryPtr query);
  void erase_query(std::string_view id);

  // The query whose tasks materialize a table: the CREATE TABLE ... AS, or the hidden one of a
  // plain CREATE TABLE. nullptr for streams.
  const DefinedQuery* materializer_of(const engine::DataSource& table) const;
  // The queries that are built beside others. Looks at all that there are.
  std::vector<DefinedQueryPtr> rebuilds() const;
  // The queries that write a stream or table, but those that only mean to.
  std::vector<DefinedQueryPtr> writers_of(std::string_view source) const;
  // The queries that read or write a topic.
  std::vector<DefinedQueryPtr> users_of(const Uuid& topic) const;

 private:
  Queries queries_;
  PersistentMap<std::string, DefinedQueryPtr> materializers_;      // by table
  PersistentMap<std::pair<Uuid, std::string>, bool> topic_users_;  // topic, query id
};
using MetadataImagePtr = std::shared_ptr<const MetadataImage>;

// The topics as the planner asks for them. The snapshot outlives it.
class SnapshotTopics final : public engine::Topics {
 public:
  explicit SnapshotTopics(const storage::TopicSnapshot& topics) : topics_(topics) {}
  std::optional<engine::TopicDescription> find(std::string_view name) const override;
  std::vector<engine::TopicDescription> all() const override;

 private:
  const storage::TopicSnapshot& topics_;
};

// The queries as SHOW and DESCRIBE ask for them. The image outlives it.
class ImageQueries final : public engine::RunningQueries {
 public:
  explicit ImageQueries(const MetadataImage& image) : image_(image) {}
  std::vector<engine::RunningQuery> all() const override;
  std::optional<engine::RunningQuery> find(std::string_view id) const override;

 private:
  const MetadataImage& image_;
};

}  // namespace server
