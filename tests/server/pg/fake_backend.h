// A backend in memory: constants, a table `people`, a table with a column of each type, and an
// endless push query on `ticks`. Calls that take time in the real backend wait here until the test
// lets them continue.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "server/sql/port.h"
#include "server/sql/session_settings.h"

namespace server::pg {

class FakeSession;
class FakeExecution;

class FakeBackend final : public sql::Backend {
 public:
  Result<std::unique_ptr<sql::SessionBackend>> open_session(
      const sql::SessionInfo& info, const sql::SessionSettings& settings) override;

  // The next number of `ticks` for each push query that runs and is not paused.
  void tick();
  // While true, INSERTs, commits and definitions do not end until let_go().
  bool holds_writes = false;
  // While holds_errands is true, work on other threads does not begin until let_go(); while is_full
  // is true, it is refused.
  bool holds_errands = false, is_full = false;
  size_t errands_done = 0;
  size_t analyses = 0;  // number of calls of prepare()
  int revision = 0;     // a test raises it to make earlier plans stale
  // take_long() returns true for statements with this text.
  std::string long_text = "LONG";
  void let_go();
  size_t running_pushes() const { return pushes_.size(); }

  struct Person {
    int32_t id;
    std::string name;
    bool operator==(const Person&) const = default;
  };
  std::vector<Person> people;
  // If set, rows are sent one by one, as long as the output has room.
  bool asks_for_room = false;
  // number of commits and rollbacks of transactions and groups
  int commits = 0, rollbacks = 0;
  std::vector<std::string> copied_json;  // payloads of COPY ... (FORMAT json)
  std::vector<uint64_t> copied_lines;
  bool copy_asks_to_wait = false;
  sql::SessionInfo last_session;

 private:
  friend class FakeSession;
  friend class FakeExecution;
  friend class FakeCopy;
  void answer(std::function<void()> reply);

  std::set<FakeExecution*> pushes_;
  std::vector<std::function<void()>> held_;
  int32_t next_tick_ = 1;
};

}  // namespace server::pg
