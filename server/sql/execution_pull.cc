#include <fmt/format.h>

#include "server/sql/execution.h"
#include "server/sql/read_barrier.h"

namespace server {

namespace {

class PullExecution final : public SqlExecution {
 public:
  PullExecution(SqlSession& session, sql::Receiver& receiver,
                std::shared_ptr<const engine::PullPlan> plan, MetadataImagePtr image)
      : SqlExecution(session, receiver),
        plan_(std::move(plan)),
        image_(std::move(image)),
        patience_(session.shard().loop(), [this] { give_up_waiting(); }),
        room_(plan_->limit ? static_cast<size_t>(*plan_->limit) : SIZE_MAX) {}

  void begin() {
    keeper_ = image_->materializer_of(*plan_->table);
    if (!keeper_)
      return receiver().on_error(
          Error{ErrorCode::ObjectState,
                fmt::format("no query keeps the rows of table {}", plan_->table->name)});
    const int64_t patience_ms =
        session().setting_ms("read.wait.ms", session().parts().settings.read_wait_ms);
    patience_.start_once(patience_ms);
    wait_for_written(session().parts(), session().shard(), image_, {keeper_}, session().written(),
                     patience_ms, [this, alive = alive()](Status status) {
                       if (*alive) written_passed(std::move(status));
                     });
  }
  void resume() override {
    SqlExecution::resume();
    deliver();
  }

 private:
  // What one shard answers.
  struct Found {
    Result<std::vector<engine::Batch>> rows = std::vector<engine::Batch>();
    size_t tasks = 0;  // that were asked
    size_t left = 1;   // that are not durable yet, and one for the shard
  };

  void give_up_waiting() {
    if (is_asking_) return;
    receiver().on_notice({sql::NoticeLevel::Warning,
                          fmt::format("table {} has not yet caught up with what this session wrote",
                                      plan_->table->name),
                          "",
                          "SHOW QUERIES tells how far its query is behind. The setting "
                          "read.wait.ms bounds the waiting."});
    ask();
  }

  void written_passed(Status status) {
    if (is_asking_) return;
    if (!status)
      receiver().on_notice(
          {sql::NoticeLevel::Warning,
           fmt::format("table {} may lack what this session wrote", plan_->table->name),
           status.error().message, "SHOW QUERIES tells the state of its query."});
    ask();
  }

  // All tasks of the table are asked, also for single keys: producers may have chosen partitions in
  // their own way.
  void ask() {
    is_asking_ = true;
    patience_.stop();
    const std::vector<Shard*>& shards = session().parts().queries.shards();
    left_ = shards.size();
    auto answer = on_loop([this](std::shared_ptr<Found> found) { take(*found); });
    for (Shard* shard : shards)
      shard->post([shard, id = keeper_->plan->id, keys = plan_->keys, answer,
                   &clock = session().parts().clock] { look_up(*shard, id, keys, clock, answer); });
  }

  // On the shard that owns the tasks. What it finds is shown once everything that it reflects is
  // durable.
  template <class Answer>
  static void look_up(Shard& shard, const std::string& query_id,
                      const std::optional<std::vector<std::string>>& keys, const Clock& clock,
                      Answer answer) {
    auto found = std::make_shared<Found>();
    const auto one_durable = [found, answer](Status status) {
      if (!status && found->rows) found->rows = std::move(status).error();
      if (--found->left == 0) answer(found);
    };
    Random random(0);
    const engine::EvalContext eval{clock, random};
    for (ShardTask* task : shard.keepers(query_id)) {
      Result<engine::Batch> rows = keys ? task->view->find(*keys, eval) : task->view->scan(eval);
      if (!rows) {
        found->rows = std::move(rows).error();
        break;
      }
      found->rows->push_back(std::move(rows).take());
      ++found->tasks;
      if (task->task->failure())
        continue;  // its rows are the last durable ones; SHOW QUERIES tells about the failure
      ++found->left;
      task->task->when_durable(one_durable);
    }
    one_durable({});
  }

  void take(Found& found) {
    if (is_over_) return;
    if (!found.rows) return fail(std::move(found.rows).error());
    for (engine::Batch& batch : *found.rows) batches_.push_back(std::move(batch));
    tasks_asked_ += found.tasks;
    if (--left_ > 0) return;
    // Half a table is none.
    if (tasks_asked_ < session().parts().queries.keeper_count(*keeper_)) return fail(not_kept());
    deliver();
  }

  Error not_kept() {
    const auto trouble = session().parts().supervisor.trouble_of(keeper_->plan->id);
    if (!trouble)
      return Error{
          ErrorCode::ObjectState,
          fmt::format("the query that keeps table {} is starting again", plan_->table->name),
          {},
          "Try again in a moment."};
    return Error{ErrorCode::ObjectState,
                 fmt::format("table {} cannot be read: its query {} does not run",
                             plan_->table->name, keeper_->plan->id),
                 trouble->message, trouble->hint};
  }

  void deliver() {
    if (left_ > 0 || is_over_ || !is_asking_) return;
    while (!batches_.empty() && room_ > 0 && !is_paused()) {
      Result<engine::Batch> shaped =
          engine::shape_pull_rows(*plan_, std::move(batches_.back()), room_, session().eval());
      batches_.pop_back();
      if (!shaped) return fail(std::move(shaped).error());
      room_ -= shaped->rows;
      if (shaped->rows > 0) receiver().on_rows(shaped->columns, 0, shaped->rows);
    }
    if (!batches_.empty() && room_ > 0) return;  // paused
    is_over_ = true;
    receiver().on_done({"SELECT"});
  }

  void fail(Error error) {
    is_over_ = true;
    receiver().on_error(std::move(error));
  }

  const std::shared_ptr<const engine::PullPlan> plan_;
  const MetadataImagePtr image_;
  const DefinedQuery* keeper_ = nullptr;
  Timer patience_;
  size_t room_;
  size_t left_ = 1;         // shards that have not answered
  size_t tasks_asked_ = 0;  // of the table
  bool is_asking_ = false, is_over_ = false;
  std::vector<engine::Batch> batches_;
};

}  // namespace

std::unique_ptr<sql::Execution> run_pull(SqlSession& session, sql::Receiver& receiver,
                                         std::shared_ptr<const engine::PullPlan> plan,
                                         MetadataImagePtr image) {
  auto run = std::make_unique<PullExecution>(session, receiver, std::move(plan), std::move(image));
  run->begin();
  return run;
}

}  // namespace server
