// Makes a read of tables wait until the tables show the rows that were written to them. After that
// it waits for statements that are committing rows at this moment, because readers must see the
// rows of a statement all together (docs/adr/0053).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/locks/table_locks.h"
#include "server/net/loop.h"
#include "server/net/weak_callback.h"
#include "server/sql/read/catching_up.h"
#include "server/sql/read/committed_ends.h"
#include "server/sql/read/materialized_tables.h"
#include "server/sql/stalled_turns.h"

namespace server {

// Returns the error for a read that has waited too long for an open transaction. The transaction
// began before acknowledged rows of `which`, so that these rows are not readable.
Error behind_transaction(const std::string& which, int64_t waited_ms);

// Waits until tables may be read. A table over a topic must contain all rows that SQL has written
// to it in any session, and at least the rows that it had before its tasks were restarted. A read
// fails with ObjectState if the table's query makes no progress towards this for read.wait.ms. For
// tables that queries write, CatchingUp does the waiting.
//
// In a cluster, tables must have passed everything that any node acknowledged before the read
// began; the leaders of the partitions report the ends. With `read.staleness`, tables only must
// have passed the records that were acknowledged that long before the read, and the session's own
// writes. A read may then see only a part of the rows of another node's statement.
//
// needed ends passed ─► no statement commits to them ─► needed ends passed ─► scans begin ─► close()
//
// Threads: the session's loop. Owner: the execution.
class ReadPreparation {
 public:
  enum class Kind : uint8_t {
    Keys,  // looks up rows by key, and does not wait for writers
    Scan,
    Change,  // reads rows in order to change them, so it must see everything in the topic
  };
  ReadPreparation(SqlSession& session, sql::Receiver& receiver, MetadataImagePtr image,
                  std::vector<MaterializedTable> tables, Kind kind);
  // Sets that the tables will be read at a barrier. The barrier itself waits for all acknowledged
  // records, so all queries that write the tables must run. `is_repeated`: the previous barrier was
  // given up, so the tables have to catch up before the next one. Call before begin().
  void precede_barrier(bool is_repeated) {
    precedes_barrier_ = true;
    demand_ = {true, is_repeated};
  }
  // Begins to wait. `opened` is called once, when the tables may be read: perhaps within the call,
  // and not after this object is destroyed. Fails with ObjectState.
  void begin(std::function<void(Status)> opened);
  // Returns the ends that the tasks of tables[i] must have passed when the scans begin. The scans
  // check them again, because a task may have restarted in the meantime.
  const CommittedEnds::Ends& must_have_passed(size_t i) const { return needed_[i].ends; }
  // Lets waiting writers continue. Called when the scans have begun, so that they do not see later
  // changes. Also sends a warning for each table that is not up to date because its queries do not
  // run.
  void close();
  // Ends the preparation if the tables will not be read.
  void give_up();
  int64_t waited_ms() const;  // time since begin()

 private:
  bool is_of_topic(const MaterializedTable& table) const;
  std::optional<storage::TopicInfo> topic_of(const MaterializedTable& table) const;
  void ask_leaders();
  std::optional<ClusterTopics::Ends> old_ends(
      std::span<const storage::TopicPartition> partitions) const;
  void await_journals(const ClusterTopics::Ends& ends);
  void leaders_told(Result<ClusterTopics::Ends> ends);
  void begin_waiting();
  void open();
  bool find_needed();  // returns true if no wait is necessary
  void wait(std::function<void()> then);
  void passed(const Status& status);
  void await_writers();
  void on_late_writers();
  void await_needed();
  void add_written_ends();
  void end(Status status);
  std::string names(bool of_topics) const;
  bool lies_behind_transaction() const;
  Error behind(bool of_topics) const;

  SqlSession& session_;
  sql::Receiver& receiver_;
  const MetadataImagePtr image_;
  const std::vector<MaterializedTable> tables_;
  const Kind kind_;
  bool precedes_barrier_ = false;
  CatchingUp::Demand demand_;
  CommittedEnds::Ends
      leaders_ends_;  // if the leaders were asked: ends of all that was written before the read
  std::vector<CommittedEnds::Needed> needed_;  // by table; empty for tables made by queries
  std::optional<CatchingUp> catching_up_;      // set if queries make some of the tables
  int64_t begun_us_ = 0;
  std::function<void(Status)> opened_;    // null after it has been called
  std::function<void()> then_;            // the next step, set during a wait
  int left_ = 0;                          // number of journals that are awaited
  std::optional<PatientWait> patience_;   // set during the wait for the needed ends
  std::shared_ptr<ReadBarrier> barrier_;  // set during the wait for the needed ends
  std::optional<Timer> timer_;            // set during a wait
  std::shared_ptr<int> waiter_;           // set during a wait
  std::optional<StalledTurns> stalled_;   // set while leaders are asked
  TableLocks::Place place_;
  TableLocks::Hold hold_;
  const WeakCallback there_;
};

}  // namespace server
