#include <algorithm>
#include <optional>

#include "engine/plan/print_plan.h"
#include "server/net/weak_callback.h"
#include "server/sql/execution.h"

namespace server {

namespace {

// Intervals of local checks, and of requests to an external registry.
constexpr int64_t kAssertEveryMs = 20, kAskEveryMs = 200;
constexpr int64_t kDefaultTimeoutMs = 1'000;  // ksqlDB's default for topics and schemas

// ASSERT TOPIC and ASSERT SCHEMA: checks again and again until the assertion holds or the time is
// up.
class AssertExecution final : public SqlExecution {
 public:
  AssertExecution(SqlSession& session, sql::Receiver& receiver,
                  std::shared_ptr<const engine::ParsedStatement> statement)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        timer_(session.shard().loop(), "assertions", [this] { look(); }) {}

  Status begin() {
    if (!is_elsewhere() || !(schema()->subject || schema()->id)) TRY(wrong_now());
    const auto& timeout = schema() ? schema()->timeout : topic()->timeout;
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
  // Exactly one of topic() and schema() is not null.
  const engine::AssertTopic* topic() const {
    return std::get_if<engine::AssertTopic>(&statement_->statement);
  }
  const engine::AssertSchema* schema() const {
    return std::get_if<engine::AssertSchema>(&statement_->statement);
  }
  Result<std::optional<std::string>> wrong_now() const {
    const MetadataImagePtr now = image();
    return schema() ? engine::refute(*schema(), *now->schemas)
                    : engine::refute(*topic(), SnapshotTopics(*now->topics));
  }
  MetadataImagePtr image() const { return session().parts().definitions.image(); }
  bool is_elsewhere() const { return schema() && session().parts().definitions.outside_registry(); }

  void look() {
    if (!is_elsewhere()) return judge(wrong_now());
    std::optional<int32_t> id;
    if (const auto& asked = schema()->id)
      id = *asked > 0 && *asked <= INT32_MAX ? static_cast<int32_t>(*asked) : 0;
    const auto& subject = schema()->subject;
    session().parts().definitions.outside_registry()->look_up(
        subject ? std::optional(subject->text) : std::nullopt, id,
        callback_.on(session().shard().loop(), [this](Result<engine::SchemaRegistry> found) {
          if (!found) return receiver().on_error(std::move(found).error());
          judge(engine::refute(*schema(), *found));
        }));
  }

  void judge(const Result<std::optional<std::string>>& wrong) {
    if (!wrong) return receiver().on_error(wrong.error());
    if (!*wrong) return receiver().on_done({schema() ? "ASSERT SCHEMA" : "ASSERT TOPIC"});
    if (session().parts().clock.monotonic_us() >= until_us_)
      return receiver().on_error({ErrorCode::ObjectState, **wrong});
    timer_.start_once(is_elsewhere() ? kAskEveryMs : kAssertEveryMs);
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  Timer timer_;
  int64_t until_us_ = 0;
  const WeakCallback callback_;  // destroyed first, so that later answers are dropped
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
