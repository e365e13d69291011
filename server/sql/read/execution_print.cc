#include <utility>

#include "engine/query/printed_records.h"
#include "server/sql/execution.h"

namespace server {

namespace {

// PRINT: shows the result of a query over the topic's bytes as lines of text.
class PrintExecution final : public SqlExecution, private sql::Receiver {
 public:
  PrintExecution(SqlSession& session, sql::Receiver& receiver, int64_t interval)
      : SqlExecution(session, receiver),
        interval_(interval),
        printer_(session.parts().definitions.schemas()) {}

  Status begin(engine::PlannedQuery planned, MetadataImagePtr image) {
    reading_ = TRY(
        run_transient(session(), *this, std::move(planned), std::move(image), TransientEnd::Never));
    return {};
  }

  void pause() override { reading_->pause(); }
  void resume() override { reading_->resume(); }
  bool has_caught_up() const override { return reading_->has_caught_up(); }

 private:
  void on_rows(std::span<const engine::ColumnPtr> columns, size_t first_row,
               size_t end_row) override {
    const engine::Column &keys = *columns[0], &values = *columns[1], &times = *columns[2],
                         &partitions = *columns[3];
    const auto bytes_of = [](const engine::Column& column, size_t row) {
      return column.is_null(row) ? std::nullopt
                                 : std::optional(column.data<std::string_view>()[row]);
    };
    auto lines = std::make_shared<engine::Column>(engine::TypeKind::String);
    for (size_t row = first_row; row < end_row; ++row) {
      if (seen_++ % interval_ != 0) continue;
      const auto text =
          printer_.print({bytes_of(keys, row), bytes_of(values, row), times.data<int64_t>()[row],
                          partitions.data<int32_t>()[row]});
      for (const std::string& line : text) lines->append_copy(line);
    }
    if (lines->size() == 0) return;
    const engine::ColumnPtr shown[] = {std::move(lines)};
    receiver().on_rows(shown, 0, shown[0]->size());
  }
  bool has_room(size_t first_row_bytes) override { return receiver().has_room(first_row_bytes); }
  void on_notice(sql::Notice notice) override { receiver().on_notice(std::move(notice)); }
  void on_done(sql::Completion completion) override {
    receiver().on_notice({sql::NoticeLevel::Notice, "Topic printing ceased"});
    receiver().on_done(std::move(completion));
  }
  void on_error(Error error) override { receiver().on_error(std::move(error)); }

  const int64_t interval_;
  int64_t seen_ = 0;  // number of records so far
  engine::RecordPrinter printer_;
  std::unique_ptr<sql::Execution> reading_;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_print(SqlSession& session, sql::Receiver& receiver,
                                                  engine::PlannedQuery planned,
                                                  MetadataImagePtr image, int64_t interval) {
  auto run = std::make_unique<PrintExecution>(session, receiver, interval);
  TRY(run->begin(std::move(planned), std::move(image)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
