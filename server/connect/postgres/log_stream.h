// A replication connection to PostgreSQL. It creates slots, and streams the messages of a slot
// (https://www.postgresql.org/docs/15/protocol-replication.html).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/connect/postgres/pgoutput.h"
#include "engine/connect/postgres/source_properties.h"
#include "server/connect/postgres/connection.h"

namespace server {

// Threads: one. Owner: a reader.
class LogStream {
 public:
  // Both arguments outlive this object.
  static Result<LogStream> open(const engine::PostgresSource& source, const Clock& clock);

  struct NewSlot {
    engine::PgLsn start = 0;  // transactions committed before it are in the snapshot
    // Name of an exported snapshot that shows the database as of `start`. It exists until the next
    // call of this LogStream.
    std::string snapshot;
  };
  // Creates a slot. A temporary slot is dropped when this connection ends. Fails with ReadTimeout if open transactions
  // do not end.
  Result<NewSlot> make_slot(const std::string& name, bool is_temporary);

  // Streams the transactions whose commit record is at `from` or later.
  Status start(engine::PgLsn from);
  struct Message {
    engine::PgLsn lsn = 0;
    std::string_view bytes;  // a message of pgoutput; valid until the next call
  };
  // Returns the next message; nothing if none arrives within `wait_ms`. Fails with NetworkFailure
  // when the server ends the stream.
  Result<std::optional<Message>> next(int wait_ms);
  // Returns the position before which the server has sent all changes for this slot.
  engine::PgLsn server_end() const { return server_end_; }
  // Confirms to the server that the log before `lsn` is no longer needed, so that the server can delete it.
  Status confirm(engine::PgLsn lsn);
  // Sends the last confirmation again if the interval since it was sent is over.
  Status confirm_if_due();

 private:
  LogStream(const engine::PostgresSource& source, const Clock& clock, PgConnection connection)
      : source_(&source), clock_(&clock), connection_(std::move(connection)) {}

  const engine::PostgresSource* source_;
  const Clock* clock_;
  PgConnection connection_;
  bool is_started_ = false;
  engine::PgLsn confirmed_ = 0, server_end_ = 0;
  int64_t confirmed_at_us_ = 0;
};

}  // namespace server
