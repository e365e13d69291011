// What is waited for before tables are read: that they show what was written to them, and that nobody writes
// meanwhile what readers are to see as a whole (docs/adr/0053).
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/net/interest.h"
#include "server/net/loop.h"
#include "server/sql/read/catching_up.h"
#include "server/sql/read/committed_ends.h"
#include "server/sql/read/kept_tables.h"
#include "server/sql/stalled_turns.h"
#include "server/sql/table_locks.h"

namespace server {

// Where a transaction that is open lies before rows of `which` that were acknowledged, and nobody waits any longer for its end.
Error behind_transaction(const std::string& which, int64_t waited_ms);

// A table over a topic, unlike one that a query makes, contains all rows that SQL has written to it in whichever
// session, and never fewer than before it was rebuilt: a read fails with ObjectState where the table's query makes no
// progress towards that for read.wait.ms. CatchingUp waits for tables that queries make.
//
// In a cluster tables have passed all that was acknowledged, by whichever node, before the read began: their leaders
// tell; or before what `read.staleness` allows, and what the session has written. Half of what another node's statement writes
// may be seen there.
//
//     needed ends passed ─► no statement commits to them ─► needed ends passed ─► scans begin ─► close()
//
// Threads: the session's loop. Owner: the execution.
class TableOpening {
 public:
  enum class Kind : uint8_t {
    Keys,  // a look-up: what its own session wrote, and what the table has shown once
    Scan,
    Change,  // of rows that the statement writes: all that is in the topic
  };
  TableOpening(SqlSession& session, sql::Receiver& receiver, MetadataImagePtr image,
               std::vector<KeptTable> tables, Kind kind);
  // `opened` is called once, perhaps within the call; not after the end of this. Fails with ObjectState.
  void begin(std::function<void(Status)> opened);
  // What the tasks of tables[i] must have passed when they are read: they may have begun anew meanwhile.
  const CommittedEnds::Ends& must_have_passed(size_t i) const { return needed_[i].ends; }
  // Called when the scans have begun: later changes are not seen. Warns of tables that are not up to date since their
  // queries do not run.
  void close();
  // They are not read.
  void give_up();
  int64_t waited_ms() const;  // since the beginning

 private:
  bool is_of_topic(const KeptTable& table) const;
  std::optional<storage::TopicInfo> topic_of(const KeptTable& table) const;
  void ask_leaders();
  std::optional<ClusterTopics::Ends> old_ends(
      std::span<const storage::TopicPartition> partitions) const;
  void await_journals(const ClusterTopics::Ends& ends);
  void leaders_told(Result<ClusterTopics::Ends> ends);
  void begin_waiting();
  void open();
  bool find_needed();  // whether there is nothing to wait for
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
  const std::vector<KeptTable> tables_;
  const Kind kind_;
  CommittedEnds::Ends leaders_ends_;  // in a cluster: all that was written when it was begun
  std::vector<CommittedEnds::Needed> needed_;  // by table; of those that queries make nothing
  std::optional<CatchingUp> catching_up_;      // of those
  int64_t begun_us_ = 0;
  std::function<void(Status)> opened_;    // null once it has been called
  std::function<void()> then_;            // while it waits
  int left_ = 0;                          // journals that it waits for
  std::optional<PatientWait> patience_;   // while the needed ends are waited for
  std::shared_ptr<ReadBarrier> barrier_;  // likewise
  std::optional<Timer> timer_;            // while it waits
  std::shared_ptr<int> interest_;         // likewise
  std::optional<StalledTurns> stalled_;   // while leaders are asked
  TableLocks::Place place_;
  TableLocks::Hold hold_;
  const Interest there_;
};

}  // namespace server
