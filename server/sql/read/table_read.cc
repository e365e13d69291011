#include "server/sql/read/table_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/analysis.h"
#include "server/metadata/cluster_limits.h"
#include "server/metadata/query_topics.h"
#include "server/sql/barriers/barriers.h"

namespace server {

namespace {
constexpr int64_t kBetween_ms = 20;
}

void TableRead::pause() {
  SqlExecution::pause();
  if (again_) again_->pause();
}

void TableRead::resume() {
  SqlExecution::resume();
  if (again_) again_->resume();
}

void TableRead::note_opened(int64_t waited_ms) {
  if (waited_ms > session().read_wait_ms()) begun_.awaits_tables_since_us = 0;
}

void TableRead::not_there(const MaterializedTable& table) {
  NotKept why = not_kept(session().parts(), table);
  if (!why.passes || !try_again()) receiver().on_error(std::move(why.error));
}

bool TableRead::try_again() {
  const int64_t now_us = session().parts().clock.monotonic_us();
  if (begun_.awaits_tables_since_us == 0) begun_.awaits_tables_since_us = now_us;
  const int64_t waited_ms = (now_us - begun_.awaits_tables_since_us) / 1000;
  const int64_t left_ms = session().read_wait_ms() - waited_ms;
  if (left_ms <= 0) return false;
  timer_.emplace(session().shard().loop(), "reads begun again", [this] { begin_again(); });
  timer_->start_once(std::min(kBetween_ms, left_ms));
  return true;
}

bool TableRead::reads_at_barrier(std::span<const MaterializedTable> tables) const {
  if (is_for_change() || !session().reads_prefix()) return false;
  const MetadataImagePtr image = session().parts().definitions.image();
  return std::ranges::any_of(tables, [&](const MaterializedTable& table) {
    if (table.query->query->kind != engine::QueryKind::SourceTable) return true;
    const storage::TopicInfo* topic = image->topics->find(table.table->topic);
    return topic && !writers_of_topic(*image, topic->id).empty();
  });
}

Error TableRead::streams_at_barrier() {
  return {
      ErrorCode::NotSupported,
      "a SELECT over streams and tables cannot be read at a barrier yet",
      {},
      "SET read.consistency = 'latest' reads the streams and then the tables. Or create a table "
      "from the stream, and read that table."};
}

std::shared_ptr<const engine::PullPlan> TableRead::without_many_keys(
    std::shared_ptr<const engine::PullPlan> plan) {
  constexpr size_t kMostKeys = 16'384;
  if (!plan->keys || plan->keys->size() <= kMostKeys) return plan;
  auto scan = std::make_shared<engine::PullPlan>(*plan);
  scan->keys.reset();
  return scan;
}

void TableRead::begin_barrier(std::span<const MaterializedTable> tables, Open open,
                              std::function<void()> give_up) {
  if (!session().parts().definitions.facts().supports(Feature::BarrierReads)) {
    give_up();
    return receiver().on_error(not_in_cluster_yet("read.consistency = 'prefix' is"));
  }
  at_barrier_ = std::make_shared<int>();
  BarrierReader reader;
  std::vector<std::string> names;
  for (const MaterializedTable& table : tables) {
    if (std::ranges::find(names, table.table->name) == names.end())
      names.push_back(table.table->name);
    if (std::ranges::find(reader.queries, table.query) == reader.queries.end())
      reader.queries.push_back(table.query);
  }
  reader.receiver = at_barrier_;
  reader.open = on_loop(std::move(open));
  const int64_t begun_us = session().parts().clock.monotonic_us();
  reader.fail = on_loop([this, names, begun_us, give_up = std::move(give_up)](const Error& why) {
    if (!at_barrier_) return;
    at_barrier_.reset();
    give_up();
    if (try_again()) return;
    const int64_t waited_us = session().parts().clock.monotonic_us() - begun_us;
    receiver().on_error(
        {ErrorCode::ObjectState,
         fmt::format("{} {} could not be read at a barrier", names.size() == 1 ? "table" : "tables",
                     engine::join_words(names, "and")),
         fmt::format("Waited {} ms. The last attempt failed: {}.", waited_us / 1000, why.message),
         "SHOW QUERIES shows the lag of the queries. SET read.consistency = 'latest' "
         "reads each table as it is at present."});
  });
  session().parts().barriers->read(std::move(reader));
}

void TableRead::begin_again() {
  auto started = session().start_again(std::move(begun_), receiver());
  if (!started) return receiver().on_error(std::move(started).error());
  again_ = *std::move(started);
  if (is_paused()) again_->pause();
}

}  // namespace server
