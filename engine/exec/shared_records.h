// Records that several tasks read: decoded once for all of them.
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

// Of each partition that tasks read in the same way (the same columns, formats and event times; which of the columns they
// use is theirs) the columns of all are decoded by whoever comes to the records first, and kept until those that
// are at most a little behind have had them. Who reads far from the others decodes for itself.
//
//   task 1   ──────────────────────►|          decodes, keeps two chunks for tasks 2 and 3
//   task 2   ────────────────►|░░░░░           takes these
//   task 3   ─────────►|░░░░░░▓▓▓▓▓▓
//   task 4   ──►|                               is too far behind to be waited for
//
// Tasks of several loops come to a place at the same time: one decodes, the others wait for it, a little.
//
// Threads: any; a reader is its task's. Owner: the node, or whoever makes the tasks; outlives them.
class SharedRecords {
 public:
  class Reader;

  // Of all partitions at most `max_kept_bytes` are kept.
  explicit SharedRecords(size_t max_kept_bytes = size_t{8} << 20)
      : max_kept_bytes_(max_kept_bytes) {}

  // For a task that reads a partition from `next` on; `own` decodes what is not shared, and must outlive the reader.
  std::unique_ptr<Reader> join(const PartitionRef& partition, RecordDecoder& own, Offset next);

  // Chunks that were decoded by somebody else than who got them.
  uint64_t taken() const;
  size_t kept_bytes() const;

 private:
  struct Chunk {
    Offset from;
    std::shared_ptr<const DecodedChunk> decoded;  // null: somebody is at it
    std::vector<Reader*> awaited;                 // who will come to it
    size_t bytes = 0;
    std::chrono::steady_clock::time_point since = {};
  };
  using Chunks = std::vector<Chunk>;  // of those that are decoded the oldest first
  // Those who read a partition in the same way.
  struct Group {
    PartitionRef partition;
    std::vector<Reader*> readers;
    std::vector<bool> used;                                // columns that any of them uses
    uint64_t generation = 0;                               // grows with them
    std::vector<std::unique_ptr<RecordDecoder>> decoders;  // of these columns, at rest
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

  // Without the lock, but for decode_for_all(), which is given it.
  Result<DecodedChunk> decode(Reader& reader, std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor);
  Result<DecodedChunk> decode_alone(Reader& reader, std::span<const LogBatch> batches,
                                    int32_t partition, DecodeRange range, RecordCursor& cursor);
  Result<DecodedChunk> decode_for_all(Reader& reader, std::span<const LogBatch> batches,
                                      int32_t partition, DecodeRange range, RecordCursor& cursor,
                                      std::unique_lock<std::mutex> lock);

  const size_t max_kept_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable decoded_;  // a chunk that somebody was at, or it is nobody's any more
  // Guarded by mutex_, with the readers' places.
  absl::flat_hash_map<PartitionRef, Groups> groups_;
  std::deque<Group*> kept_;  // of each chunk that is decoded, the oldest first
  size_t kept_bytes_ = 0;
  uint64_t taken_ = 0;
};

// One task's place in a partition.
class SharedRecords::Reader {
 public:
  ~Reader() { shared_.leave(*this); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // As RecordDecoder::decode(), with at most as many rows. Strings may be of the chunk.
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
  Offset next_;  // the first record that it has not got; the others look at it
};

}  // namespace engine
