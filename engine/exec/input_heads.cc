#include "engine/exec/input_heads.h"

#include <algorithm>
#include <cassert>

#include "engine/exec/batch_bytes.h"

namespace engine {

namespace {

// A poll from this offset returns no records, only the ends of the partition.
constexpr Offset kNothing{INT64_MAX};
// Minimum number of bytes per partition if the task reads many partitions: smaller reads are not worth a poll.
constexpr size_t kMinRefillBytes = 32 * 1024;

}  // namespace

// The order in which rows are taken: pairs of a batch and a row number, and the batches that have
// the rows.
struct InputHeads::Order {
  std::vector<std::shared_ptr<Batch>> batches;
  std::vector<size_t> sources;  // by batch: index of its head in heads_
  std::vector<Column::SourceRow> rows;
};

InputHeads::InputHeads(std::vector<HeadSource> sources, HeadLimits limits) : limits_(limits) {
  std::vector<LaneWriterPtr> writers;
  for (HeadSource& source : sources) {
    Head head;
    // The source has only one lane (a sequence of records that is read in order). It does not wait for other lanes,
    // so the progress of its writer is not needed.
    if (source.writer && sources.size() > 1) {
      // In a task that reads all partitions, a writer has several lanes (one for each reader of the exchange), which
      // share the writer's progress.
      const auto known = std::ranges::find(
          writers, source.writer->progress,
          [](const LaneWriterPtr& writer) -> const PartitionRef& { return writer->progress; });
      head.writer = static_cast<size_t>(known - writers.begin());
      if (known == writers.end()) writers.push_back(std::move(source.writer));
    }
    if (source.writers && sources.size() > 1) head.topic = awaited_.add(source.writers);
    head.decoded = head.taken = source.begin;
    head.source = std::move(source);
    heads_.push_back(std::move(head));
  }
  if (!writers.empty()) upstream_.emplace(std::move(writers));
  for (Head& head : heads_) head.refill_rows = std::max<size_t>(1, limits.max_rows / heads_.size());
}

void InputHeads::share(SharedRecords& records) {
  // Only a task that reads one partition shares decoded records. If a task reads several
  // partitions, the number of rows that it takes from each depends on the times of the rows, so its
  // chunks would differ from those of other tasks.
  if (heads_.size() != 1 || heads_.front().source.input->step().exchange >= 0) return;
  Head& head = heads_.front();
  if (RecordDecoder* decoder = head.source.input->decoder())
    head.shared = records.join(head.source.partition, *decoder, head.decoded);
}

bool InputHeads::Head::goes_before(const Head& other) const {
  const InputStep &step = source.input->step(), &others = other.source.input->step();
  if (step.is_read_first != others.is_read_first) return step.is_read_first;
  if (order_time() != other.order_time()) return order_time() < other.order_time();
  // At equal times a table's change precedes a stream's record, so that the record is joined with the row of its own
  // time.
  return is_table() && !other.is_table();
}

std::vector<std::pair<PartitionRef, Offset>> InputHeads::positions() {
  std::vector<std::pair<PartitionRef, Offset>> positions;
  for (Head& head : heads_) {
    const bool is_full = head.rows->rows - head.row >= head.refill_rows;
    head.is_asked_for = !is_full && !head.has_stopped();
    positions.emplace_back(head.source.partition, head.is_asked_for ? head.decoded : kNothing);
  }
  if (upstream_) upstream_->add_positions(positions);
  awaited_.add_positions(positions);
  return positions;
}

void InputHeads::limit(std::span<const Offset> ends) {
  for (size_t i = 0; i < heads_.size(); ++i) {
    heads_[i].limit = ends.empty() ? std::nullopt : std::optional(ends[i]);
    if (ends.empty()) heads_[i].end = heads_[i].readable_end;
  }
}

bool InputHeads::has_more(size_t source) const {
  return heads_[source].has_row() || heads_[source].has_undecoded();
}

// Updates the ends of all partitions from one snapshot.
void InputHeads::see(std::span<const Polled> polled) {
  for (size_t i = 0; i < heads_.size(); ++i) {
    Head& head = heads_[i];
    if (!polled[i].status) continue;  // the error is reported when the next record is needed
    head.readable_end = head.end = polled[i].readable_end;
    if (head.source.stop_at) head.end = std::min(head.end, *head.source.stop_at);
    if (head.limit) head.end = std::min(head.end, *head.limit);
    if (head.decoded < polled[i].log_start) {  // retention has deleted records that were not read
      // A task that reads from offset 0 has just started and begins at the log start, so it has
      // lost no records.
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
    DecodeRange range;
    range.from = head.decoded;
    range.end = head.end;  // another task may have decoded records beyond the limit of this one
    range.max_rows = max_rows;
    range.unpack_bytes = unpack_bytes_left_;
    range.whole_blocks = head.writer.has_value();
    range.max_bytes = std::max(kMinRefillBytes, limits_.max_bytes / heads_.size());
    const int32_t partition = head.source.partition.partition.value();
    Result<DecodedChunk> chunk =
        head.shared ? head.shared->decode(polled.batches, partition, range, head.cursor)
                    : head.source.input->decode(polled.batches, partition, range, head.cursor);
    if (!chunk) {
      failed_at_ = {source, head.decoded};
      return std::move(chunk).error();
    }
    assert(chunk->next >= head.decoded);
    unpack_bytes_left_ = chunk->unpack_bytes_left;
    if (chunk->next == head.decoded) {
      waits_for_ = std::move(chunk->waits_for);
      break;  // the remaining records were not polled or are still being decompressed
    }
    head.decoded = chunk->next;
    decoded_rows_ += chunk->batch.rows;
    head.rows = std::make_shared<Batch>(std::move(chunk->batch));
    head.merge = std::move(chunk->merge);
    if (head.writer && head.merge.source_offsets.size() != head.rows->rows) {
      failed_at_ = {source, head.taken};
      return Error{ErrorCode::CorruptRecord, "rows of an exchange have no origin"};
    }
    head.row = 0;
    head.is_owned = false;
    for (RecordFailure& failure : chunk->failures) head.failures.push_back(std::move(failure));
  }
  // If no batch was returned, all records up to the end have been compacted away.
  if (!head.has_row() && head.has_undecoded() && head.is_asked_for && polled.batches.empty())
    head.decoded = head.end;
  head.taken = head.has_row() ? Offset(head.rows->offsets[head.row]) : head.decoded;
  return {};
}

Result<std::vector<Run>> InputHeads::take(std::span<const Polled> polled, size_t max_rows) {
  see(polled);
  is_held_up_ = false;
  waits_for_.clear();
  awaited_query_.clear();
  std::span<const Polled> of_writers = polled.subspan(heads_.size());
  if (upstream_) {
    const size_t of_topics = of_writers.size() - upstream_->position_count();
    TRY(see_writers(of_writers.first(upstream_->position_count())));
    of_writers = of_writers.last(of_topics);
  }
  awaited_.see(of_writers);
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
  // The plan marks some inputs as read first (`is_read_first`), for example a table before the stream that is joined
  // with it. Until they are read completely, the heads of the other inputs wait, and their records are not decoded.
  const auto waits = [&](const Head& head) {
    return some_go_first && !head.source.input->step().is_read_first;
  };
  // Orders the heap so that its front is the head whose record is next.
  const auto later = [this](size_t a, size_t b) {
    if (heads_[a].goes_before(heads_[b])) return false;
    return heads_[b].goes_before(heads_[a]) || a > b;
  };
  std::vector<size_t> heap;
  std::vector<size_t> refilled(heads_.size(), 0);
  // true: the next record of some partition is not known yet, so all records that may be later than
  // it wait for the next poll
  bool must_wait = false;
  for (size_t i = 0; i < heads_.size(); ++i) {
    if (waits(heads_[i])) continue;
    if (!heads_[i].has_row()) TRY(refill(i, polled[i], std::min(max_rows, heads_[i].refill_rows)));
    if (heads_[i].has_row())
      heap.push_back(i);
    else
      must_wait |= heads_[i].has_undecoded();
  }
  std::ranges::make_heap(heap, later);
  if (upstream_) {
    must_wait |= upstream_->has_more();
    if (std::ranges::none_of(heap, [this](size_t i) { return heads_[i].was_decoded(); }))
      note_moment();
  }
  Bounds bounds = bounds_of_empty_lanes();
  look_at_topics();

  Order order;
  std::vector<size_t> place(heads_.size(), SIZE_MAX);  // index in `order` of the head's batch
  bool is_held_up = false;
  while (!heap.empty() && !must_wait && order.rows.size() < max_rows) {
    std::ranges::pop_heap(heap, later);
    const size_t first = heap.back();
    Head& head = heads_[first];
    if (owed_to(head) != Owed::Nothing) {
      if (!was_there(head)) {
        note_moment();
        bounds = bounds_of_empty_lanes();
        look_at_topics();
      }
      is_held_up |= owed_to(head) == Owed::StillOwed;
      must_wait = owed_to(head) == Owed::Seen;
      if (owed_to(head) == Owed::StillOwed || must_wait) break;
    }
    const bool is_of_moment = upstream_ && was_there(head);
    const Bound bound = is_of_moment ? bounds.noted : bounds.now;
    if (upstream_ && !is_within(first, bound)) {
      is_held_up = true;
      if (is_of_moment) break;          // all later rows are held up as well
      if (awaited_.is_any_written()) {  // records of awaited topics are never overtaken
        note_moment();
        must_wait = true;
        break;
      }
      heap.pop_back();
      continue;
    }
    if (place[first] == SIZE_MAX) {
      place[first] = order.batches.size();
      order.batches.push_back(head.rows);
      order.sources.push_back(first);
    }
    // The loop takes all rows of this head that precede the row of the next head in the heap. For
    // most of them comparing the time is sufficient.
    const int64_t until =
        heap.size() == 1 ? bound.time : std::min(bound.time, heads_[heap.front()].order_time());
    const bool needs_moment = owed_to(head) != Owed::Nothing;
    const auto goes_on = [&] {
      if (needs_moment && !was_there(head)) return false;
      if (upstream_ && was_there(head) != is_of_moment) return false;
      return head.order_time() < until || ((heap.size() == 1 || !later(first, heap.front())) &&
                                           (!upstream_ || is_within(first, bound)));
    };
    do {
      order.rows.push_back({static_cast<uint32_t>(place[first]), head.row++});
    } while (head.has_row() && order.rows.size() < max_rows && goes_on());
    if (!head.has_row()) {
      place[first] = SIZE_MAX;
      // Repeated refills in one take() show that this partition precedes the other partitions, so more rows are decoded
      // at once.
      if (refilled[first]++ > 0)
        head.refill_rows = std::min(head.refill_rows * 2, limits_.max_rows);
      // A decoding error is left for the next call, because this call returns the records before it.
      const Status more = refill(first, polled[first], std::min(max_rows, head.refill_rows));
      must_wait = !more || (!head.has_row() && head.has_undecoded());
      if (head.writer && !head.has_row()) bounds = bounds_of_empty_lanes();
      if (head.topic && !head.has_row()) look_at_topics();
    }
    head.taken = head.has_row() ? Offset(head.rows->offsets[head.row]) : head.decoded;
    if (head.has_row())
      std::ranges::push_heap(heap, later);
    else
      heap.pop_back();
  }
  is_held_up_ = is_held_up && !must_wait && order.rows.size() < max_rows;
  if (!is_held_up_) awaited_query_.clear();
  return runs_of(order);
}

Status InputHeads::see_writers(std::span<const Polled> polled) {
  Status seen = upstream_->see(polled);
  if (seen) return {};
  const auto at = std::ranges::find_if(
      heads_, [this](const Head& head) { return head.writer == upstream_->failed_writer(); });
  failed_at_ = {static_cast<size_t>(at - heads_.begin()), at->taken};
  return seen;
}

void InputHeads::note_moment() {
  if (upstream_) upstream_->note_moment();
  awaited_.note_moment();
  for (Head& head : heads_) {
    head.noted_decoded = head.decoded;
    head.noted_end = head.end;
  }
}

// Returns whether the head's next record could be read at the noted moment, or was made from a
// record that could be read then.
bool InputHeads::was_there(const Head& head) const {
  if (!head.writer) return Offset(head.rows->offsets[head.row]) < head.noted_end;
  return upstream_->was_there(*head.writer, head.merge.source_offsets[head.row]);
}

InputHeads::Owed InputHeads::owed_by_topics(SourceKind kind) {
  Owed owed = Owed::Nothing;
  for (const Head& head : heads_) {
    if (!head.topic || !head.is_empty() || head.source.input->step().kind != kind) continue;
    // No row is awaited from a partition that has been read up to its stop offset.
    if (!awaited_.is_written(*head.topic) || head.has_stopped()) continue;
    const bool has_passed = awaited_.has_passed(*head.topic);
    const Owed its = has_passed                     ? Owed::NoMore
                     : awaited_.is_new(*head.topic) ? Owed::Seen
                                                    : Owed::StillOwed;
    if (its == Owed::StillOwed) awaited_query_ = awaited_.awaited(*head.topic);
    owed = std::max(owed, its);
  }
  return owed;
}

void InputHeads::look_at_topics() {
  if (awaited_.empty()) return;
  awaited_query_.clear();
  owed_by_tables_ = owed_by_topics(SourceKind::Table);
  owed_by_streams_ = owed_by_topics(SourceKind::Stream);
}

InputHeads::Bounds InputHeads::bounds_of_empty_lanes() const {
  Bounds bounds;
  if (!upstream_) return bounds;
  for (size_t i = 0; i < heads_.size(); ++i) {
    const Head& head = heads_[i];
    if (!head.writer || head.has_row() || head.has_undecoded()) continue;
    const Bound next{upstream_->time_from(*head.writer), i};
    using AsOf = UpstreamProgress::AsOf;
    if (!upstream_->has_sent_all(*head.writer, AsOf::Noted))
      bounds.noted = std::min(bounds.noted, next);
    if (!upstream_->has_sent_all(*head.writer, AsOf::Now)) bounds.now = std::min(bounds.now, next);
  }
  return bounds;
}

// Returns whether the head's next record precedes all rows that an empty lane may still receive.
bool InputHeads::is_within(size_t source, const Bound& bound) const {
  const Head& head = heads_[source];
  if (head.source.input->step().is_read_first) return true;
  const int64_t time = head.order_time();
  // At equal times a table's change precedes a stream's record.
  return head.is_table() ? time <= bound.time : Bound{time, source} < bound;
}

// Returns the rows as runs. Consecutive rows for the same input of the stage form one batch.
std::vector<Run> InputHeads::runs_of(const Order& order) const {
  std::vector<Run> runs;
  const auto input_of = [&](size_t at) {
    return heads_[order.sources[order.rows[at].source]].source.stage_input;
  };
  for (size_t begin = 0; begin < order.rows.size();) {
    size_t end = begin + 1;
    while (end < order.rows.size() && input_of(end) == input_of(begin)) ++end;
    // Only batches that contribute rows are merged, because the other batches may have no columns.
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
      head.owned_bytes.reset();
      for (std::vector<int64_t>* each : {&head.merge.order_times, &head.merge.source_offsets})
        if (!each->empty()) each->erase(each->begin(), each->begin() + head.row);
      head.refill_rows =
          std::max(head.refill_rows / 2, std::max<size_t>(1, limits_.max_rows / heads_.size()));
    }
    head.row = 0;
  }
}

size_t InputHeads::owned_bytes() const {
  size_t bytes = 0;
  for (const Head& head : heads_)
    if (head.is_owned && head.has_row()) {
      if (!head.owned_bytes) head.owned_bytes = bytes_of(*head.rows);
      bytes += *head.owned_bytes;
    }
  return bytes;
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
