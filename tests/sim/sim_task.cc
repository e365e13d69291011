#include "tests/sim/sim_task.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "records/batch_builder.h"
#include "tests/sim/sim_node.h"

namespace sim {

namespace {

constexpr size_t kMaxUndelivered = 2'000, kReadBytes = 400, kCarryBytes = 2'000;
constexpr int32_t kPieces = 3;
constexpr std::string_view kTable = "sim";

}  // namespace

SimTask::SimTask(SimNode& node, Findings& findings, const Places& places, SimTaskRules rules,
                 int64_t period)
    : node_(node), findings_(findings), places_(places), rules_(rules), period_(period) {}

std::string SimTask::encode(const State& state) {
  std::string entry;
  append_be(entry, state.sequence.value());
  append_be(entry, state.position.value());
  append_be(entry, state.count);
  append_be(entry, state.next_output);
  return entry;
}

SimTask::State SimTask::decode(std::string_view entry) {
  ByteReader in(entry);
  State state;
  state.sequence = TaskSequence{in.be<int64_t>()};
  state.position = Offset{in.be<int64_t>()};
  state.count = in.be<int64_t>();
  state.next_output = in.be<int32_t>();
  return state;
}

std::string SimTask::key() const {
  return fmt::format("journal/{}", places_.journal.partition.value());
}

// --- Carrying out the commits of the journal

void SimTask::load() {
  const auto row = std::make_shared<std::string>();
  is_carrying_ = true;
  node_.log()->submit(
      [key = key(), row](storage::WriteTransaction& transaction) -> Status {
        const auto table = TRY(transaction.find_table(kTable, storage::KeyOrder::Bytes));
        if (!table) return {};
        if (const auto stored = TRY(transaction.get(*table, key))) *row = *stored;
        return {};
      },
      [this, row, alive = std::weak_ptr<const char>(alive_)](const Status& status) {
        if (alive.expired()) return;
        is_carrying_ = false;
        is_loaded_ = status.has_value();
        if (row->empty()) return;
        ByteReader in(*row);
        carried_.place.next = Offset{in.be<int64_t>()};
        carried_.place.first_needed = Offset{in.be<int64_t>()};
        carried_.state = decode(in.rest());
      });
}

void SimTask::take(const storage::ReplicatedCommit& commit, State& state) const {
  if (commit.sequence != state.sequence + 1)
    findings_.add(fmt::format("journal {}: commit {} follows {}", places_.journal.partition.value(),
                              commit.sequence.value(), state.sequence.value()));
  state = decode(commit.entry);
  // Offsets of the input have no gaps.
  if (state.count != state.position.value() || state.sequence != commit.sequence)
    findings_.add(fmt::format("journal {}: the task has counted {} records before offset {}",
                              places_.journal.partition.value(), state.count,
                              state.position.value()));
}

// Reads the newest snapshot of the journal into `next`. Returns false while the snapshot has not
// arrived yet.
Result<bool> SimTask::restore_snapshot(Carried& next) const {
  const auto found =
      TRY(storage::find_snapshot(*node_.log(), *node_.reader(), places_.journal, rules_.journals));
  if (!found) return false;
  std::string entry;
  TRY(storage::read_snapshot(*node_.reader(), places_.journal, *found,
                             [&](std::string_view content) -> Status {
                               entry += content;
                               return {};
                             }));
  next.place = found->place;
  next.state = decode(entry);
  if (next.state.count != next.state.position.value())
    findings_.add(fmt::format("journal {}: a snapshot has counted {} records before offset {}",
                              places_.journal.partition.value(), next.state.count,
                              next.state.position.value()));
  findings_.trace(fmt::format("journal {} restarts from a snapshot at {} on node {}",
                              places_.journal.partition.value(), next.place.next.value(),
                              node_.id().value()));
  return true;
}

Status SimTask::read_on(Carried& next, size_t max_bytes) const {
  TRY(node_.reader()->begin_turn());
  const auto batches = node_.reader()->read(places_.journal, next.place.next, max_bytes);
  Status read = batches ? Status() : Status(batches.error());
  for (size_t i = 0; read && i < batches->size(); ++i) {
    const auto commit = storage::read_replicated_commit((*batches)[i].bytes);
    if (!commit) {
      read = commit.error();
      break;
    }
    next.place.next = (*batches)[i].last_offset + 1;
    if (*commit) take(**commit, next.state);
    if (const auto mark = storage::read_delivered_mark((*batches)[i].bytes))
      next.place.first_needed = std::max(next.place.first_needed, *mark);
  }
  node_.reader()->end_turn();
  return read;
}

// One commit of the log stores both the new state and the journal offset up to which it was read.
void SimTask::apply_commits() {
  if (!is_loaded_ && !is_carrying_) return load();
  const auto status = node_.log()->find_partition(places_.journal);
  if (is_carrying_ || !status || status->high_watermark() <= carried_.place.next) return;
  Carried next = carried_;
  if (status->log_start() > next.place.next) {
    if (rules_.restores_snapshots) {
      const auto begun = restore_snapshot(next);
      if (!begun || !*begun) return;
    } else {
      next.place.next = status->log_start();
    }
  }
  if (!read_on(next, kCarryBytes) || next.place.next == carried_.place.next) return;
  std::string row;
  append_be(row, next.place.next.value());
  append_be(row, next.place.first_needed.value());
  row += encode(next.state);
  is_carrying_ = true;
  node_.log()->submit(
      [key = key(), row](storage::WriteTransaction& transaction) -> Status {
        return transaction.put(TRY(transaction.open_table(kTable, storage::KeyOrder::Bytes)), key,
                               row);
      },
      [this, next, alive = std::weak_ptr<const char>(alive_)](const Status& written) {
        if (alive.expired()) return;
        is_carrying_ = false;
        if (written) carried_ = next;
      });
}

std::string SimTask::rebuilt() const {
  Carried cold;
  const auto status = node_.log()->find_partition(places_.journal);
  if (!status) return encode(cold.state);
  if (status->log_start() > Offset{0}) {
    const auto begun = restore_snapshot(cold);
    if (!begun || !*begun) return "no snapshot";
  }
  while (cold.place.next < status->high_watermark())
    if (!read_on(cold, 1 << 20)) return "cannot be read";
  return encode(cold.state);
}

// --- Snapshots

void SimTask::write_snapshot() {
  if (writing_ || !has_begun_ || carried_.place.next - snapshot_at_ < period_) return;
  snapshot_at_ = carried_.place.next;
  writing_ = Writing{carried_, node_.random_number()};
  findings_.trace(fmt::format("journal {}: a snapshot begins at {}",
                              places_.journal.partition.value(), snapshot_at_.value()));
  write_piece(0);
}

// Each piece has a part of the content, so that an incomplete snapshot cannot pass for a complete
// one.
void SimTask::write_piece(int32_t number) {
  const std::string content = encode(writing_->of.state);
  const size_t share = content.size() / kPieces;
  const bool is_last = number + 1 == kPieces;
  storage::SnapshotPiece piece{writing_->number, number, is_last, writing_->of.place, {}};
  const std::string_view all(content);
  piece.content = is_last ? all.substr(share * static_cast<size_t>(number))
                          : all.substr(share * static_cast<size_t>(number), share);
  owner_->write_piece(piece, [this, number, is_last] {
    if (!is_last) return write_piece(number + 1);
    ++snapshots_;
    writing_.reset();
  });
}

// --- The task

void SimTask::opened() {
  const auto status = node_.log()->find_partition(places_.journal);
  opens_at_ = status ? status->high_watermark() : Offset{0};
  is_open_ = true;
  has_begun_ = is_committing_ = false;
  step();
}

void SimTask::closed() {
  is_open_ = has_begun_ = is_committing_ = false;
  writing_.reset();
  state_ = {};
}

void SimTask::step() {
  apply_commits();
  if (!is_open_ || is_committing_ || owner_ == nullptr || !owner_->is_open()) return;
  if (!has_begun_) {
    if (rules_.carries_out_first && carried_.place.next < opens_at_) return;
    has_begun_ = true;
    state_ = carried_.state;
  }
  write_snapshot();
  if (owner_->outbox().undelivered_bytes("count/0/0") > kMaxUndelivered) return;
  SimNode* source = node_.has_replica(places_.input) ? &node_ : node_.leader_of(places_.input);
  if (source == nullptr) return;
  const auto input = source->log()->find_partition(places_.input);
  // The replica that is read now may have less than the replica that was read before, and will
  // catch up.
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
