#include "server/tasks/task_survey.h"

#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

namespace server {

namespace {

// The longest time for which a shard reports before it returns to its loop: `short_us` if a socket
// or a message waits, otherwise `long_us`, which is the time that steps of tasks have (kTurn).
constexpr Loop::SliceLength kSlice{.short_us = 200, .long_us = 1'000};

// A report about the tasks of all shards. Each shard adds its part; the last one calls `done`.
struct Survey {
  SurveyDone done;
  std::mutex mutex;
  // Guarded by mutex
  size_t left;
  std::vector<ShardTaskReport> reports;

  void add(std::vector<ShardTaskReport> more) {
    {
      std::lock_guard lock(mutex);
      reports.insert(reports.end(), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
      if (--left > 0) return;
    }
    done(std::move(reports));  // all shards have reported
  }
};

// The report of one shard, in slices. Functions that are posted to the shard's loop share this object.
struct ShardSurvey : std::enable_shared_from_this<ShardSurvey> {
  ShardSurvey(Shard& its_shard, const Clock& its_clock, std::shared_ptr<Survey> its_survey)
      : shard(its_shard), clock(its_clock), survey(std::move(its_survey)) {}

  void begin() {
    queries = shard.persistent_queries();
    step();
  }
  void step() {
    const int64_t begun_us = clock.monotonic_us();
    while (next < queries.size()) {
      shard.report(queries[next++], ReportDetail::Numbers, reports);
      if (!shard.loop().is_slice_over(clock.monotonic_us() - begun_us, kSlice)) continue;
      return shard.loop().post_slice("survey of tasks",
                                     [self = shared_from_this()] { self->step(); });
    }
    survey->add(std::move(reports));
  }

  Shard& shard;
  const Clock& clock;
  const std::shared_ptr<Survey> survey;
  std::vector<std::string> queries;
  size_t next = 0;
  std::vector<ShardTaskReport> reports;
};

}  // namespace

void survey_tasks(const std::vector<Shard*>& shards, const Clock& clock, SurveyDone done) {
  auto survey = std::make_shared<Survey>();
  survey->done = std::move(done);
  survey->left = shards.size();
  for (Shard* shard : shards)
    shard->post([part = std::make_shared<ShardSurvey>(*shard, clock, survey)] { part->begin(); });
}

}  // namespace server
