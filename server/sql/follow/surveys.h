// SELECT ... EMIT CHANGES over tables of the catalog. These tables have no changelog, so the server reads them again
// and again (a survey) and compares the results. One survey serves all clients of the node.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "server/net/loop.h"
#include "server/sql/follow/follow_plan.h"
#include "server/sql/follow/followed_rows.h"
#include "server/sql/read/information_facts.h"

namespace server {

struct SqlParts;

// A SELECT whose rows clients follow. Followers with the same text, user and settings share one
// object.
//
// Threads: any. Owner: its followers, and a survey while it runs.
class FollowedStatement {
 public:
  using Wake = std::function<void()>;  // called on any thread after each change

  FollowedStatement(FollowedSelect select, InformationReader reader, MemoryBudget& memory);

  // Returns the changes after the version `seen`; null if no row has changed, or if the first
  // survey has not ended. Fails with the error of the last survey, or with an error of
  // FollowedRows::since().
  Result<FollowedRows::ChangesPtr> since(FollowedRows::Version seen);
  FollowedRows::Version version();

  uint64_t add_follower(Wake wake);
  void remove_follower(uint64_t number);
  size_t followers();

  // --- Called by surveys, on a worker.
  const FollowedSelect& select() const { return select_; }
  const InformationReader& reader() const { return reader_; }
  // Takes the result of a survey, and wakes the followers if it differs from the last one.
  void take(Result<engine::RowsChunks> rows);

 private:
  const FollowedSelect select_;
  const InformationReader reader_;
  std::mutex mutex_;
  // Guarded by mutex_
  FollowedRows rows_;
  std::optional<Error> failure_;
  OwnedCharge charge_;
  std::map<uint64_t, Wake> wakes_;
  uint64_t last_number_ = 0;
};

// A survey collects the facts that the followed tables show, and then computes the rows of each
// FollowedStatement on a worker thread. Surveys run only while a client follows a table: at once
// for a new statement, and then every kIntervalMs. If they would use more than kMostShare of a
// core, the interval is longer.
//
// Threads: follow() on any; everything else on the loop `home`.
// Owner:   SqlParts; destroyed when the loops and the workers have stopped.
class Surveys {
 public:
  static constexpr int64_t kIntervalMs = 2'000;
  static constexpr double kMostShare = 0.005;
  // Limit for the number of different statements, each of which keeps its own rows.
  static constexpr size_t kMostStatements = 1'000;

  Surveys(SqlParts& parts, Loop& home);
  ~Surveys();
  Surveys(const Surveys&) = delete;
  Surveys& operator=(const Surveys&) = delete;

  // Keeps a statement followed until this object is destroyed. Threads: any.
  class Follower {
   public:
    Follower(std::shared_ptr<FollowedStatement> statement, FollowedStatement::Wake wake)
        : statement_(std::move(statement)), number_(statement_->add_follower(std::move(wake))) {}
    ~Follower() { statement_->remove_follower(number_); }
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    FollowedStatement& statement() const { return *statement_; }

   private:
    const std::shared_ptr<FollowedStatement> statement_;
    const uint64_t number_;
  };
  // Follows the statement. The pair of `text` and `reader` identifies it: a second follower with
  // the same pair shares the FollowedStatement. `wake` is called on any thread. Fails with
  // TooManyStatements.
  Result<std::unique_ptr<Follower>> follow(const std::string& text, FollowedSelect select,
                                           InformationReader reader, FollowedStatement::Wake wake);

  // Returns the present time between two surveys, in milliseconds.
  int64_t interval_ms() const { return interval_ms_; }

 private:
  using Statements = std::vector<std::shared_ptr<FollowedStatement>>;
  Statements living();
  void survey();
  void compute(std::shared_ptr<const InformationFacts> facts, Statements statements);
  void end_survey(int64_t worker_us);

  SqlParts& parts_;
  Loop& home_;
  Timer timer_;
  std::optional<InformationGathering> gathering_;  // set while a survey runs
  bool is_wanted_again_ = false;  // a statement was added while a survey was running
  std::atomic<int64_t> interval_ms_ = kIntervalMs;
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, std::weak_ptr<FollowedStatement>> statements_;
};

}  // namespace server
