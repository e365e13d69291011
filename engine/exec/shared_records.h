// Decodes each record once for all tasks that read it.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/exec/record_decoder.h"

namespace engine {

// Tasks that read a partition in the same way (with the same columns, formats and event times) form
// a group. Each of them may use other columns. The first task that reaches some records decodes all
// columns that any task of the group uses. The decoded chunk is kept until all tasks that are at
// most a little behind have taken it. A task that is far from the others decodes for itself.
//
//   task 1   ──────────────────────►|          decodes, keeps two chunks for tasks 2 and 3
//   task 2   ────────────────►|░░░░░           takes these chunks
//   task 3   ─────────►|░░░░░░▓▓▓▓▓▓
//   task 4   ──►|                               is too far behind: no chunk is kept for it
//
// If tasks of several loops reach the same record at the same time, one of them decodes and the
// others wait for the chunk, up to a time limit.
//
// Threads: any; a reader belongs to its task. Owner: the node, or the owner of the tasks; outlives them.
class SharedRecords {
 public:
  class Reader;

  // `max_kept_bytes` is the limit for the size of all kept chunks of all partitions together.
  explicit SharedRecords(size_t max_kept_bytes = size_t{8} << 20)
      : max_kept_bytes_(max_kept_bytes) {}

  // Adds a task that reads a partition from `next` on. `own` decodes the records that are not shared, and must
  // outlive the reader.
  std::unique_ptr<Reader> join(const PartitionRef& partition, RecordDecoder& own, Offset next);

  // Returns the number of chunks that readers received from other readers.
  uint64_t taken() const;
  size_t kept_bytes() const;

 private:
  struct Chunk {
    Offset from;
    std::shared_ptr<const DecodedChunk> decoded;  // null: a reader is decoding it
    std::vector<Reader*> awaited;                 // readers that will reach the chunk
    size_t bytes = 0;
    std::chrono::steady_clock::time_point since = {};
  };
  using Chunks = std::vector<Chunk>;  // the decoded ones are ordered by age, oldest first
  // Tasks that read a partition in the same way.
  struct Group {
    PartitionRef partition;
    std::vector<Reader*> readers;
    std::vector<bool> used;                                // columns that at least one reader uses
    uint64_t generation = 0;                               // incremented if `used` grows
    std::vector<std::unique_ptr<RecordDecoder>> decoders;  // idle decoders for these columns
    Chunks chunks;
  };
  using Groups = std::vector<std::unique_ptr<Group>>;

  void leave(Reader& reader);
  void await_no_more(Reader& reader, Offset next);
  void widen(Group& group, const std::vector<bool>& used);
  static std::vector<Reader*> those_behind(const Reader& reader, Offset from);
  static bool is_good_for(const Reader& reader, const DecodedChunk& decoded);
  static Result<std::unique_ptr<RecordDecoder>> take_decoder(Group& group);
  bool make_room(Group& group, Offset from, size_t bytes);
  Chunks::iterator forget(Group& group, Chunks::iterator chunk);
  std::shared_ptr<const DecodedChunk> take(Reader& reader, const DecodeRange& range,
                                           Chunks::iterator chunk);

  // All of these functions take the lock themselves, except decode_for_all(), to which it is
  // passed.
  Result<DecodedChunk> decode(Reader& reader, std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor);
  Result<DecodedChunk> decode_alone(Reader& reader, std::span<const LogBatch> batches,
                                    int32_t partition, DecodeRange range, RecordCursor& cursor);
  Result<DecodedChunk> decode_for_all(Reader& reader, std::span<const LogBatch> batches,
                                      int32_t partition, DecodeRange range, RecordCursor& cursor,
                                      std::unique_lock<std::mutex> lock);

  const size_t max_kept_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable decoded_;  // signals that a chunk was decoded or abandoned
  // Guarded by mutex_, as are the readers' places.
  absl::flat_hash_map<PartitionRef, Groups> groups_;
  std::deque<Group*> kept_;  // one entry per decoded chunk, the oldest first
  size_t kept_bytes_ = 0;
  uint64_t taken_ = 0;
};

// One task that reads the partition. The object has the offset of the task's next record, so that SharedRecords knows
// which chunks the task still needs.
class SharedRecords::Reader {
 public:
  ~Reader() { shared_.leave(*this); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Decodes like RecordDecoder::decode(), and returns at most as many rows as that function.
  // Strings may be views into the chunk.
  Result<DecodedChunk> decode(std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor) {
    return shared_.decode(*this, batches, partition, range, cursor);
  }

 private:
  friend SharedRecords;
  Reader(SharedRecords& shared, Group& group, RecordDecoder& own, Offset next)
      : shared_(shared), group_(group), own_(own), next_(next) {}

  SharedRecords& shared_;
  Group& group_;
  RecordDecoder& own_;
  Offset next_;  // first record that this reader has not received yet; other readers read it, too
};

}  // namespace engine
