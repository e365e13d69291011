#include "storage/log/retention.h"

#include <algorithm>

namespace storage {

namespace {

constexpr size_t kDeletedBytesOfTurn = 1 << 20;

struct Turn {
  LogReader& reader;
  ~Turn() { reader.end_turn(); }
};

// Calls `visit(batch)` for the batches whose last offset is in [from, end), in order, until it returns false. `visit`
// may use the offsets and the size of the batch, but not its bytes: the memory map shows them only within a turn of the
// reader, and read_batches() has ended its turn.
template <class Visit>
Status walk(LogReader& reader, const TopicPartition& partition, Offset from, Offset end,
            const BatchBytes::GoesOn& goes_on, const Visit& visit) {
  while (from < end) {
    if (!goes_on()) return Error{ErrorCode::QueryCanceled, "cleaning is stopped"};
    const auto batches = TRY(read_batches(reader, partition, from, end));
    if (batches.empty()) return {};
    for (const BatchRef& batch : batches)
      if (!visit(batch)) return {};
    from = batches.back().last_offset + 1;
  }
  return {};
}

int64_t size_of(const BatchRef& batch) { return static_cast<int64_t>(batch.bytes.size()); }

}  // namespace

Result<std::vector<BatchRef>> read_batches(LogReader& reader, const TopicPartition& partition,
                                           Offset from, Offset end) {
  TRY(reader.begin_turn());
  const Turn turn{reader};
  auto batches = TRY(reader.read(partition, from, kDeletedBytesOfTurn));
  std::erase_if(batches, [end](const BatchRef& batch) { return batch.last_offset >= end; });
  return batches;
}

int64_t BatchBytes::mean_bytes_of(int64_t offsets) const {
  const int64_t all = end_ - begin_;
  return all <= 0 ? 0
                  : static_cast<int64_t>(static_cast<double>(bytes_) / static_cast<double>(all) *
                                         static_cast<double>(offsets));
}

Status BatchBytes::grow_to(LogReader& reader, const TopicPartition& partition, Offset end,
                           const GoesOn& goes_on) {
  TRY(walk(reader, partition, end_, end, goes_on, [&](const BatchRef& batch) {
    bytes_ += size_of(batch);
    end_ = batch.last_offset + 1;
    return true;
  }));
  end_ = std::max(end_, end);
  return {};
}

Status BatchBytes::shrink_to(LogReader& reader, const TopicPartition& partition, Offset begin,
                             const GoesOn& goes_on) {
  if (begin >= end_) {
    restart(begin);
    return {};
  }
  TRY(walk(reader, partition, begin_, begin, goes_on, [&](const BatchRef& batch) {
    bytes_ -= size_of(batch);
    return true;
  }));
  begin_ = std::max(begin_, begin);
  return {};
}

Result<Offset> BatchBytes::place_for(LogReader& reader, const TopicPartition& partition,
                                     int64_t keep_bytes, Offset limit,
                                     const GoesOn& goes_on) const {
  Offset place = begin_;
  int64_t left = bytes_;
  if (left <= keep_bytes) return place;
  TRY(walk(reader, partition, begin_, std::min(limit, end_), goes_on, [&](const BatchRef& batch) {
    if (left - size_of(batch) < keep_bytes) return false;
    left -= size_of(batch);
    place = batch.last_offset + 1;
    return true;
  }));
  return place;
}

Result<Offset> end_older_than(LogReader& reader, const Partition& partition, int64_t age_ms,
                              int64_t now_ms) {
  // The log end is read before the time of the last append. If a record is appended in between, the
  // last append is recent, so the log end is not returned.
  const Offset log_end = partition.log_end();
  const int64_t time_ms = age_ms > now_ms ? 0 : now_ms - age_ms;
  if (partition.last_append_ms() < time_ms) return log_end;
  TRY(reader.begin_turn());
  const Turn turn{reader};
  return reader.end_appended_before(partition.id(), time_ms);
}

}  // namespace storage
