// Waiting before a read until tables and streams that queries make contain what the reader must see.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/net/interest.h"
#include "server/net/loop.h"
#include "server/sql/port.h"
#include "server/sql/read/read_barrier.h"
#include "server/sql/session.h"

namespace server {

// A wait whose end is `late` when the progress of the queries has stood still for `most_ms`.
//
// Threads: the session's loop. Owner: the object that waits.
class PatientWait {
 public:
  using AskProgress = std::function<void(std::function<void(ReadBarrier::Progress)>)>;
  using Late = std::function<void(const ReadBarrier::Progress&)>;
  PatientWait(SqlSession& session, int64_t most_ms);
  // From now on `ask` is called from time to time. `late` is called once, and never within this call.
  void watch(AskProgress ask, Late late);
  // Nothing is watched for the moment; the time since the last progress counts on.
  void rest() { timer_.reset(); }
  // Whether the time has run out.
  bool is_over() const;
  int64_t most_ms() const { return most_ms_; }
  // Since the wait began.
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
  std::optional<Interest>
      asked_;  // renewed each time, so that answers of an earlier watch are dropped
};

// Waits until what queries make contains what its reader must see:
//   1. what the reader's session has written, always;
//   2. all that was acknowledged before the read, unless it has caught up once since the queries began, began again or
//      were resumed (CaughtUp);
//   3. while a query on the way is paused or has failed, what it contains is shown with a warning, if 1 holds.
// Waits as long as the queries make progress; fails with ObjectState when there was none for read.wait.ms, and with
// UndefinedObject when a query was replaced or dropped meanwhile: the statement is to be planned again.
//
// Threads: the session's loop. Owner: the execution.
class CatchingUp {
 public:
  struct Made {
    std::string name;
    DefinedQueryPtr query;
  };
  // `noun`: "table" or "stream", for messages; empty where there are some of each.
  CatchingUp(SqlSession& session, MetadataImagePtr image, const char* noun, std::vector<Made> made);
  // `done` is called once, perhaps within the call; not after the end of this.
  void begin(std::function<void(Status)> done);
  // After a success: what the reader does not see, if the queries do not run.
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
  MetadataImagePtr image_;  // the newest, as evaluated last
  const char* const noun_;
  std::vector<Made> made_;  // likewise
  std::vector<const DefinedQuery*> queries_, route_;
  std::function<void(Status)> done_;  // null once it has been called
  std::optional<PatientWait> wait_;
  uint64_t since_ = 0;              // the newest change on the route, as evaluated last
  std::optional<Trouble> trouble_;  // likewise
  std::optional<sql::Notice> warning_;
  std::shared_ptr<ReadBarrier> barrier_;
  std::shared_ptr<int> interest_;  // while the barrier is waited for
  std::optional<Timer> retry_;
  const Interest there_;
};

// Whether a reader of what the query makes has nothing to wait for but the writes of its own session: all queries on the
// way run, and it has caught up with them once.
bool has_caught_up(SqlParts& parts, const MetadataImage& image, const DefinedQuery& query);

}  // namespace server
