#include "engine/exec/output_sequences.h"

#include <algorithm>

namespace engine {

records::ProducerStamp OutputSequences::stamp(const PartitionRef& to, int32_t record_count) {
  if (producer_ == records::kNoProducer) return {};
  int32_t& next = next_[to];
  const records::ProducerStamp stamp{producer_, 0, next};
  next = records::advance_sequence(next, record_count);
  changed_.push_back(to);
  return stamp;
}

std::vector<OutputSequence> OutputSequences::take_changed() {
  std::ranges::sort(changed_);
  const auto repeated = std::ranges::unique(changed_);
  changed_.erase(repeated.begin(), repeated.end());
  std::vector<OutputSequence> sequences;
  sequences.reserve(changed_.size());
  for (const PartitionRef& to : changed_) sequences.push_back({to, next_.at(to)});
  changed_.clear();
  return sequences;
}

void OutputSequences::restore(const std::vector<OutputSequence>& sequences) {
  for (const OutputSequence& sequence : sequences) next_[sequence.to] = sequence.next;
}

void merge_sequences(std::vector<OutputSequence>& known, const std::vector<OutputSequence>& newer) {
  for (const OutputSequence& sequence : newer) {
    const auto at = std::ranges::lower_bound(known, sequence.to, {}, &OutputSequence::to);
    if (at != known.end() && at->to == sequence.to)
      at->next = sequence.next;
    else
      known.insert(at, sequence);
  }
}

}  // namespace engine
