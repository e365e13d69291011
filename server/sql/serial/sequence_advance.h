// Moves sequences past explicit numbers, in a cluster. It is done before rows are written with
// numbers that do not come from the sequence of their column. The sequence then continues after
// these numbers, so that no node gives one of them to another row (docs/adr/0100).
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

// Moves the sequences past the explicit numbers of an INSERT, and then writes its rows.
std::unique_ptr<sql::Execution> run_after_passing(SqlSession& session, sql::Receiver& receiver,
                                                  InsertRows rows);

}  // namespace server
