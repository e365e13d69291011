// Handles look-ups of one row in the simple protocol. Statements that differ only in the keys share
// one plan.
#include <algorithm>

#include "engine/types/column_bytes.h"
#include "server/pg/session.h"

namespace server::pg {

namespace {

// Encodes the rows of a look-up, all of which arrive while the look-up is started.
class RowsAtHand final : public sql::Receiver {
 public:
  explicit RowsAtHand(RowEncoder& encoder) : encoder_(encoder) {}

  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override {
    constexpr size_t kShortBytes = 16 * 1024;
    has_failed_ |= engine::bytes_of(columns, first_row, end_row) > kShortBytes;
    if (has_failed_) return;
    const auto taken = encoder_.append_rows(messages_, columns, first_row, end_row, kMaxRowBytes);
    has_failed_ = !taken || *taken != end_row - first_row;
    count_ += end_row - first_row;
  }
  void on_notice(sql::Notice) override { has_failed_ = true; }
  void on_done(sql::Completion completion) override { command_ = std::move(completion.command); }
  void on_error(Error) override { has_failed_ = true; }

  bool is_whole() const { return !has_failed_ && !command_.empty(); }
  const std::string& messages() const { return messages_; }
  std::string tag() const { return command_ + " " + std::to_string(count_); }

 private:
  RowEncoder& encoder_;
  std::string messages_, command_;
  size_t count_ = 0;
  bool has_failed_ = false;
};

bool shows_columns_only(const engine::ParsedStatement& statement) {
  const auto* query = std::get_if<engine::Query>(&statement.statement);
  return query && std::ranges::all_of(query->items, [](const engine::SelectItem& item) {
           return item.kind == engine::SelectItemKind::AllColumns ||
                  (item.expression && item.expression->is<engine::ColumnRef>());
         });
}

}  // namespace

// Answers the look-up within the call if that is possible. Otherwise returns false without any
// output; the statement is then processed like any other.
bool Session::answer_at_hand() {
  // The session of a script ends after the script, so a plan would not be used again.
  if (context_.form) return false;
  if (transaction_ == TransactionStatus::Failed || group_ != Group::None) return false;
  script_->shape = shape_of(*script_->text);
  if (!script_->shape) return false;
  KnownLookUp* const known = look_ups_.find(*script_->shape);
  if (!known || !known->statement) return false;
  const sql::Prepared& plan = *known->statement->plan;
  if (!known->encoder || known->encoding != context_.encoding || known->forms != context_.forms) {
    known->encoding = context_.encoding;
    known->forms = context_.forms;
    known->encoder = make_data_row_encoder(plan.columns, {}, context_.encoding, context_.forms);
  }
  RowsAtHand rows(*known->encoder);
  const Result<bool> is_answered =
      context_.backend->answer_at_hand(plan, script_->shape->values, rows);
  if (!is_answered || !*is_answered || !rows.is_whole()) {
    look_ups_.note_in_vain();
    return false;
  }
  known->in_vain = 0;
  has_asked_ = true;
  writer().row_description(plan.columns, {});
  context_.output += rows.messages();
  writer().command_complete(rows.tag());
  return true;
}

// Decides whether all texts that differ from this one only in the literals of their WHERE clause
// (LiteralShape) can use the same plan. Called after the script's only statement was analysed with
// its own literals.
void Session::learn_look_up(const PreparedStatement& as_it_stands) {
  if (!script_->shape || script_->statements.size() != 1) return;
  KnownLookUp* const known = look_ups_.find(*script_->shape);
  if (!known || std::exchange(known->is_decided, true)) return;
  // The constants that replace session functions are literals in the parsed statement. So only
  // statements whose result consists of columns can share a plan.
  if (as_it_stands.plan->kind != sql::ResultKind::Rows || !shows_columns_only(*as_it_stands.parsed))
    return;
  if (Result<PreparedStatementPtr> look_up = analyse_look_up(*script_->shape);
      look_up && *look_up && has_same_columns(*as_it_stands.plan, *(*look_up)->plan))
    known->statement = std::move(look_up).take();
}

bool Session::has_same_columns(const sql::Prepared& one, const sql::Prepared& other) {
  return std::ranges::equal(
      one.columns, other.columns, [](const sql::ResultColumn& a, const sql::ResultColumn& b) {
        return a.name == b.name && a.type == b.type && a.exact_name == b.exact_name;
      });
}

// Analyses the statement whose literals were replaced by parameters. Returns null if it is not a
// look-up of one row.
Result<PreparedStatementPtr> Session::analyse_look_up(const LiteralShape& shape) {
  if (shape.text.size() > limits_.max_text_on_loop) return nullptr;
  MemoryCharge charge = TRY(charge_statement(shape.text));
  const auto text = std::make_shared<const std::string>(shape.text);
  const std::optional<Statements> parsed = TRY(parse(text));
  if (!parsed || parsed->size() != 1 || !shows_columns_only(*parsed->front())) return nullptr;
  PreparedStatementPtr analysed = TRY(analyse(parsed->front(), text, {}, shape.types));
  if (!analysed->plan || !analysed->plan->is_look_up || analysed->plan->parameters != shape.types)
    return nullptr;
  analysed->charge = std::move(charge);
  return analysed;
}

}  // namespace server::pg
