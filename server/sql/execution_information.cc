#include <algorithm>
#include <optional>
#include <utility>

#include "engine/system_tables/information.h"
#include "server/sql/execution.h"
#include "server/sql/information_facts.h"

namespace server {

namespace {

// Gathers what the statement wants to know; a worker makes the answer.
class InformationExecution final : public SqlExecution {
 public:
  InformationExecution(SqlSession& session, sql::Receiver& receiver,
                       std::shared_ptr<const engine::ParsedStatement> statement,
                       MetadataImagePtr image)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        gathering_(session, std::move(image)) {}

  void begin() {
    const engine::Statement& statement = statement_->statement;
    gathering_.begin({engine::needs_statuses(statement), engine::needs_server_facts(statement),
                      engine::needs_consumer_groups(statement)},
                     [this](std::shared_ptr<InformationFacts> facts) { answer(std::move(facts)); });
  }
  void resume() override {
    SqlExecution::resume();
    if (rows_ && !is_over_) show_soon();
  }

 private:
  // What the answer is made of, and the answer. Owned by the work, which may outlive the execution.
  struct Answer {
    std::shared_ptr<const engine::ParsedStatement> statement;
    std::shared_ptr<const InformationFacts> facts;
    Result<engine::InformationRows> rows = engine::InformationRows();

    void make() {
      rows = facts->with_context([&](const engine::InformationContext& context) {
        return engine::answer_information(statement->statement, context);
      });
    }
  };

  // EXPLAIN plans, and SHOW tells of 10,000 queries: neither is for a loop.
  void answer(std::shared_ptr<const InformationFacts> facts) {
    auto answer = std::make_shared<Answer>(Answer{statement_, std::move(facts)});
    errand_ = session().run_aside(
        statement_->text.size(), [answer](const std::atomic<bool>&) { answer->make(); },
        [this, answer] {
          if (!answer->rows) return receiver().on_error(answer->rows.error());
          rows_ = std::move(*answer->rows);
          show();
        });
    if (!errand_) receiver().on_error(too_many_waiting());
  }

  // In portions, between which the loop turns to others.
  void show() {
    constexpr size_t kPortionRows = 512;
    is_waiting_ = false;
    if (is_paused()) return;
    const size_t first = shown_;
    shown_ = std::min(rows_->rows, first + kPortionRows);
    if (shown_ > first) receiver().on_rows(rows_->columns, first, shown_);
    is_over_ = shown_ == rows_->rows;
    if (is_over_)
      receiver().on_done({"SELECT"});
    else
      show_soon();
  }
  void show_soon() {
    if (!std::exchange(is_waiting_, true)) on_loop([this] { show(); })();
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  InformationGathering gathering_;
  std::unique_ptr<sql::Errand> errand_;
  std::optional<engine::InformationRows> rows_;  // once they are there
  size_t shown_ = 0;
  bool is_waiting_ = false, is_over_ = false;  // the next portion is on its way; all are shown
};

}  // namespace

std::unique_ptr<sql::Execution> run_information(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, MetadataImagePtr image) {
  auto run = std::make_unique<InformationExecution>(session, receiver, std::move(statement),
                                                    std::move(image));
  run->begin();
  return run;
}

}  // namespace server
