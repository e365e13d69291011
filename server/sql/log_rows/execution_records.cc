#include "server/sql/log_rows/followed_records.h"

#include <algorithm>
#include <utility>

#include "engine/functions/sequences.h"
#include "engine/query/rows_run.h"
#include "engine/system_tables/system_catalog.h"
#include "server/sql/execution.h"
#include "server/sql/log_rows/log_rows.h"
#include "server/sql/read/information_facts.h"

namespace server {

namespace {

// The interval at which the ends of the partitions are compared with the cursor. The comparison reads some atomic
// numbers, and the log is read only if a partition has grown.
constexpr int64_t kLookEveryMs = 25;

// Reads the records after its cursor on a worker, shows the rows, and waits until a partition has grown.
class RecordsExecution final : public SqlExecution {
 public:
  RecordsExecution(SqlSession& session, sql::Receiver& receiver, FollowedSelect select)
      : SqlExecution(session, receiver),
        plan_(std::move(select.rows)),
        rows_left_(select.most.value_or(UINT64_MAX)),
        timer_(session.shard().loop(), "records", [this] { look(); }) {
    const engine::Properties properties = session.properties();
    const auto reset = properties.find("auto.offset.reset");
    cursor_.begins_at_end = reset == properties.end() || reset->second != "earliest";
  }

  void begin() { read(); }
  void resume() override {
    SqlExecution::resume();
    show();
  }
  bool has_caught_up() const override { return !is_over_ && !work_ && !cursor_.has_more; }

 private:
  // The state of one read, shared with the worker, which may finish after this execution is destroyed.
  struct Work {
    SqlParts& parts;
    SelectRows plan;
    std::shared_ptr<const InformationFacts> facts;
    engine::Properties properties;
    RecordsCursor cursor;
    std::optional<engine::RowsContext> context = {};
    Random random = Random(static_cast<uint64_t>(parts.clock.monotonic_us()));
    std::optional<engine::EvalBudget> budget = {};
    Result<engine::RowsChunks> result = engine::RowsChunks();

    void run(const std::atomic<bool>& is_cancelled) {
      budget.emplace(parts.clock, &is_cancelled, &parts.memory);
      context.emplace(engine::EvalContext{parts.clock, random, &properties, &*budget},
                      &parts.memory);
      result = facts->with_context([&](const engine::InformationContext& about) {
        const engine::CatalogRows system(about, facts->reader.database, facts->reader.user,
                                         facts->reader.temporary_schema);
        const LogRows with_log(parts, facts->image, facts->reader.asker, system, &cursor);
        return engine::run_rows_plan(*plan, {}, *context, &with_log, nullptr);
      });
      // nullptr, since `is_cancelled` belongs to errand_, which ends before this object
      budget.emplace(parts.clock, nullptr, &parts.memory);
    }
  };

  void read() {
    if (rows_left_ == 0) return finish();
    SqlParts& parts = session().parts();
    auto facts =
        std::make_shared<InformationFacts>(parts, reader_of(session()), parts.definitions.image());
    work_ = std::make_shared<Work>(
        Work{parts, plan_, std::move(facts), session().properties(), cursor_});
    constexpr size_t kAbout = 64 << 10;
    errand_ = session().run_aside(
        kAbout, [work = work_](const std::atomic<bool>& is_cancelled) { work->run(is_cancelled); },
        [this] {
          if (!work_->result) return fail(work_->result.error());
          cursor_ = work_->cursor;
          chunk_ = row_ = 0;
          is_read_ = true;
          show();
        });
    if (errand_) return;
    work_.reset();
    timer_.start_once(kLookEveryMs);  // the queue of the workers is full
  }

  void show() {
    if (!is_read_ || is_over_) return;
    const engine::RowsChunks& chunks = *work_->result;
    const size_t width = plan_->result.columns.size();
    for (; chunk_ < chunks.size(); ++chunk_, row_ = 0) {
      const engine::RowsChunk& chunk = chunks[chunk_];
      const std::span<const engine::ColumnPtr> columns(chunk.columns.data(), width);
      while (row_ < chunk.rows) {
        constexpr size_t kRowsAtOnce = 64;
        if (is_paused() || !receiver().has_room(0)) return;
        const size_t rows =
            static_cast<size_t>(std::min<uint64_t>({kRowsAtOnce, chunk.rows - row_, rows_left_}));
        receiver().on_rows(columns, row_, row_ + rows);
        row_ += rows;
        rows_left_ -= rows;
        if (rows_left_ == 0) return finish();
      }
    }
    is_read_ = false;
    work_.reset();
    timer_.start_once(cursor_.has_more ? 0 : kLookEveryMs);
  }
  void look() {
    if (is_over_) return;
    if (Status there = session().check_asker(); !there) return fail(std::move(there).error());
    if (is_paused()) return timer_.start_once(kLookEveryMs);
    const MetadataImagePtr image = session().parts().definitions.image();
    // A change of definitions may have revoked the right, replaced the topic, or added partitions: the read reports it.
    const bool has_changed = image != std::exchange(image_, image);
    if (has_changed || cursor_.has_more || has_grown()) return read();
    timer_.start_once(kLookEveryMs);
  }

  bool has_grown() const {
    if (!cursor_.first) return true;
    return std::ranges::any_of(cursor_.next, [this](const auto& each) {
      const auto status =
          session().parts().log.find_partition({cursor_.first->topic, PartitionId{each.first}});
      return !status || status->high_watermark() > each.second;
    });
  }

  void finish() {
    is_over_ = true;
    timer_.stop();
    receiver().on_done({"SELECT"});
  }
  void fail(Error error) {
    is_over_ = true;
    timer_.stop();
    receiver().on_error(std::move(error));
  }

  const SelectRows plan_;
  uint64_t rows_left_;  // rows that the LIMIT still allows
  RecordsCursor cursor_;
  MetadataImagePtr image_ = session().parts().definitions.image();  // as of the last read
  Timer timer_;
  std::shared_ptr<Work> work_;  // set from the begin of a read until its rows are sent
  std::unique_ptr<sql::Errand> errand_;
  size_t chunk_ = 0, row_ = 0;  // position of the next row to send
  bool is_read_ = false;        // the rows of `work_` are ready
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<sql::Execution> run_records_follow(SqlSession& session, sql::Receiver& receiver,
                                                   FollowedSelect select) {
  auto run = std::make_unique<RecordsExecution>(session, receiver, std::move(select));
  run->begin();
  return run;
}

}  // namespace server
