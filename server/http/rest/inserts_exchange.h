// POST /inserts-stream: writes rows into a stream, one JSON object on each line. Each row is
// acknowledged when it is durable.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/rest/sql_exchange.h"

namespace server::http {

// Rows that have arrived together are written as one batch. If the batch fails, each of its rows is
// written separately. So the error names the number of the invalid row, and the other rows are
// written.
class InsertsExchange final : public Exchange, private sql::CopyReceiver {
 public:
  InsertsExchange(const SqlPages& pages, const Request& request, const ExchangeContext& context);
  ~InsertsExchange() override;

  void run() override;
  void on_body(std::string_view bytes) override;
  void on_body_end() override;
  bool wants_body() const override;
  void shut_down(const Error& reason) override;

 private:
  // --- CopyReceiver
  void on_copy_drained() override {}
  void on_copy_done(uint64_t row_count) override;
  void on_copy_error(Error error) override;

  // `is_last`: no rows follow the line.
  Status read_target(std::string_view line, bool is_last);
  void take_lines();
  void begin_batch();
  void end_batch();
  void acknowledge(size_t count);
  void refuse(const Error& error);
  void write(std::string_view ack);
  void fail(const Error& error);

  const SqlPages& pages_;
  const ExchangeContext context_;
  const bool is_array_;
  const std::string user_;
  sql::SessionInfo info_;
  sql::SessionSettings settings_;
  std::unique_ptr<sql::SessionBackend> session_;
  std::string buffer_;  // the beginning of a line whose end has not arrived
  MemoryCharge charge_{context_.memory, MemoryKind::Copy};
  std::optional<sql::CopyTarget> target_;
  std::string stray_field_;         // a field of the first line that is not read
  std::vector<std::string> lines_;  // lines that wait, or are being written
  size_t waiting_bytes_ = 0;
  size_t batch_ = 0;         // number of lines at the front that are being written
  bool one_by_one_ = false;  // true until each row of the failed batch was written separately
  size_t left_one_by_one_ = 0;
  uint64_t next_sequence_ = 0;
  std::unique_ptr<sql::CopyIn> copy_;
  bool is_copied_ = false;
  std::optional<Error> copy_error_;
  bool is_body_over_ = false, is_over_ = false, has_written_ = false;
};

}  // namespace server::http
