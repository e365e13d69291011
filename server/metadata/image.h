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
#include "engine/system_tables/information.h"
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

struct MetadataImage {
  Revision revision;
  engine::CatalogPtr catalog = std::make_shared<const engine::Catalog>();
  std::shared_ptr<const storage::TopicSnapshot> topics;
  std::map<std::string, std::shared_ptr<const DefinedQuery>> queries;  // by id

  // The query whose tasks keep a table's rows: the CREATE TABLE ... AS, or the hidden one of a
  // plain CREATE TABLE. nullptr for streams.
  const DefinedQuery* keeper_of(const engine::DataSource& table) const;
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
