#include "tests/sim/sim_task.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "records/batch_builder.h"
#include "tests/sim/sim_node.h"

namespace sim {

namespace {

constexpr size_t kMaxUndelivered = 2'000, kReadBytes = 400;

}  // namespace

SimTask::SimTask(SimNode& node, Findings& findings, const Places& places)
    : node_(node), findings_(findings), places_(places) {}

std::string SimTask::encode(const State& state) const {
  std::string entry;
  append_be(entry, state.position.value());
  append_be(entry, state.count);
  append_be(entry, state.next_output);
  return entry;
}

SimTask::State SimTask::decode(const storage::ReplicatedCommit& commit) {
  ByteReader in(commit.entry);
  State state{.sequence = commit.sequence};
  state.position = Offset{in.be<int64_t>()};
  state.count = in.be<int64_t>();
  state.next_output = in.be<int32_t>();
  return state;
}

void SimTask::restore(const storage::ReplicatedCommit& commit) {
  if (is_open_ || commit.sequence.value() == 1) state_ = {};
  is_open_ = false;
  if (commit.sequence != state_.sequence + 1)
    findings_.add(fmt::format("journal {}: commit {} follows {}", places_.journal.partition.value(),
                              commit.sequence.value(), state_.sequence.value()));
  state_ = decode(commit);
  // Offsets of the input have no gaps.
  if (state_.count != state_.position.value())
    findings_.add(fmt::format("journal {}: {} records counted before offset {}",
                              places_.journal.partition.value(), state_.count,
                              state_.position.value()));
}

void SimTask::opened() {
  is_open_ = true;
  is_committing_ = false;
  step();
}

void SimTask::closed() {
  is_open_ = is_committing_ = false;
  state_ = {};
}

void SimTask::step() {
  if (!is_open_ || is_committing_ || owner_ == nullptr || !owner_->is_open()) return;
  if (owner_->outbox().undelivered_bytes("count/0/0") > kMaxUndelivered) return;
  SimNode* source = node_.has_replica(places_.input) ? &node_ : node_.leader_of(places_.input);
  if (source == nullptr) return;
  const auto input = source->log()->find_partition(places_.input);
  // That replica may be behind the one that was read before: it catches up.
  if (!input || input->high_watermark() <= state_.position) return;
  if (!source->reader()->begin_turn()) return;
  State next = state_;
  records::BatchBuilder output;
  const auto batches = source->reader()->read(places_.input, state_.position, kReadBytes);
  for (size_t i = 0; batches && i < batches->size(); ++i) {
    const auto batch = records::parse_batch((*batches)[i].bytes, records::BatchCheck::Shape);
    std::string scratch;
    auto reader = records::RecordReader::open(*batch, scratch);
    for (records::RecordView record; reader->next(record);) {
      if (batch->header.base_offset + record.offset_delta < state_.position) continue;
      output.append(1'000, "key", record.value);
      ++next.count;
    }
    next.position = (*batches)[i].last_offset + 1;
  }
  source->reader()->end_turn();
  if (output.empty()) return;
  const int32_t outputs = output.offset_count();
  storage::ReplicatedCommit commit;
  commit.task = "count/0/0";
  next.sequence = commit.sequence = state_.sequence + 1;
  commit.outputs.push_back(
      {places_.output,
       output.finish(records::Codec::None, {places_.producer, 0, state_.next_output})});
  next.next_output = records::advance_sequence(state_.next_output, outputs);
  commit.entry = encode(next);
  commit.delivered = owner_->outbox().take_delivered(commit.task);
  is_committing_ = true;
  owner_->commit(std::move(commit), [this, next] {
    state_ = next;
    is_committing_ = false;
    step();
  });
}

}  // namespace sim
