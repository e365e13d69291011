#include <fmt/format.h>

#include <deque>
#include <utility>

#include "engine/query/key_owner.h"
#include "engine/query/pull_columns.h"
#include "engine/types/column_bytes.h"
#include "server/sql/execution.h"
#include "server/sql/read/consistent_cut.h"
#include "server/sql/read/materialized_tables.h"
#include "server/sql/read/pull_scan.h"
#include "server/sql/read/read_preparation.h"
#include "server/sql/read/table_read.h"

namespace server {

namespace {

// Waits until the table has passed the session's own writes, then asks the shards that keep its
// rows. Shows the rows shard by shard, so that their order does not depend on which shard answers
// first.
class PullExecution final : public TableRead {
 public:
  PullExecution(SqlSession& session, sql::Receiver& receiver, StatementBegun begun,
                std::shared_ptr<const engine::PullPlan> plan, MetadataImagePtr image)
      : TableRead(session, receiver, std::move(begun)),
        plan_(std::move(plan)),
        image_(std::move(image)),
        rows_left_(plan_->limit ? static_cast<size_t>(*plan_->limit) : SIZE_MAX) {}
  ~PullExecution() override { cancel_scans(); }

  void begin() {
    auto kept = find_kept_table(*image_, plan_->table);
    if (!kept) return fail(std::move(kept).error());
    kept_ = *std::move(kept);
    if (rows_left_ == 0) return finish();
    const auto kind = is_for_change() ? ReadPreparation::Kind::Change
                      : plan_->keys   ? ReadPreparation::Kind::Keys
                                      : ReadPreparation::Kind::Scan;
    opening_.emplace(session(), receiver(), image_, std::vector{kept_}, kind);
    is_at_barrier_ = reads_at_barrier(std::span(&kept_, 1));
    if (is_at_barrier_) opening_->precede_barrier(is_repeated());
    opening_->begin([this](Status opened) {
      if (!opened && opened.error().code == ErrorCode::UndefinedObject) return await_table();
      if (!opened) return fail(std::move(opened).error());
      note_opened(opening_->waited_ms());
      ask();
    });
  }
  void resume() override {
    TableRead::resume();
    deliver();
    charge_waiting();
  }

 private:
  struct Part {
    Shard* shard = nullptr;
    std::shared_ptr<PullScan> scan;
    // The portions that have arrived and are not shown yet.
    std::deque<std::shared_ptr<PullPortion>> portions;
    bool has_reported = false, is_complete = false;
  };
  // The PullPortion (rows of a scan) that is being sent to the client, and its next row.
  struct Showing {
    std::shared_ptr<PullPortion> portion;
    size_t batch = 0, row = 0;
  };

  // Asks the tasks that keep the keys. Asks all tasks of the table if the keys do not determine them, because
  // producers may have chosen partitions by another rule.
  void ask() {
    is_asking_ = true;
    const MaterializerPlaces& places = session().places_of(kept_.query, *image_);
    std::vector<Shard*> shards = places.shards;
    tasks_expected_ = places.tasks;
    if (shards.empty()) return await_table();
    auto request = std::make_shared<PullRequest>();
    request->plan = is_at_barrier_ ? without_many_keys(plan_) : plan_;
    if (request->plan->keys && find_owners(request->keys_of)) {
      std::erase_if(shards, [&](const Shard* shard) {
        return std::ranges::none_of(
            request->keys_of, [&](const auto& keys) { return &shard_of(keys.first) == shard; });
      });
      tasks_expected_ = request->keys_of.size();
    }
    request->query_id = kept_.query_id();
    request->kept_by = kept_.query->plan;
    request->is_shaped_there = is_shaped_there_ = engine::is_cheap(*plan_);
    request->used = engine::used_columns(*plan_);
    request->properties = session().properties();
    request->must_have_passed = opening_->must_have_passed(0);
    parts_.resize(shards.size());
    for (size_t i = 0; i < parts_.size(); ++i) {
      parts_[i].shard = shards[i];
      parts_[i].scan = std::make_shared<PullScan>(*shards[i], session().parts().clock, request,
                                                  answer_to(i, shards[i]));
    }
    if (is_at_barrier_)
      return begin_barrier(
          std::span(&kept_, 1),
          [this](const std::string&, std::shared_ptr<HeldTables> held) {
            held_ = std::move(held);
            if (!is_over_) begin_scans();
          },
          [this] { stop(); });
    // A scan of one shard stops the tasks of this shard itself while it begins, so only scans of
    // several shards need a ConsistentCut. Look-ups by key stop no tasks.
    if (plan_->keys || parts_.size() == 1) return begin_scans();
    held_ = ConsistentCut::begin(std::move(shards), {kept_.query_id()},
                                 on_loop([this] { begin_scans(); }));
  }

  // Finds the task of each key. Returns false if a key may be in any task.
  bool find_owners(std::map<int32_t, std::vector<std::string>>& keys_of) const {
    for (const std::string& key : *plan_->keys) {
      const std::optional<int32_t> task = engine::task_of_key(*kept_.query->plan, key);
      if (!task) return false;
      keys_of[*task].push_back(key);
    }
    return !keys_of.empty();
  }
  Shard& shard_of(int32_t task) const {
    return session().parts().queries.shard_for(kept_.query_id(), task);
  }

  void begin_scans() {
    const std::shared_ptr<HeldTables> held = std::move(held_);
    // begin() of the scan on this loop may call take() immediately, which may end the look-up and
    // cancel all scans. The C++ loop nevertheless continues: it has its own references to the held
    // tables and to each scan, and a cancelled scan sends nothing.
    for (size_t i = parts_.size(); i-- > 0;) {
      const std::shared_ptr<PullScan> scan = parts_[i].scan;
      if (parts_[i].shard == &session().shard())
        scan->begin(held);
      else
        parts_[i].shard->post([scan, held] { scan->begin(held); });
    }
  }

  PullScan::Answer answer_to(size_t part, const Shard* shard) {
    auto take = [this, part](const Result<std::shared_ptr<PullPortion>>& portion) {
      this->take(part, portion);
    };
    if (shard != &session().shard()) return on_loop(take);
    return weak_callback().here(take);
  }

  void take(size_t index, const Result<std::shared_ptr<PullPortion>>& portion) {
    if (is_over_) return;
    if (!portion && portion.error().code == ErrorCode::UndefinedObject) return await_table();
    if (!portion) return fail(portion.error());
    Part& part = parts_[index];
    if (!std::exchange(part.has_reported, true)) {
      tasks_found_ += (*portion)->tasks;
      // A client never gets rows of a table of which some tasks are missing.
      if (++reports_ == parts_.size()) {
        if (tasks_found_ < tasks_expected_) return await_table();
        opening_->close();
      }
    }
    part.portions.push_back(*portion);
    deliver();
    charge_waiting();
    (*portion)->on_its_way.reset();
  }

  // Charges to the session the portions in parts_ that are not sent yet. Each shard has at most two of them, but
  // with thousands of open portals they take much memory.
  void charge_waiting() {
    if (is_over_) return;
    size_t bytes = 0;
    for (const Part& part : parts_)
      for (const std::shared_ptr<PullPortion>& portion : part.portions) bytes += portion->bytes;
    if (showing_) bytes += showing_->portion->bytes;
    if (waiting_charge_.try_resize(bytes)) return;
    fail(session().memory()->refusal(
        fmt::format("rows of a look-up that wait, {}", format_bytes(bytes))));
    for (Part& part : parts_) part.portions.clear();
    showing_.reset();
    waiting_charge_.resize(0);
  }

  // Encodes rows in slices. If each of many look-ups encoded a whole portion, the loop would be
  // blocked for a time that grows with the number of clients.
  void deliver() {
    if (is_rest_posted_) return;
    Turn turn{session().parts().clock.monotonic_us()};
    while (!is_over_ && !is_paused() && !shaping_ && reports_ == parts_.size() && is_asking_) {
      if (showing_) {
        if (!show(turn)) return;
        continue;
      }
      if (rows_left_ == 0 || current_ == parts_.size()) return finish();
      Part& part = parts_[current_];
      if (part.is_complete) {
        ++current_;
        continue;
      }
      if (part.portions.empty()) return;
      showing_.emplace(Showing{std::move(part.portions.front())});
      part.portions.pop_front();
      part.is_complete = showing_->portion->is_last;
      if (!is_shaped_there_ && !showing_->portion->batches.empty()) shape_aside();
    }
  }

  // Returns how many rows of the portion are sent together: one if the rows are long, and only a
  // few while many clients do not read their answers.
  size_t rows_at_once(const PullPortion& portion) {
    constexpr size_t kBytesAtOnce = 64 * 1024;
    if (portion.is_long()) return 1;
    const size_t bytes_of_row = portion.bytes / std::max<size_t>(portion.rows, 1) + 1;
    const bool must_be_short = session().parts().memory.has_many_answers();
    return (must_be_short ? MemoryBudget::kShortAnswerBytes : kBytesAtOnce) / bytes_of_row + 1;
  }

  // Rows are sent for at most a limited time in one iteration of the loop; this is the state of one iteration.
  struct Turn {
    int64_t begun_us;
    bool has_shown = false;
  };
  // Returns whether this iteration of the event loop has used up its time. If so, posts another one
  // for the remaining rows.
  bool goes_on_later(Turn& turn) {
    constexpr Loop::SliceLength kSlice{.short_us = 500, .long_us = 2'000};
    if (!std::exchange(turn.has_shown, true)) return false;
    Loop& loop = session().shard().loop();
    const int64_t taken_us = session().parts().clock.monotonic_us() - turn.begun_us;
    if (!loop.is_slice_over(taken_us, kSlice)) return false;
    is_rest_posted_ = true;
    loop.post_rest("rows of a look-up", weak_callback().here([this] {
      is_rest_posted_ = false;
      deliver();
      charge_waiting();
    }));
    return true;
  }

  // Shows rows of the portion as long as the client has room and the iteration has time. Returns
  // whether the portion is finished.
  bool show(Turn& turn) {
    const PullPortion& portion = *showing_->portion;
    for (; showing_->batch < portion.batches.size(); ++showing_->batch, showing_->row = 0) {
      const engine::Batch& batch = portion.batches[showing_->batch];
      size_t& row = showing_->row;
      while (row < batch.rows && rows_left_ > 0) {
        if (goes_on_later(turn)) return false;
        const size_t rows = std::min({batch.rows - row, rows_left_, rows_at_once(portion)});
        if (!receiver().has_room(portion.is_long() ? engine::bytes_of(batch.columns, row, row + 1)
                                                   : 0))
          return false;
        receiver().on_rows(batch.columns, row, row + rows);
        has_shown_ = true;
        row += rows;
        rows_left_ -= rows;
      }
    }
    showing_.reset();
    Part& part = parts_[current_];
    if (!part.is_complete) part.shard->post([scan = part.scan] { scan->go_on(); });
    return true;
  }

  // Applies filters and computes columns on a worker, since functions may take any amount of time.
  void shape_aside() {
    struct Shaping {
      std::shared_ptr<const engine::PullPlan> plan;
      std::shared_ptr<PullPortion> portion;
      engine::Properties properties;
      size_t room;
      const Clock& clock;
      MemoryBudget& memory;
      OwnedCharge charge{memory, MemoryKind::Results};  // charge until the rows are shown
      Status status = {};
      std::shared_ptr<PullPortion> shaped = std::make_shared<PullPortion>();
      Status run(const std::atomic<bool>& is_cancelled) {
        const engine::PullShaper shaper(*plan);
        Random random(static_cast<uint64_t>(clock.monotonic_us()));
        engine::EvalBudget budget(clock, &is_cancelled, &memory);
        const engine::EvalContext eval{clock, random, &properties, &budget};
        for (engine::Batch& batch : portion->batches) {
          budget.begin({});
          engine::Batch rows = TRY(shaper.shape(std::move(batch), room, eval));
          TRY(budget.status());
          room -= rows.rows;
          shaped->add(std::move(rows));
          if (!charge.try_resize(shaped->bytes))
            return charge.refusal(
                fmt::format("rows of a look-up, {}", format_bytes(shaped->bytes)));
        }
        return {};
      }
    };
    auto shaping = std::make_shared<Shaping>(
        Shaping{plan_, showing_->portion, session().properties(), rows_left_,
                session().parts().clock, session().parts().memory});
    constexpr size_t kMostBytes = 256 * 1024;
    shaping_ = session().run_aside(
        std::min(kMostBytes, showing_->portion->bytes),
        [shaping](const std::atomic<bool>& is_cancelled) {
          shaping->status = shaping->run(is_cancelled);
        },
        [this, shaping] {
          shaping_.reset();
          if (!shaping->status) return fail(shaping->status.error());
          showing_->portion = shaping->shaped;
          deliver();
          charge_waiting();
        });
    if (!shaping_) fail(too_many_waiting());
  }

  void cancel_scans() {
    for (const Part& part : parts_)
      if (part.scan) part.scan->cancel();
  }
  void finish() {
    is_over_ = true;
    cancel_scans();
    if (opening_) opening_->give_up();
    receiver().on_done({"SELECT"});
  }
  void fail(Error error) {
    is_over_ = true;
    cancel_scans();
    if (opening_) opening_->give_up();
    receiver().on_error(std::move(error));
  }
  void stop() {
    is_over_ = true;
    cancel_scans();
    opening_->give_up();
  }
  // Waits for the table and starts again. Fails if rows have been sent already, since the client
  // has them.
  void await_table() {
    if (has_shown_) {
      NotKept why = not_kept(session().parts(), kept_);
      if (!why.passes) return fail(std::move(why.error));
      return fail(
          Error{ErrorCode::ObjectState,
                fmt::format("table {} was emptied or altered while it was read", kept_.table->name),
                "The rows that were sent are incomplete.", "Repeat the query."});
    }
    stop();
    not_there(kept_);
  }

  const std::shared_ptr<const engine::PullPlan> plan_;
  const MetadataImagePtr image_;
  MaterializedTable kept_;
  std::optional<ReadPreparation> opening_;
  std::vector<Part> parts_;           // one per shard that keeps rows
  std::shared_ptr<HeldTables> held_;  // set until the scans have begun
  size_t current_ = 0;                // index of the part that is shown
  std::optional<Showing> showing_;    // the position in the current part
  size_t reports_ = 0;                // number of parts that have answered
  size_t tasks_expected_ = 0, tasks_found_ = 0;
  size_t rows_left_;
  std::unique_ptr<sql::Errand> shaping_;
  MemoryCharge waiting_charge_{session().memory(), MemoryKind::Results};
  bool is_at_barrier_ = false;
  bool is_asking_ = false, is_over_ = false, is_shaped_there_ = false, has_shown_ = false;
  bool is_rest_posted_ = false;  // deliver() continues in a later loop iteration
};

}  // namespace

std::unique_ptr<sql::Execution> run_pull(SqlSession& session, sql::Receiver& receiver,
                                         StatementBegun begun,
                                         std::shared_ptr<const engine::PullPlan> plan,
                                         MetadataImagePtr image) {
  auto run = std::make_unique<PullExecution>(session, receiver, std::move(begun), std::move(plan),
                                             std::move(image));
  run->begin();
  return run;
}

}  // namespace server
