#include "server/sql/access/audited_start.h"

#include <utility>

namespace server::sql {

namespace {

class AuditedExecution final : public Execution, private Receiver {
 public:
  AuditedExecution(ChangeAudit audit, std::shared_ptr<const engine::ParsedStatement> statement,
                   Receiver& to)
      : audit_(std::move(audit)), statement_(std::move(statement)), to_(to) {}
  ~AuditedExecution() override {
    inner_.reset();
    const Error abandoned{ErrorCode::QueryCanceled, "the client has disconnected"};
    report(&abandoned);
  }

  Status start(const StartWith& start) {
    auto started = start(*this);
    if (started) {
      inner_ = std::move(started).take();
      return {};
    }
    report(&started.error());
    return std::move(started).error();
  }

  void pause() override { inner_->pause(); }
  void resume() override { inner_->resume(); }
  void cancel() override { inner_->cancel(); }

 private:
  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override {
    to_.on_rows(columns, first_row, end_row);
  }
  void on_changes(std::span<const engine::ColumnPtr> columns, size_t first_row, size_t end_row,
                  const engine::Bitmap& present) override {
    to_.on_changes(columns, first_row, end_row, present);
  }
  bool has_room(size_t first_row_bytes) override { return to_.has_room(first_row_bytes); }
  void on_notice(Notice notice) override { to_.on_notice(std::move(notice)); }
  void on_done(Completion completion) override {
    report(nullptr);
    to_.on_done(std::move(completion));
  }
  void on_error(Error error) override {
    report(&error);
    to_.on_error(std::move(error));
  }
  void report(const Error* error) {
    if (const ChangeAudit audit = std::exchange(audit_, nullptr)) audit(*statement_, error);
  }

  ChangeAudit audit_;  // null once the end is reported
  const std::shared_ptr<const engine::ParsedStatement> statement_;
  Receiver& to_;
  std::unique_ptr<Execution> inner_;
};

}  // namespace

Result<std::unique_ptr<Execution>> start_audited(
    ChangeAudit audit, std::shared_ptr<const engine::ParsedStatement> statement, Receiver& receiver,
    const StartWith& start) {
  auto execution =
      std::make_unique<AuditedExecution>(std::move(audit), std::move(statement), receiver);
  TRY(execution->start(start));
  return std::unique_ptr<Execution>(std::move(execution));
}

}  // namespace server::sql
