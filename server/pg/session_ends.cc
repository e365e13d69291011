#include "server/pg/session_ends.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/sql/rewrite.h"
#include "server/pg/setting_calls.h"

namespace server::pg {

using engine::Column;
using engine::ColumnPtr;

namespace {

class EndingRows final : public sql::Execution, private sql::Receiver {
 public:
  EndingRows(std::shared_ptr<const PreparedEnds> prepared, sql::Receiver& receiver)
      : prepared_(std::move(prepared)), receiver_(receiver) {}

  Status start(sql::SessionBackend& backend, std::vector<engine::Value> parameters) {
    numbers_ = TRY(backend.start(prepared_->numbers, std::move(parameters), *this));
    return {};
  }
  void pause() override {
    if (numbers_) numbers_->pause();
  }
  void resume() override {
    if (numbers_) numbers_->resume();
  }
  void cancel() override {
    if (numbers_) numbers_->cancel();
  }

 private:
  void on_rows(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row) override {
    if (has_failed_) return;
    std::vector<ColumnPtr> rows(columns.begin(), columns.end());
    for (const EndingColumn& each : prepared_->ending) {
      auto ended = end_sessions(*columns[each.column], first_row, end_row, each.what);
      if (!ended) return fail(std::move(ended).error());
      rows[each.column] = *std::move(ended);
    }
    // The columns of the results must have the same row numbers as the other columns, so
    // end_sessions() fills the rows before first_row with NULL.
    receiver_.on_rows(rows, first_row, end_row);
  }
  // Returns a column as long as `numbers`; rows before first_row are NULL.
  Result<ColumnPtr> end_sessions(const Column& numbers, size_t first_row, size_t end_row,
                                 SessionEnd what) const {
    auto ended = std::make_shared<Column>(engine::TypeKind::Boolean);
    for (size_t row = 0; row < first_row; ++row) ended->append_null();
    for (size_t row = first_row; row < end_row; ++row) {
      if (numbers.is_null(row))
        ended->append_null();
      else
        ended->append(
            static_cast<uint8_t>(TRY(prepared_->end_session(numbers.data<int32_t>()[row], what))));
    }
    return ColumnPtr(std::move(ended));
  }
  bool has_room(size_t first_row_bytes) override { return receiver_.has_room(first_row_bytes); }
  void on_notice(sql::Notice notice) override { receiver_.on_notice(std::move(notice)); }
  void on_done(sql::Completion completion) override {
    if (!has_failed_) receiver_.on_done(std::move(completion));
  }
  void on_error(Error error) override {
    if (!has_failed_) fail(std::move(error));
  }
  void fail(Error error) {
    has_failed_ = true;
    receiver_.on_error(std::move(error));
  }

  const std::shared_ptr<const PreparedEnds> prepared_;
  sql::Receiver& receiver_;
  std::unique_ptr<sql::Execution> numbers_;
  bool has_failed_ = false;
};

}  // namespace

EndingQuery numbers_to_end(const engine::ParsedStatement& statement) {
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  if (!query || !query->from) return {};
  const auto ends = [](const engine::SelectItem& item) -> std::optional<SessionEnd> {
    return item.expression ? what_it_ends(*item.expression) : std::nullopt;
  };
  // The columns after a * have unknown positions, so only calls in items before the * are replaced.
  const auto star = std::ranges::find(query->items, engine::SelectItemKind::AllColumns,
                                      &engine::SelectItem::kind);
  if (std::none_of(query->items.begin(), star, [&](const auto& item) { return ends(item); }))
    return {};
  EndingQuery ending;
  engine::Query numbers = engine::clone(*query);
  for (size_t i = 0; i < static_cast<size_t>(star - query->items.begin()); ++i) {
    engine::SelectItem& item = numbers.items[i];
    const auto what = ends(item);
    if (!what) continue;
    auto& call = std::get<engine::FunctionCall>(item.expression->node);
    if (!item.alias) item.alias = engine::Name{call.name};
    engine::ExpressionPtr number = std::move(call.arguments.front());
    item.expression = engine::make_expression(
        engine::Cast{std::move(number), {.kind = engine::TypeKind::Integer}}, item.position);
    ending.columns.push_back({i, *what});
  }
  ending.numbers = std::make_shared<const engine::ParsedStatement>(
      engine::ParsedStatement{std::move(numbers), statement.text, statement.start});
  return ending;
}

PreparedEnds::PreparedEnds(std::shared_ptr<const sql::Prepared> of_engine,
                           std::vector<EndingColumn> its_columns, EndSession end)
    : sql::Prepared(*of_engine),
      numbers(std::move(of_engine)),
      ending(std::move(its_columns)),
      end_session(std::move(end)) {
  for (const EndingColumn& each : ending) columns[each.column].type = engine::TypeKind::Boolean;
  is_look_up = false;  // the engine would answer a look-up without ending the sessions
}

std::shared_ptr<const sql::Prepared> prepared_by_engine(
    const std::shared_ptr<const sql::Prepared>& prepared) {
  const auto* ends = dynamic_cast<const PreparedEnds*>(prepared.get());
  return ends ? ends->numbers : prepared;
}

Result<std::unique_ptr<sql::Execution>> start_prepared(
    sql::SessionBackend& backend, const std::shared_ptr<const sql::Prepared>& prepared,
    std::vector<engine::Value> parameters, sql::Receiver& receiver) {
  const auto ends = std::dynamic_pointer_cast<const PreparedEnds>(prepared);
  if (!ends) return backend.start(prepared, std::move(parameters), receiver);
  auto run = std::make_unique<EndingRows>(ends, receiver);
  TRY(run->start(backend, std::move(parameters)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server::pg
