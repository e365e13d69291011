// What the node knows of all topics and definitions at one revision of the metadata log. It never
// changes; a command makes the next one.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/plan.h"
#include "storage/meta/topic_table.h"

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
  std::shared_ptr<const engine::QueryPlan> plan;
  std::vector<Uuid> exchange_ids;         // one for each of the plan's exchanges
  std::vector<StartPosition> starts;      // what is not listed begins at the log's start
  std::map<std::string, Uuid> topic_ids;  // of the topics that the plan names
};

struct World {
  Revision revision;
  engine::CatalogPtr catalog = std::make_shared<const engine::Catalog>();
  std::shared_ptr<const storage::TopicSnapshot> topics;
  std::map<std::string, std::shared_ptr<const DefinedQuery>> queries;  // by id

  // The query whose tasks keep a table's rows: the CREATE TABLE ... AS, or the hidden one of a
  // plain CREATE TABLE. nullptr for streams.
  const DefinedQuery* keeper_of(const engine::DataSource& table) const;
};
using WorldPtr = std::shared_ptr<const World>;

// The topics as the planner asks for them. The snapshot outlives it.
class SnapshotTopics final : public engine::Topics {
 public:
  explicit SnapshotTopics(const storage::TopicSnapshot& topics) : topics_(topics) {}
  std::optional<engine::TopicDescription> find(std::string_view name) const override;

 private:
  const storage::TopicSnapshot& topics_;
};

// What one running query is doing, summed over its tasks.
struct QueryStatus {
  std::string state = "RUNNING";  // RUNNING, PAUSED, ERROR
  int64_t lag_records = 0;
  uint64_t records_in = 0, records_failed = 0;
  int64_t records_per_second = 0;
  std::string last_error;
};
using QueryStatuses = std::map<std::string, QueryStatus>;  // by query id

}  // namespace server
