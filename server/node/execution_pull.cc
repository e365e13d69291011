#include <fmt/format.h>

#include "server/node/execution.h"
#include "server/node/read_barrier.h"

namespace server {

namespace {

class PullExecution final : public NodeExecution {
 public:
  PullExecution(NodeSession& session, pg::Receiver& receiver, engine::PullPlan plan, WorldPtr world)
      : NodeExecution(session, receiver),
        plan_(std::move(plan)),
        world_(std::move(world)),
        patience_(session.shard().loop(), [this] { give_up_waiting(); }),
        room_(plan_.limit ? static_cast<size_t>(*plan_.limit) : SIZE_MAX) {}

  void begin() {
    keeper_ = world_->keeper_of(*plan_.table);
    if (!keeper_)
      return receiver().on_error(
          Error{ErrorCode::ObjectState,
                fmt::format("no query keeps the rows of table {}", plan_.table->name)});
    patience_.start_once(
        session().setting_ms("read.wait.ms", session().parts().settings.read_wait_ms));
    wait_for_written(session().parts(), session().shard(), world_, *keeper_, session().written(),
                     [this, alive = alive()](Status status) {
                       if (*alive) written_passed(std::move(status));
                     });
  }
  void resume() override {
    NodeExecution::resume();
    deliver();
  }

 private:
  void give_up_waiting() {
    if (is_asking_) return;
    receiver().on_notice({pg::NoticeLevel::Warning,
                          fmt::format("table {} has not yet caught up with what this session wrote",
                                      plan_.table->name),
                          "",
                          "SHOW QUERIES tells how far its query is behind. The setting "
                          "read.wait.ms bounds the waiting."});
    ask();
  }

  void written_passed(Status status) {
    if (is_asking_) return;
    if (!status)
      receiver().on_notice(
          {pg::NoticeLevel::Warning,
           fmt::format("table {} may lack what this session wrote", plan_.table->name),
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
    auto answer = on_loop([this](std::shared_ptr<Result<std::vector<engine::Batch>>> rows) {
      take(std::move(rows));
    });
    for (Shard* shard : shards)
      shard->post([shard, id = keeper_->plan->id, keys = plan_.keys, answer,
                   &clock = session().parts().clock] { look_up(*shard, id, keys, clock, answer); });
  }

  // On the shard that owns the tasks. What it finds is shown once everything that it reflects is
  // durable.
  template <class Answer>
  static void look_up(Shard& shard, const std::string& query_id,
                      const std::optional<std::vector<std::string>>& keys, const Clock& clock,
                      Answer answer) {
    struct Gathered {
      std::shared_ptr<Result<std::vector<engine::Batch>>> rows =
          std::make_shared<Result<std::vector<engine::Batch>>>();
      size_t left = 1;
    };
    auto gathered = std::make_shared<Gathered>();
    const auto one_durable = [gathered, answer](Status status) {
      if (!status && *gathered->rows) *gathered->rows = std::move(status).error();
      if (--gathered->left == 0) answer(gathered->rows);
    };
    Random random(0);
    const engine::EvalContext eval{clock, random};
    for (ShardTask* task : shard.keepers(query_id)) {
      Result<engine::Batch> rows = keys ? task->view->find(*keys, eval) : task->view->scan(eval);
      if (!rows) {
        *gathered->rows = std::move(rows).error();
        break;
      }
      (*gathered->rows)->push_back(std::move(rows).take());
      if (task->task->failure())
        continue;  // its rows are the last durable ones; SHOW QUERIES tells about the failure
      ++gathered->left;
      task->task->when_durable(one_durable);
    }
    one_durable({});
  }

  void take(std::shared_ptr<Result<std::vector<engine::Batch>>> rows) {
    if (is_over_) return;
    if (!*rows) return fail(std::move(*rows).error());
    for (engine::Batch& batch : **rows) batches_.push_back(std::move(batch));
    if (--left_ == 0) deliver();
  }

  void deliver() {
    if (left_ > 0 || is_over_ || !is_asking_) return;
    while (!batches_.empty() && room_ > 0 && !is_paused()) {
      Result<engine::Batch> shaped =
          engine::shape_pull_rows(plan_, std::move(batches_.back()), room_, session().eval());
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

  const engine::PullPlan plan_;
  const WorldPtr world_;
  const DefinedQuery* keeper_ = nullptr;
  Timer patience_;
  size_t room_;
  size_t left_ = 1;
  bool is_asking_ = false, is_over_ = false;
  std::vector<engine::Batch> batches_;
};

}  // namespace

std::unique_ptr<pg::Execution> run_pull(NodeSession& session, pg::Receiver& receiver,
                                        engine::PullPlan plan, WorldPtr world) {
  auto run = std::make_unique<PullExecution>(session, receiver, std::move(plan), std::move(world));
  run->begin();
  return run;
}

}  // namespace server
