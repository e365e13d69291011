#include <algorithm>
#include <optional>

#include "engine/plan/print_plan.h"
#include "server/sql/execution.h"

namespace server {

namespace {

constexpr int64_t kLookEveryMs = 20;
constexpr int64_t kDefaultTimeoutMs = 1'000;  // as ksql.assert.topic.default.timeout.ms

// ASSERT TOPIC: looks again and again until it is true, or time is up.
class AssertExecution final : public SqlExecution {
 public:
  AssertExecution(SqlSession& session, sql::Receiver& receiver,
                  std::shared_ptr<const engine::ParsedStatement> statement)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        timer_(session.shard().loop(), "assertions", [this] { look(); }) {}

  Status begin() {
    TRY(engine::refute(assertion(), SnapshotTopics(*image()->topics)));
    const auto& timeout = assertion().timeout;
    const int64_t timeout_ms = timeout ? TRY(timeout->to_ms()) : kDefaultTimeoutMs;
    until_us_ =
        session().parts().clock.monotonic_us() + std::min(timeout_ms, INT64_MAX / 4'000) * 1'000;
    look();
    return {};
  }
  void cancel() override {
    timer_.stop();
    receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request"});
  }

 private:
  const engine::AssertTopic& assertion() const {
    return std::get<engine::AssertTopic>(statement_->statement);
  }
  MetadataImagePtr image() const { return session().parts().definitions.image(); }

  void look() {
    const auto wrong = engine::refute(assertion(), SnapshotTopics(*image()->topics));
    if (!wrong) return receiver().on_error(wrong.error());
    if (!*wrong) return receiver().on_done({"ASSERT TOPIC"});
    if (session().parts().clock.monotonic_us() >= until_us_)
      return receiver().on_error({ErrorCode::ObjectState, **wrong});
    timer_.start_once(kLookEveryMs);
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  Timer timer_;
  int64_t until_us_ = 0;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_assertion(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement) {
  auto run = std::make_unique<AssertExecution>(session, receiver, std::move(statement));
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
