// COPY ... FROM STDIN while it runs: converts the client's bytes to rows for the backend.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/pg/activity.h"
#include "server/pg/copy_options.h"
#include "server/pg/copy_reader.h"
#include "server/sql/port.h"

namespace server::pg {

// Invariants: at most one portion of rows and an incomplete line are kept here; after the backend
//              has returned Wait, wants_data() is false until on_copy_drained().
// Threads:    the session's loop.
// Owner:      the session, as its activity.
class CopyInput final : public Activity, private sql::CopyReceiver {
 public:
  // `memory` (may be null) is charged for data that was read and is not part of a row yet.
  CopyInput(SessionContext& context, const engine::Copy& copy, CopyOptions options,
            std::function<void()> on_event, MemoryAccount* memory);

  // Opens the COPY at the backend and answers CopyInResponse.
  Status begin();

  // Whether the session may pass on the next CopyData, CopyDone or CopyFail now.
  bool wants_data() const;
  // The session passes on a CopyData in pieces of at most this size: a CopyData may hold millions
  // of short rows, and one piece of short rows takes some milliseconds.
  static constexpr size_t kPieceBytes = 64 * 1024;
  void add(std::string_view piece);
  void end();

  Result<Progress> advance() override;
  void cancel(Error reason) override;

 private:
  void on_copy_drained() override;
  void on_copy_notice(const sql::Notice& notice) override { notices_.push_back(notice); }
  void on_copy_done(uint64_t row_count) override;
  void on_copy_error(Error error) override;

  Status read_piece(std::string_view piece, bool is_last);
  void hand_over();
  Error explained(Error error) const;

  SessionContext& context_;
  const sql::CopyTarget target_;
  const CopyOptions options_;
  const std::function<void()> on_event_;
  std::unique_ptr<sql::CopyIn> copy_;
  std::unique_ptr<CopyReader> reader_;
  // Encoding of the pieces; null: they are UTF-8 or binary.
  std::shared_ptr<ClientEncoding> encoding_;
  MemoryAccount* const memory_;
  MemoryCharge charge_;
  bool is_waiting_ = false, has_ended_ = false;
  std::vector<sql::Notice> notices_;
  std::optional<uint64_t> row_count_;
  std::optional<Error> error_;
};

}  // namespace server::pg
