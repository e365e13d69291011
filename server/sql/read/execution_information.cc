#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/system_tables/entities.h"
#include "engine/system_tables/information.h"
#include "server/metadata/name_hints.h"
#include "server/sql/execution.h"
#include "server/sql/read/information_facts.h"

namespace server {

namespace {

// Gathers the facts that the statement needs; a worker computes the answer.
class InformationExecution final : public SqlExecution {
 public:
  InformationExecution(SqlSession& session, sql::Receiver& receiver,
                       std::shared_ptr<const engine::ParsedStatement> statement,
                       MetadataImagePtr image, InformationForm form)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        gathering_(session, std::move(image)),
        form_(form) {}

  void begin() {
    const engine::Statement& statement = statement_->statement;
    // Answers of ksqlDB's API (Entity) show the state of each query that they name.
    const bool needs_statuses =
        form_ == InformationForm::Entity || engine::needs_statuses(statement);
    gathering_.begin({needs_statuses, engine::needs_server_facts(statement),
                      engine::needs_consumer_groups(statement), engine::needs_schemas(statement)},
                     [this](std::shared_ptr<InformationFacts> facts) { answer(std::move(facts)); });
  }
  void resume() override {
    SqlExecution::resume();
    if (rows_ && !is_over_) show_soon();
  }

 private:
  // The inputs of the answer, and the answer itself. The object belongs to the work, which may
  // outlive the execution.
  struct Answer {
    std::shared_ptr<const engine::ParsedStatement> statement;
    std::shared_ptr<const InformationFacts> facts;
    InformationForm form;
    Result<engine::InformationRows> rows = engine::InformationRows();

    void make() {
      const engine::VisibleNamesInUse visible(
          visible_to(*facts->image->users, facts->reader.asker));
      rows = facts->with_context([&](const engine::InformationContext& context) {
        return form == InformationForm::Rows
                   ? engine::answer_information(statement->statement, context)
                   : entity(engine::information_entity(statement->statement, statement->text,
                                                       context));
      });
    }

    static Result<engine::InformationRows> entity(Result<std::string> json) {
      if (!json) return std::move(json).error();
      engine::InformationRows one;
      one.schema.columns.push_back({"entity", engine::TypeKind::String});
      one.columns.push_back(
          engine::constant_column(engine::TypeKind::String, engine::Value::text(*json), 1));
      one.rows = 1;
      return one;
    }
  };

  // Computes the answer on a worker: EXPLAIN plans a statement and SHOW may list 10,000 queries,
  // which takes too long for a loop.
  void answer(std::shared_ptr<const InformationFacts> facts) {
    if (facts->failure) return receiver().on_error(*facts->failure);
    if (auto missing = facts->missing_groups()) receiver().on_notice(*std::move(missing));
    auto answer = std::make_shared<Answer>(Answer{statement_, std::move(facts), form_});
    errand_ = session().run_aside(
        statement_->text.size(), [answer](const std::atomic<bool>&) { answer->make(); },
        [this, answer] {
          if (!answer->rows) return receiver().on_error(with_other_kind(answer->rows.error()));
          rows_ = std::move(*answer->rows);
          show();
        });
    if (!errand_) receiver().on_error(too_many_waiting());
  }

  Error with_other_kind(Error error) {
    const auto* describe = std::get_if<engine::DescribeSource>(&statement_->statement);
    if (!describe || error.code != ErrorCode::UndefinedSource) return error;
    if (auto hint = hint_for_other_kind(*session().parts().definitions.image(), session().asker(),
                                        "DESCRIBE", describe->name.text))
      error.hint = *std::move(hint);
    return error;
  }

  // Shows the rows in portions; between them the loop serves other work.
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
  const InformationForm form_;
  std::unique_ptr<sql::Errand> errand_;
  std::optional<engine::InformationRows> rows_;  // set once the rows are computed
  size_t shown_ = 0;
  // whether the next portion is scheduled, and whether all rows have been sent
  bool is_waiting_ = false, is_over_ = false;
};

}  // namespace

std::unique_ptr<sql::Execution> run_information(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, MetadataImagePtr image,
    InformationForm form) {
  auto run = std::make_unique<InformationExecution>(session, receiver, std::move(statement),
                                                    std::move(image), form);
  run->begin();
  return run;
}

}  // namespace server
