// Waits until the tasks that write a table or a stream have processed all records of certain topics up to given
// offsets. Unlike a Barrier (server/sql/barriers), it does not stop the tasks.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/exec/view_state.h"
#include "server/sql/session.h"

namespace server {

// Returns `queries` and all queries that write their sources, directly or through other queries.
// Writers precede their readers. The pointers are valid as long as the image.
std::vector<const DefinedQuery*> queries_on_the_way(const MetadataImage& image,
                                                    std::span<const DefinedQuery* const> queries);
// Returns the partitions of all topics that these queries read, without their exchanges.
std::vector<storage::TopicPartition> partitions_read_by(
    const MetadataImage& image, std::span<const DefinedQuery* const> queries);

// Follows the records from the given ends to the queries, stage by stage. When a stage has
// processed its inputs, the ends of its outputs are added to the ends that later stages must pass.
//
// Threads: the shard's loop. Owner: shared by the reader and by pending answers.
class ReadBarrier : public std::enable_shared_from_this<ReadBarrier> {
 public:
  enum class Mode : uint8_t {
    Wait,  // waits until all ends are durably passed
    Look,  // answers at once; ObjectState if an end is not passed yet
  };
  // The progress of the stage for which the ReadBarrier waits at present. A reader gives up only when it does not
  // change for read.wait.ms (CatchingUp). `stage` and `positions` never decrease during a wait.
  struct Progress {
    size_t stage = 0;
    // offsets read, and offsets to read; for an exchange, offsets of its blocks
    int64_t records = 0, of_records = 0;
    int64_t positions = 0;  // grows with each record or block that is read (Shard::Passed)
    // True: the two offsets are those of topics. False: they are those of an exchange.
    bool is_of_topics = false;
    std::optional<engine::ViewState> view = {};  // if the stage keeps a materialized view
    bool is_beyond(const Progress& other) const {
      return std::pair(stage, positions) > std::pair(other.stage, other.positions);
    }
    // A materialized view that is being computed reads no records, and may take longer than any
    // wait for records.
    bool is_computing() const { return view && view->running_since_us; }
  };
  // Calls `passed` once, on the shard's loop, when `queries` have durably processed every record
  // before `ends`, and everything that other queries have made of these records. If `queries` do
  // not depend on the topics of `ends`, calls it within begin(). Fails if one of the queries of
  // queries_on_the_way() has failed or has lost its tasks. There is no time limit here. After
  // `receiver` has expired, `passed` is not called, and requests that wait at tasks are dropped.
  static std::shared_ptr<ReadBarrier> begin(SqlParts& parts, Shard& shard, MetadataImagePtr image,
                                            std::span<const DefinedQuery* const> queries,
                                            const SessionWrites& ends, Mode mode,
                                            std::weak_ptr<const void> receiver,
                                            std::function<void(Status)> passed);
  // Calls `done` with the progress on the shard's loop, unless the receiver has expired.
  void ask_progress(std::function<void(Progress)> done);

 private:
  struct StageRef {
    const DefinedQuery* query;
    int stage;
  };
  using Targets = std::vector<std::pair<engine::PartitionRef, Offset>>;
  ReadBarrier(SqlParts& parts, Shard& shard, MetadataImagePtr image, const SessionWrites& ends,
              Mode mode, std::weak_ptr<const void> receiver, std::function<void(Status)> passed);
  std::vector<Uuid> inputs_of(const StageRef& ref) const;
  Targets targets_of(const StageRef& ref) const;
  void note_outputs(const StageRef& ref);
  void next();
  void ask(Shard& shard, const StageRef& ref, const Targets& targets);
  void one_passed(const StageRef& ref, size_t tasks, Status status);
  void end(Status status);

  SqlParts& parts_;
  Shard& shard_;
  const MetadataImagePtr image_;
  const Mode mode_;
  SessionWrites frontier_;
  const std::weak_ptr<const void> receiver_;
  std::function<void(Status)> passed_;
  std::vector<StageRef> route_;
  size_t at_ = 0, left_ = 0;
  size_t tasks_ = 0;  // tasks of the present stage, as counted by the shards
  Status status_;
};

}  // namespace server
