#include "engine/exec/input_heads.h"

#include <algorithm>
#include <cassert>

namespace engine {

namespace {

// Asked for, it gives nothing but where the partition begins and ends.
constexpr Offset kNothing{INT64_MAX};
// Of each partition of many: enough that a poll pays off.
constexpr size_t kMinRefillBytes = 32 * 1024;

}  // namespace

// The rows in the order in which they are taken, and the batches they are in.
struct InputHeads::Order {
  std::vector<std::shared_ptr<Batch>> batches;
  std::vector<size_t> sources;  // of each batch
  std::vector<Column::SourceRow> rows;
};

InputHeads::InputHeads(std::vector<HeadSource> sources, HeadLimits limits) : limits_(limits) {
  for (HeadSource& source : sources) {
    Head head;
    head.decoded = head.taken = source.begin;
    head.source = std::move(source);
    heads_.push_back(std::move(head));
  }
  for (Head& head : heads_) head.refill_rows = std::max<size_t>(1, limits.max_rows / heads_.size());
}

bool InputHeads::Head::goes_before(const Head& other) const {
  const InputStep &step = source.input->step(), &others = other.source.input->step();
  if (step.is_read_first != others.is_read_first) return step.is_read_first;
  if (timestamp() != other.timestamp()) return timestamp() < other.timestamp();
  // Of equal times the table's change: a stream's record sees the row of its own time.
  return step.kind == SourceKind::Table && others.kind == SourceKind::Stream;
}

std::vector<std::pair<PartitionRef, Offset>> InputHeads::positions() {
  std::vector<std::pair<PartitionRef, Offset>> positions;
  for (Head& head : heads_) {
    const bool is_full = head.rows->rows - head.row >= head.refill_rows;
    const bool has_stopped = head.source.stop_at && head.decoded >= *head.source.stop_at;
    head.is_asked_for = !is_full && !has_stopped;
    positions.emplace_back(head.source.partition, head.is_asked_for ? head.decoded : kNothing);
  }
  return positions;
}

bool InputHeads::has_more(size_t source) const {
  return heads_[source].has_row() || heads_[source].has_undecoded();
}

// All partitions as of one snapshot.
void InputHeads::see(std::span<const Polled> polled) {
  for (size_t i = 0; i < heads_.size(); ++i) {
    Head& head = heads_[i];
    if (!polled[i].status) continue;  // told when its next record is needed
    head.readable_end = head.end = polled[i].readable_end;
    if (head.source.stop_at) head.end = std::min(head.end, *head.source.stop_at);
    if (head.decoded < polled[i].log_start) {  // overtaken by retention
      // Who begins at 0 begins where the partition does.
      if (head.decoded > Offset(0)) head.lost.push_back({head.decoded, polled[i].log_start});
      head.decoded = polled[i].log_start;
      head.cursor.finish();
    }
    if (!head.has_row()) head.taken = head.decoded;
  }
}

Status InputHeads::refill(size_t source, const Polled& polled, size_t max_rows) {
  Head& head = heads_[source];
  assert(!head.has_row());
  if (!polled.status) {
    failed_at_ = {source, head.decoded};
    return polled.status;
  }
  while (!head.has_row() && head.has_undecoded()) {
    InputOperator::Range range;
    range.from = head.decoded;
    if (head.source.stop_at) range.end = *head.source.stop_at;
    range.max_rows = max_rows;
    range.unpack_bytes = unpack_bytes_left_;
    range.max_bytes = std::max(kMinRefillBytes, limits_.max_bytes / heads_.size());
    Result<InputChunk> chunk = head.source.input->decode(
        polled.batches, head.source.partition.partition.value(), range, head.cursor);
    if (!chunk) {
      failed_at_ = {source, head.decoded};
      return std::move(chunk).error();
    }
    assert(chunk->next >= head.decoded);
    unpack_bytes_left_ = chunk->unpack_bytes_left;
    if (chunk->next == head.decoded) break;  // the rest was not polled, or is not decompressed yet
    head.decoded = chunk->next;
    decoded_rows_ += chunk->batch.rows;
    head.rows = std::make_shared<Batch>(std::move(chunk->batch));
    head.row = 0;
    head.is_owned = false;
    for (RecordFailure& failure : chunk->failures) head.failures.push_back(std::move(failure));
  }
  // Without a batch to read there is nothing up to the end but what was compacted away.
  if (!head.has_row() && head.has_undecoded() && head.is_asked_for && polled.batches.empty())
    head.decoded = head.end;
  head.taken = head.has_row() ? Offset(head.rows->offsets[head.row]) : head.decoded;
  return {};
}

Result<std::vector<Run>> InputHeads::take(std::span<const Polled> polled, size_t max_rows) {
  see(polled);
  unpack_bytes_left_ = limits_.unpack_bytes;
  return heads_.size() == 1 ? take_one(polled[0], max_rows) : take_in_order(polled, max_rows);
}

Result<std::vector<Run>> InputHeads::take_one(const Polled& polled, size_t max_rows) {
  Head& head = heads_.front();
  if (!head.has_row()) TRY(refill(0, polled, max_rows));
  std::vector<Run> runs;
  if (!head.has_row()) return runs;
  runs.push_back({0, std::move(*head.rows)});
  *head.rows = {};
  head.row = 0;
  head.taken = head.decoded;
  return runs;
}

Result<std::vector<Run>> InputHeads::take_in_order(std::span<const Polled> polled,
                                                   size_t max_rows) {
  const bool some_go_first = std::ranges::any_of(heads_, [](const Head& head) {
    return head.source.input->step().is_read_first && (head.has_row() || head.has_undecoded());
  });
  // Nothing of the others would be taken: they are not decoded in vain.
  const auto waits = [&](const Head& head) {
    return some_go_first && !head.source.input->step().is_read_first;
  };
  // In front of the heap is the head that goes next.
  const auto later = [this](size_t a, size_t b) {
    if (heads_[a].goes_before(heads_[b])) return false;
    return heads_[b].goes_before(heads_[a]) || a > b;
  };
  std::vector<size_t> heap;
  std::vector<size_t> refilled(heads_.size(), 0);
  bool must_wait = false;  // for a poll: one partition's next record is not known
  for (size_t i = 0; i < heads_.size(); ++i) {
    if (waits(heads_[i])) continue;
    if (!heads_[i].has_row()) TRY(refill(i, polled[i], std::min(max_rows, heads_[i].refill_rows)));
    if (heads_[i].has_row())
      heap.push_back(i);
    else
      must_wait |= heads_[i].has_undecoded();
  }
  std::ranges::make_heap(heap, later);

  Order order;
  std::vector<size_t> place(heads_.size(), SIZE_MAX);  // of the head's batch in `order`
  while (!heap.empty() && !must_wait && order.rows.size() < max_rows) {
    std::ranges::pop_heap(heap, later);
    const size_t first = heap.back();
    Head& head = heads_[first];
    if (place[first] == SIZE_MAX) {
      place[first] = order.batches.size();
      order.batches.push_back(head.rows);
      order.sources.push_back(first);
    }
    order.rows.push_back({static_cast<uint32_t>(place[first]), head.row++});
    if (!head.has_row()) {
      place[first] = SIZE_MAX;
      // The more of one partition go before all others, the more of it is decoded at once.
      if (refilled[first]++ > 0)
        head.refill_rows = std::min(head.refill_rows * 2, limits_.max_rows);
      // An error is left for the next call: what goes before it is taken first.
      const Status more = refill(first, polled[first], std::min(max_rows, head.refill_rows));
      must_wait = !more || (!head.has_row() && head.has_undecoded());
    }
    head.taken = head.has_row() ? Offset(head.rows->offsets[head.row]) : head.decoded;
    if (head.has_row())
      std::ranges::push_heap(heap, later);
    else
      heap.pop_back();
  }
  return runs_of(order);
}

// Rows that go to the same input of the stage, one after the other, are one batch.
std::vector<Run> InputHeads::runs_of(const Order& order) const {
  std::vector<Run> runs;
  const auto input_of = [&](size_t at) {
    return heads_[order.sources[order.rows[at].source]].source.stage_input;
  };
  for (size_t begin = 0; begin < order.rows.size();) {
    size_t end = begin + 1;
    while (end < order.rows.size() && input_of(end) == input_of(begin)) ++end;
    // Only the batches that have rows in it take part: the others may be without columns.
    std::vector<uint32_t> place(order.batches.size(), UINT32_MAX);
    std::vector<const Batch*> batches;
    std::vector<Column::SourceRow> rows;
    for (size_t at = begin; at < end; ++at) {
      const Column::SourceRow& row = order.rows[at];
      if (place[row.source] == UINT32_MAX) {
        place[row.source] = static_cast<uint32_t>(batches.size());
        batches.push_back(order.batches[row.source].get());
      }
      rows.push_back({place[row.source], row.row});
    }
    runs.push_back({order.sources[order.rows[begin].source], Batch::merge(batches, rows)});
    begin = end;
  }
  return runs;
}

void InputHeads::own() {
  for (Head& head : heads_) {
    if (head.is_owned) continue;
    head.is_owned = true;
    if (!head.has_row()) {
      head.rows = std::make_shared<Batch>();
    } else {
      head.rows = std::make_shared<Batch>(head.rows->owned(head.row));
      head.refill_rows =
          std::max(head.refill_rows / 2, std::max<size_t>(1, limits_.max_rows / heads_.size()));
    }
    head.row = 0;
  }
}

std::vector<RecordFailure> InputHeads::failures_before(size_t source, Offset next) {
  std::vector<RecordFailure> passed;
  std::deque<RecordFailure>& failures = heads_[source].failures;
  while (!failures.empty() && failures.front().offset < next) {
    passed.push_back(std::move(failures.front()));
    failures.pop_front();
  }
  return passed;
}

}  // namespace engine
