#include "server/sql/serial/sequence_advance.h"

#include <utility>

namespace server {

void SequenceAdvance::begin(std::function<void(Status)> done) {
  done_ = std::move(done);
  pass_next();
}

void SequenceAdvance::pass_next() {
  if (given_.empty()) return std::exchange(done_, nullptr)({});
  GivenNumbers next = std::move(given_.back());
  given_.pop_back();
  session_.parts().sequences.pass(
      std::move(next),
      callback_.on(session_.shard().loop(),
                   [this](const Result<std::chrono::milliseconds>& wait) { passed(wait); }));
}

void SequenceAdvance::passed(const Result<std::chrono::milliseconds>& wait) {
  if (!wait) return std::exchange(done_, nullptr)(wait.error());
  if (wait->count() == 0) return pass_next();
  timer_.emplace(session_.shard().loop(), "numbers that others may give", [this] { pass_next(); });
  timer_->start_once(wait->count());
}

namespace {

class AfterPassing final : public SqlExecution {
 public:
  AfterPassing(SqlSession& session, sql::Receiver& receiver, InsertRows rows)
      : SqlExecution(session, receiver),
        rows_(std::move(rows)),
        passing_(std::make_unique<SequenceAdvance>(session, std::exchange(rows_.given, {}))) {}

  void begin() {
    passing_->begin([this](const Status& passed) {
      if (!passed) return receiver().on_error(passed.error());
      auto written = session().write(std::move(rows_), receiver());
      if (!written) return receiver().on_error(std::move(written).error());
      running_ = *std::move(written);
      if (is_paused()) running_->pause();
    });
  }
  void cancel() override {
    if (running_) return running_->cancel();
    if (std::exchange(passing_, nullptr))
      receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }
  void pause() override {
    SqlExecution::pause();
    if (running_) running_->pause();
  }
  void resume() override {
    SqlExecution::resume();
    if (running_) running_->resume();
  }

 private:
  InsertRows rows_;
  std::unique_ptr<SequenceAdvance> passing_;
  std::unique_ptr<sql::Execution> running_;
};

}  // namespace

std::unique_ptr<sql::Execution> run_after_passing(SqlSession& session, sql::Receiver& receiver,
                                                  InsertRows rows) {
  auto run = std::make_unique<AfterPassing>(session, receiver, std::move(rows));
  run->begin();
  return run;
}

}  // namespace server
