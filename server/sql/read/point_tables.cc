#include "server/sql/read/point_tables.h"

#include <algorithm>
#include <utility>

#include "engine/query/key_owner.h"
#include "server/sql/read/catching_up.h"
#include "server/sql/read/materialized_tables.h"
#include "server/sql/session.h"

namespace server {

namespace {

// The execution of a look-up whose rows and end were sent before the execution was returned.
class Answered final : public sql::Execution {
 public:
  void pause() override {}
  void resume() override {}
};

}  // namespace

PointTables::PointTables(SqlSession& session)
    : session_(session), random_(static_cast<uint64_t>(session.parts().clock.monotonic_us())) {}

Result<std::unique_ptr<sql::Execution>> PointTables::answer(
    const SqlPrepared& prepared, std::span<const engine::Value> parameters,
    sql::Receiver& receiver) {
  engine::PointLookUp& look_up = *prepared.point;
  const MetadataImagePtr image = session_.parts().definitions.image();
  if (prepared.is_for_change || prepared.revision != image->revision ||
      prepared.properties != session_.properties() || session_.holds(look_up.table()->name))
    return nullptr;
  Target* const target = find_target(*image, look_up.table());
  if (!target || !is_ready(*target, *image)) return nullptr;
  if (session_.reads_prefix()) return nullptr;  // it may have to be looked up at a barrier
  const auto key = look_up.key_of(parameters);
  if (!key) return nullptr;
  const engine::EvalContext eval{session_.parts().clock, random_, &prepared.properties};
  auto row = TRY(find(*target, *key, eval));
  if (!row) return nullptr;
  const engine::Batch shown = TRY(look_up.shape(*std::move(row), eval));
  if (shown.rows > 0) receiver.on_rows(shown.columns, 0, shown.rows);
  receiver.on_done({"SELECT"});
  return std::make_unique<Answered>();
}

PointTables::Target* PointTables::find_target(
    const MetadataImage& image, const std::shared_ptr<const engine::DataSource>& table) {
  constexpr size_t kMostTargets = 64;
  if (revision_ != image.revision || targets_.size() > kMostTargets) targets_.clear();
  revision_ = image.revision;
  if (const auto found = targets_.find(table.get()); found != targets_.end()) {
    if (std::ranges::all_of(found->second.tables, &engine::SharedTable::is_open))
      return &found->second;
    targets_.erase(found);  // the query that materializes the table has restarted
  }
  auto kept = find_kept_table(image, table);
  if (!kept) return nullptr;
  Target target{.query = kept->query, .tables = {}, .topic = {}, .healthy_at = {}};
  if (kept->query->query->kind == engine::QueryKind::SourceTable) {
    const storage::TopicInfo* const topic = image.topics->find(table->topic);
    if (!topic) return nullptr;
    target.topic = topic->id;
  }
  const MaterializerPlaces& places = session_.places_of(kept->query, image);
  for (Shard* const shard : places.shards)
    for (auto& shared : shard->shared_tables(kept->query_id()))
      if (shared->plan() == kept->query->plan) target.tables.push_back(std::move(shared));
  // A client never gets rows of a table of which some tasks are missing.
  if (target.tables.empty() || target.tables.size() != places.tasks) return nullptr;
  return &targets_.emplace(table.get(), std::move(target)).first->second;
}

// Whether the look-up has nothing to wait for and no warning to give; ReadPreparation and
// CatchingUp check this for all other look-ups. The health of the queries is checked again only
// after one of the server's queries has changed.
bool PointTables::is_ready(Target& target, const MetadataImage& image) const {
  SqlParts& parts = session_.parts();
  if (parts.cluster->asks_leaders())
    return false;  // a read has to ask the partitions' leaders first
  const bool has_passed = target.topic
                              ? parts.committed_ends.has_passed(*target.topic, target.query->plan)
                              : session_.written().empty() || session_.has_passed(target.query);
  if (!has_passed) return false;
  const uint64_t changes = parts.supervisor.changes();
  if (target.healthy_at == changes) return true;
  if (!is_healthy(target, image)) return false;
  target.healthy_at = changes;
  return true;
}

bool PointTables::is_healthy(const Target& target, const MetadataImage& image) const {
  SqlParts& parts = session_.parts();
  if (!target.topic) return has_caught_up(parts, image, *target.query);
  return !parts.supervisor.trouble_of(target.query->plan->id);
}

Result<std::optional<engine::Batch>> PointTables::find(const Target& target, const std::string& key,
                                                       const engine::EvalContext& eval) const {
  // If the key does not determine its task, all tasks are searched, because producers may have chosen partitions by
  // another rule.
  const auto owner =
      target.tables.size() > 1 ? engine::task_of_key(*target.query->plan, key) : std::nullopt;
  std::optional<engine::Batch> found;
  for (const std::shared_ptr<engine::SharedTable>& table : target.tables) {
    if (owner && table->number() != *owner) continue;
    std::optional<engine::Batch> rows = TRY(table->find(key, eval));
    if (!rows) return rows;
    if (found && found->rows > 0 && rows->rows > 0) return std::optional<engine::Batch>();
    if (!found || rows->rows > 0) found = std::move(rows);
  }
  return found;
}

}  // namespace server
