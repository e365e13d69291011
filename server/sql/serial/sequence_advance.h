// Moves sequences past explicit numbers. In a cluster this happens before rows are written with
// numbers that do not come from the sequence of their column: the sequence continues after these
// numbers, and no node gives them to another row (docs/adr/0100).
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/net/loop.h"
#include "server/sql/execution.h"

namespace server {

// Threads: the session's loop. Owner: the statement.
class SequenceAdvance {
 public:
  SequenceAdvance(SqlSession& session, std::vector<GivenNumbers> given)
      : session_(session), given_(std::move(given)) {}
  // Moves the sequences. `done` is called once, on the loop, not within this call and not after
  // this object is destroyed.
  void begin(std::function<void(Status)> done);

 private:
  void pass_next();
  void passed(const Result<std::chrono::milliseconds>& wait);

  SqlSession& session_;
  std::vector<GivenNumbers> given_;
  std::function<void(Status)> done_;
  std::optional<Timer> timer_;
  const WeakCallback callback_;
};

// Writes the rows of an INSERT after their numbers have been passed.
std::unique_ptr<sql::Execution> run_after_passing(SqlSession& session, sql::Receiver& receiver,
                                                  InsertRows rows);

}  // namespace server
