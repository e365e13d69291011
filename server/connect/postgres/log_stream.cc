#include "server/connect/postgres/log_stream.h"

#include <fmt/format.h>

namespace server {

namespace {

uint64_t read_number(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes.substr(0, sizeof(number)))
    number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

void append_number(std::string& out, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift & 0xFF);
}

}  // namespace

Result<LogStream> LogStream::open(const engine::PostgresSource& source, const Clock& clock) {
  return LogStream(source, clock,
                   TRY(PgConnection::open(source.connection, source.host_port, true)));
}

Result<LogStream::NewSlot> LogStream::make_slot(const std::string& name, bool is_temporary) {
  const auto rows = TRY(connection_.query(
      fmt::format("CREATE_REPLICATION_SLOT {}{} LOGICAL pgoutput EXPORT_SNAPSHOT",
                  connection_.quoted_name(name), is_temporary ? " TEMPORARY" : "")));
  // slot_name, consistent_point, snapshot_name, output_plugin
  constexpr size_t kPoint = 1, kSnapshot = 2;
  if (rows.empty() || rows[0].size() <= kSnapshot)
    return Error{ErrorCode::NetworkFailure,
                 fmt::format("{}: no answer to CREATE_REPLICATION_SLOT", source_->host_port)};
  return NewSlot{TRY(engine::parse_pg_lsn(rows[0][kPoint].value_or(""))),
                 rows[0][kSnapshot].value_or("")};
}

Status LogStream::start(engine::PgLsn from) {
  // publication_names is a quoted text that contains quoted names.
  const std::string publications =
      connection_.quoted_text(connection_.quoted_name(source_->publication));
  TRY(connection_.begin_copy(fmt::format(
      "START_REPLICATION SLOT {} LOGICAL {} (proto_version '1', publication_names {})",
      connection_.quoted_name(source_->slot), engine::pg_lsn_text(from), publications)));
  is_started_ = true;
  confirmed_ = from;
  confirmed_at_us_ = clock_->monotonic_us();
  return {};
}

Result<std::optional<LogStream::Message>> LogStream::next(int wait_ms) {
  constexpr size_t kNumber = sizeof(uint64_t);
  while (true) {
    const auto received = TRY(connection_.next(wait_ms));
    if (!received) {
      if (connection_.has_ended())
        return Error{ErrorCode::NetworkFailure,
                     fmt::format("{}: the server has ended the stream", source_->host_port)};
      return std::optional<Message>();
    }
    std::string_view bytes = *received;
    // The server sends two kinds of messages. 'w': start, end, time, data of the log. 'k'
    // (keepalive): end, time, whether the server wants an answer.
    if (bytes.starts_with('w') && bytes.size() >= 1 + 3 * kNumber)
      return std::optional(Message{read_number(bytes.substr(1)), bytes.substr(1 + 3 * kNumber)});
    if (!bytes.starts_with('k') || bytes.size() < 2 + 2 * kNumber)
      return Error{ErrorCode::NetworkFailure,
                   fmt::format("{}: an unknown message in the stream", source_->host_port)};
    server_end_ = read_number(bytes.substr(1));
    if (bytes[1 + 2 * kNumber] != 0) TRY(confirm(confirmed_));
    wait_ms = 0;
  }
}

Status LogStream::confirm(engine::PgLsn lsn) {
  confirmed_ = lsn;
  confirmed_at_us_ = clock_->monotonic_us();
  if (!is_started_) return {};
  std::string answer = "r";
  // The protocol has three positions: written, durable and applied. The connector sends the same
  // position for all of them.
  for (int i = 0; i < 3; ++i) append_number(answer, lsn);
  append_number(answer, static_cast<uint64_t>(clock_->wall_ms() * 1'000 - engine::kPgEpochUs));
  answer += '\0';  // requests no answer
  return connection_.send_copy(answer);
}

Status LogStream::confirm_if_due() {
  if (!is_started_ ||
      clock_->monotonic_us() - confirmed_at_us_ < source_->status_interval_ms * 1'000)
    return {};
  return confirm(confirmed_);
}

}  // namespace server
