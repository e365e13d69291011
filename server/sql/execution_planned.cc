// Statements that are planned on another thread, since planning would block a loop for too long.
#include "server/sql/execution.h"

namespace server {

namespace {

class PlannedAsideExecution final : public SqlExecution {
 public:
  using SqlExecution::SqlExecution;

  Status begin(std::unique_ptr<Planner> planner, StatementBegun begun) {
    // The planning on a worker thread shares ownership of these data: it may still run when this execution was
    // destroyed, for example because the client has disconnected.
    struct Planning {
      std::unique_ptr<Planner> planner;
      StatementBegun begun;
      Result<PlannedStatement> planned = PlannedStatement();
    };
    const size_t bytes = begun.prepared->statement->text.size();
    auto planning = std::make_shared<Planning>(Planning{std::move(planner), std::move(begun)});
    const auto work = [planning](const std::atomic<bool>& is_cancelled) {
      planning->planner->watch(is_cancelled);
      planning->planned =
          planning->planner->plan(*planning->begun.prepared, parameters_for(planning->begun));
    };
    errand_ = session().run_aside(bytes, work, [this, planning] {
      run(std::move(planning->planned), std::move(planning->begun), planning->planner->image());
    });
    if (errand_) return {};
    return too_many_waiting();
  }

  void pause() override {
    SqlExecution::pause();
    if (running_) running_->pause();
  }
  void resume() override {
    SqlExecution::resume();
    if (running_) running_->resume();
  }
  bool has_caught_up() const override { return running_ && running_->has_caught_up(); }
  void cancel() override {
    if (running_) return running_->cancel();
    if (!errand_) return;
    errand_.reset();
    receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }

 private:
  void run(Result<PlannedStatement> planned, StatementBegun begun, MetadataImagePtr image) {
    if (!planned) return receiver().on_error(std::move(planned).error());
    auto started =
        session().run(std::move(planned).take(), std::move(begun), std::move(image), receiver());
    if (!started) return receiver().on_error(std::move(started).error());
    running_ = std::move(started).take();
    if (is_paused()) running_->pause();
  }

  std::unique_ptr<sql::Errand> errand_;
  std::unique_ptr<sql::Execution> running_;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_planned_aside(SqlSession& session,
                                                          sql::Receiver& receiver,
                                                          std::unique_ptr<Planner> planner,
                                                          StatementBegun begun) {
  auto run = std::make_unique<PlannedAsideExecution>(session, receiver);
  TRY(run->begin(std::move(planner), std::move(begun)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
