// Records that several tasks of one loop read: decoded once for all of them.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <memory>
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
// Threads: the loop's. Owner: the shard; outlives the tasks.
class SharedRecords {
 public:
  class Reader;

  // For a task that reads a partition from `next` on; `own` decodes what is not shared, and must outlive the reader.
  std::unique_ptr<Reader> join(const PartitionRef& partition, RecordDecoder& own, Offset next);

  // Chunks that were decoded by somebody else than who got them.
  uint64_t taken() const { return taken_; }
  size_t kept_bytes() const { return kept_bytes_; }

 private:
  struct Chunk {
    Offset from;
    DecodedChunk decoded;          // its strings are its own
    std::vector<Reader*> awaited;  // who will come to it
    size_t bytes;
  };
  // Those who read a partition in the same way.
  struct Group {
    PartitionRef partition;
    std::vector<Reader*> readers;
    std::unique_ptr<RecordDecoder>
        decoder;  // of the columns that any of them uses; null: to be made
    std::deque<Chunk> chunks;
  };
  using Groups = std::vector<std::unique_ptr<Group>>;

  void leave(Reader& reader);
  Result<DecodedChunk> decode(Reader& reader, std::span<const LogBatch> batches, int32_t partition,
                              DecodeRange range, RecordCursor& cursor);
  std::vector<Reader*> those_behind(const Reader& reader, Offset from) const;
  Status make_decoder(Group& group);
  void keep(Group& group, Chunk chunk);
  void drop(Group& group, size_t index);
  void make_room(size_t bytes);

  absl::flat_hash_map<PartitionRef, Groups> groups_;
  std::deque<Group*> kept_;  // of each chunk, the oldest first
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
  Offset next_;  // the first record that it has not got
};

}  // namespace engine
