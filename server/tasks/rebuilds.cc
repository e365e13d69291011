#include "server/tasks/rebuilds.h"

#include <algorithm>
#include <future>

#include "base/log.h"
#include "server/metadata/query_topics.h"

namespace server {
namespace {

constexpr int64_t kLookMs = 200, kPauseAfterFailureMs = 5'000;
// A query has caught up if its lag is at most this number of records, or at most the number that it
// reads in half a second. Both queries are stopped during the switch, so the new query reads the
// rest after the switch.
constexpr int64_t kLittleLag = 1'000;

}  // namespace

void Rebuilds::start_thread() {
  thread_ = std::thread([this] { run(); });
}

void Rebuilds::stop_thread() {
  {
    std::lock_guard lock(mutex_);
    must_stop_ = true;
  }
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Rebuilds::run() {
  MetadataImagePtr seen;
  std::vector<DefinedQueryPtr> rebuilds;
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, std::chrono::milliseconds(kLookMs),
                            [this] { return must_stop_.load(); })) {
    lock.unlock();
    if (MetadataImagePtr image = definitions_.image(); image != seen) {
      rebuilds = image->rebuilds();
      seen = std::move(image);
    }
    for (const DefinedQueryPtr& query : rebuilds) advance(*query);
    lock.lock();
  }
}

void Rebuilds::advance(const DefinedQuery& query) {
  const std::string& id = query.query->id;
  if (!port_.runs(query)) {
    claims_.erase(id);
    not_before_ms_.erase(id);
    supervisor_.note_obstacle(id, std::nullopt);
    return;
  }
  const int64_t now_ms = clock_.monotonic_us() / 1000;
  if (const auto pause = not_before_ms_.find(id);
      pause != not_before_ms_.end() && now_ms < pause->second)
    return;
  const bool must_stand = query.stands ? !is_claimed(query) : has_caught_up(query);
  if (!query.stands && !must_stand) return;
  const Status done = must_stand ? stand(query) : switch_over(query);
  if (done) {
    if (must_stand) return;
    not_before_ms_.erase(id);
    supervisor_.note_obstacle(id, std::nullopt);
    return;
  }
  if (must_stop_) return;
  supervisor_.note_obstacle(id, done.error());
  log_warn(
      "a rebuilt query could not replace the old one, it is tried again later query={} "
      "error=\"{}\"",
      id, done.error().message);
  not_before_ms_[id] = now_ms + kPauseAfterFailureMs;
}

bool Rebuilds::is_claimed(const DefinedQuery& query) const {
  if (!query.journal) return true;
  const auto claim = claims_.find(query.query->id);
  return claim != claims_.end() && claim->second.publisher == query.publisher;
}

Status Rebuilds::switch_over(const DefinedQuery& query) {
  const std::string& id = query.query->id;
  Status done = both_stand(query)
                    ? take_place(query)
                    : Status{Error{ErrorCode::ObjectState, "one of the two queries is not ready"}};
  // If a step has failed, both queries continue, because the old query still serves the table.
  if (!done && !must_stop_ && claims_[id].may_go_on &&
      port_.abort(topics_of(query), query.publisher))
    (void)submit({RebuildStep::Kind::GoOn, id, query.publisher});
  return done;
}

std::vector<ShardTaskReport> Rebuilds::reports_of(const std::string& query_id) const {
  std::vector<ShardTaskReport> reports;
  for (Shard* shard : shards_) {
    std::promise<void> done;
    shard->post([&] {
      shard->report(query_id, ReportDetail::Numbers, reports);
      done.set_value();
    });
    done.get_future().wait();
  }
  return reports;
}

bool Rebuilds::has_caught_up(const DefinedQuery& query) const {
  if (supervisor_.trouble_of(query.query->id)) return false;
  size_t tasks = 0;
  const MetadataImagePtr image = definitions_.image();
  for (const engine::StagePlan& stage : query.plan->stages)
    tasks += task_count(query, stage, *image->topics);
  const std::vector<ShardTaskReport> reports = reports_of(query.query->id);
  if (reports.size() != tasks) return false;
  int64_t lag = 0, rate = 0;
  for (const ShardTaskReport& report : reports) {
    if (report.has_failed || !report.lag_records) return false;
    lag += *report.lag_records;
    rate += report.metrics.records_per_second;
  }
  return lag <= std::max(kLittleLag, rate / 2);
}

bool Rebuilds::both_stand(const DefinedQuery& query) const {
  const auto is_paused = [](const ShardTaskReport& report) { return report.is_paused; };
  const std::vector<ShardTaskReport> built = reports_of(query.query->id);
  // If the old query has no tasks, for example because it failed long ago, it writes nothing. An
  // empty list of its reports is therefore accepted.
  return !supervisor_.trouble_of(query.query->id) && !built.empty() &&
         std::ranges::all_of(built, is_paused) &&
         std::ranges::all_of(reports_of(query.query->rebuilds), is_paused);
}

Status Rebuilds::submit(RebuildStep step) {
  std::promise<Status> done;
  definitions_.submit(std::move(step), [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

Status Rebuilds::stand(const DefinedQuery& query) {
  const ProducerId publisher = TRY(port_.allocate_publisher());
  TRY(submit({RebuildStep::Kind::Stand, query.query->id, publisher}));
  // An earlier owner of the queries may have published the difference, or may still do so.
  claims_[query.query->id] = {publisher, !query.stands};
  return {};
}

RebuildTopics Rebuilds::topics_of(const DefinedQuery& query) const {
  RebuildTopics topics{query.topic_ids.at(rebuild_topic(query.query->id)),
                       query.topic_ids.at(query.rebuilt_sink->topic), query.rebuilt_sink->topic, 0};
  const MetadataImagePtr image = definitions_.image();
  if (const storage::TopicInfo* topic = image->topics->find(topics.to))
    topics.partitions = topic->partition_count;
  return topics;
}

Status Rebuilds::take_place(const DefinedQuery& query) {
  const std::string& id = query.query->id;
  const int64_t begun_us = clock_.monotonic_us();
  TRY(port_.fence(query, must_stop_));
  const auto published = publisher_.publish(topics_of(query), query.publisher);
  if (published || published.error().code == ErrorCode::NetworkFailure)
    claims_[id].may_go_on = false;
  const TablePublisher::Written written = TRY(published);
  TRY(submit({RebuildStep::Kind::Finish, id, query.publisher}));
  claims_.erase(id);
  log_info("a rebuilt query has replaced the old one query={} of={} records={} deletes={} ms={}",
           id, query.query->rebuilds, written.records, written.deletes,
           (clock_.monotonic_us() - begun_us) / 1000);
  return {};
}

}  // namespace server
