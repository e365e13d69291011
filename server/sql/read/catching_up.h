// Makes a read wait until the tables and streams that queries write contain everything that the
// reader must see.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/net/loop.h"
#include "server/net/weak_callback.h"
#include "server/sql/port.h"
#include "server/sql/read/read_barrier.h"
#include "server/sql/session.h"

namespace server {

// Waits as long as the queries make progress. Calls `late` when they have made none for `most_ms`.
//
// Threads: the session's loop. Owner: the object that waits.
class PatientWait {
 public:
  using AskProgress = std::function<void(std::function<void(ReadBarrier::Progress)>)>;
  using Late = std::function<void(const ReadBarrier::Progress&)>;
  PatientWait(SqlSession& session, int64_t most_ms);
  // Calls `ask` at intervals from now on. `late` is called once, and never within this call.
  void watch(AskProgress ask, Late late);
  // Stops watching until the next call of watch(). The time without progress continues to count.
  void rest() { timer_.reset(); }
  // Whether the queries have made no progress for `most_ms`.
  bool is_over() const;
  int64_t most_ms() const { return most_ms_; }
  // Returns the time since the wait began.
  int64_t waited_ms() const;

 private:
  void look();
  void take(const ReadBarrier::Progress& progress);
  int64_t now_us() const;
  int64_t interval_ms() const;

  SqlSession& session_;
  const int64_t most_ms_;
  const int64_t begun_us_;
  int64_t moved_us_;
  std::optional<ReadBarrier::Progress> last_;
  AskProgress ask_;
  Late late_;
  std::optional<Timer> timer_;
  std::optional<WeakCallback>
      asked_;  // replaced at each question, so that answers to earlier questions are dropped
};

// Waits until the output of queries contains everything that its reader must see:
//   1. the session's own writes, always;
//   2. everything that was acknowledged before the read. This is not required if an earlier reader
//      has already waited for all of it since the queries began, restarted or were resumed (CaughtUp).
// The "route" consists of these queries and all queries that write their sources, directly or
// indirectly. While a query of the route is paused or has failed, only 1 is required, and the
// present rows are shown with a warning. The wait lasts as long as the queries make progress. Fails
// with ObjectState if they have made none for read.wait.ms. Fails with UndefinedObject if a query
// was replaced or dropped in the meantime, so that the statement has to be planned again.
//
// Threads: the session's loop. Owner: the execution.
class CatchingUp {
 public:
  // A table or stream, and a query that writes it.
  struct Made {
    std::string name;
    DefinedQueryPtr query;
  };
  struct Demand {
    bool all_run = false;     // fail if a query of the route is paused or has failed
    bool everything = false;  // wait for 2 also if a reader has caught up once
  };
  // `noun`: "table" or "stream", for messages; empty if both kinds occur.
  CatchingUp(SqlSession& session, MetadataImagePtr image, const char* noun, std::vector<Made> made,
             Demand demand = {false, false});
  // Begins to wait. `done` is called once, perhaps within the call, and not after this object is
  // destroyed.
  void begin(std::function<void(Status)> done);
  // After a success, returns a warning if some rows are missing because queries do not run.
  std::optional<sql::Notice> take_warning() { return std::exchange(warning_, std::nullopt); }

 private:
  enum class Ends : uint8_t { Own, All };
  struct Trouble {
    std::string query_id;
    bool is_paused = false;
    Error why = {};
  };
  void evaluate();
  bool follow_definitions();
  bool has_own_writes() const;
  bool has_caught_up_once() const;
  void await(Ends which);
  void await_ends(Ends which, const SessionWrites& ends);
  void look();
  void ask_ends(std::function<void(SessionWrites)> then);
  void passed(Ends which, const Status& status);
  void try_again();
  void warn(bool lacks_rows);
  void end(Status status);
  Error behind(Ends which, const ReadBarrier::Progress& progress) const;
  bool lies_behind_transaction() const;
  bool are_many() const;
  std::string names() const;

  SqlSession& session_;
  MetadataImagePtr image_;  // the image that was evaluated last
  const char* const noun_;
  const Demand demand_;
  std::vector<Made> made_;  // the queries as they were evaluated last
  std::vector<const DefinedQuery*> queries_, route_;
  std::function<void(Status)> done_;  // null after it has been called
  std::optional<PatientWait> wait_;
  // The number of the newest change of a query of the route, as of the last check.
  uint64_t since_ = 0;
  std::optional<Trouble> trouble_;  // the first failed or paused query, as evaluated last
  std::optional<sql::Notice> warning_;
  std::shared_ptr<ReadBarrier> barrier_;
  std::shared_ptr<int> receiver_;  // alive while the barrier may answer
  std::optional<Timer> retry_;
  const WeakCallback there_;
};

// Returns whether a reader of the query's output only has to wait for the writes of its own
// session. This is so if the query and all queries that write its sources are running, and an
// earlier reader has waited for their backlog (CaughtUp).
bool has_caught_up(SqlParts& parts, const MetadataImage& image, const DefinedQuery& query);

}  // namespace server
