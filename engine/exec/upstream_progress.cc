#include "engine/exec/upstream_progress.h"

#include <algorithm>
#include <cassert>

#include "records/batch.h"

namespace engine {

namespace {

constexpr Offset kOnlyEnds{INT64_MAX};
// Stands for the end of an input that this reader cannot read. Because no progress reaches this
// offset, the writer never counts as finished. The writer itself reports the error.
constexpr Offset kUnknownEnd{INT64_MAX};

}  // namespace

UpstreamProgress::UpstreamProgress(std::vector<LaneWriterPtr> writers) {
  for (LaneWriterPtr& task : writers) {
    Writer& writer = writers_.emplace_back();
    for (const auto& [input, begin] : task->inputs) writer.told.next.push_back(begin);
    writer.ends.resize(task->inputs.size(), kUnknownEnd);
    writer.noted_ends = writer.ends;
    writer.task = std::move(task);
  }
}

void UpstreamProgress::add_positions(
    std::vector<std::pair<PartitionRef, Offset>>& positions) const {
  for (const Writer& writer : writers_) {
    positions.emplace_back(writer.task->progress, writer.next_told);
    for (const auto& [input, begin] : writer.task->inputs) positions.emplace_back(input, kOnlyEnds);
  }
}

size_t UpstreamProgress::position_count() const {
  size_t count = writers_.size();
  for (const Writer& writer : writers_) count += writer.task->inputs.size();
  return count;
}

Status UpstreamProgress::see(std::span<const Polled> polled) {
  has_more_ = false;
  for (size_t i = 0; i < writers_.size(); ++i) {
    Writer& writer = writers_[i];
    failed_writer_ = i;
    // If the writer has trimmed its older progress records since the snapshot was taken, the next poll returns the
    // newest record.
    const Status& status = polled.front().status;
    if (!status && status.error().code != ErrorCode::OffsetOutOfRange) return status;
    if (status) TRY(take_newest(writer, polled.front()));
    has_more_ |= !status || writer.next_told < polled.front().readable_end;
    for (size_t input = 0; input < writer.ends.size(); ++input) {
      const Polled& ends = polled[input + 1];
      writer.ends[input] = ends.status ? ends.readable_end : kUnknownEnd;
    }
    polled = polled.subspan(1 + writer.ends.size());
  }
  assert(polled.empty());
  return {};
}

// Reads the newest progress. Only the newest progress counts: earlier times are no lower bound, because the times of
// a writer start again at the end of its inputs.
Status UpstreamProgress::take_newest(Writer& writer, const Polled& polled) {
  writer.next_told = std::max(writer.next_told, polled.log_start);
  if (polled.batches.empty()) return {};
  const LogBatch& newest = polled.batches.back();
  const records::BatchView batch =
      TRY(records::parse_batch(newest.bytes, records::BatchCheck::ShapeAndCrc));
  auto reader = TRY(records::RecordReader::over(batch.header, batch.payload()));
  records::RecordView last;
  while (reader.next(last)) {
  }
  TRY(reader.status());
  ExchangeProgress sent = TRY(decode_progress(last.value.value_or("")));
  if (sent.next.size() != writer.task->inputs.size())
    return Error{ErrorCode::CorruptRecord, "a writer of an exchange reports other inputs"};
  writer.told = std::move(sent);
  writer.next_told = newest.last_offset + 1;
  return {};
}

void UpstreamProgress::note_moment() {
  for (Writer& writer : writers_) writer.noted_ends = writer.ends;
}

bool UpstreamProgress::has_sent_all(size_t writer, AsOf as_of) const {
  const Writer& asked = writers_[writer];
  return std::ranges::equal(asked.told.next, as_of == AsOf::Now ? asked.ends : asked.noted_ends,
                            [](const Offset sent, const Offset end) { return sent >= end; });
}

}  // namespace engine
