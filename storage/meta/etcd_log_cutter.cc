#include "storage/meta/etcd_log_cutter.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace storage {

namespace {

constexpr int64_t kCutterRetryUs = 50'000;
// Another snapshot is written only when the commands after the previous snapshot have at least a
// quarter of the size of that snapshot. The cost of snapshots is thus proportional to the changes.
constexpr uint64_t kSnapshotBytesPerByte = 4;

}  // namespace

EtcdLogCutter::EtcdLogCutter(EtcdClient& etcd, const EtcdMetadataLog& log,
                             EtcdMetadataLog::Holding holding, const Clock& clock, Random& random,
                             CutSettings settings, CutRules rules)
    : etcd_(etcd),
      log_(log),
      holding_(std::move(holding)),
      clock_(clock),
      random_(random),
      settings_(settings),
      rules_(rules) {}

std::string EtcdLogCutter::pointer_id() const {
  return log_.pointer() ? log_.pointer()->id : std::string();
}

bool EtcdLogCutter::is_due() const {
  if (!log_.has_read() || writing_) return false;
  // This node has skipped a command that its program cannot read. A snapshot of this node would
  // lack the effect of that command. The snapshot would replace the command for all nodes, also for
  // those whose programs can read the command.
  if (log_.has_passed_over()) return false;
  // The previous clean-up is completed first.
  if (log_.pointer() && (cleaned_for_ != log_.pointer()->id || step_ != Step::Nothing))
    return false;
  const int64_t commands =
      (log_.last_revision() - (log_.pointer() ? log_.pointer()->revision : Revision{0}));
  const uint64_t bytes = log_.bytes_behind_pointer();
  const uint64_t snapshot_bytes = log_.pointer() ? log_.pointer()->size_bytes : 0;
  return (commands >= settings_.commands || bytes >= static_cast<uint64_t>(settings_.bytes)) &&
         bytes * kSnapshotBytesPerByte >= snapshot_bytes;
}

void EtcdLogCutter::save(Revision revision, std::string bytes) {
  if (!is_due() || revision > log_.last_revision() ||
      (log_.pointer() && revision <= log_.pointer()->revision))
    return;
  Writing& writing = *(writing_ = Writing());
  writing.pointer.revision = revision;
  append_be<uint64_t>(writing.pointer.id, random_.next());
  append_be<uint64_t>(writing.pointer.id, random_.next());
  writing.pointer.pieces =
      static_cast<uint32_t>((bytes.size() + settings_.piece_bytes - 1) / settings_.piece_bytes);
  writing.pointer.size_bytes = bytes.size();
  writing.pointer.first_command = log_.first_id();
  writing.pointer.replaced = log_.pointer_modified();
  writing.bytes = std::move(bytes);
  written_over_ = pointer_id();
}

void EtcdLogCutter::tick() {
  // If the pointer has moved, some snapshot was written. It may be the snapshot that this node was
  // writing: the answer of etcd may have been lost.
  if (writing_ && !is_asking_ && pointer_id() != written_over_) writing_.reset();
  if (is_asking_ || clock_.monotonic_us() < ask_at_us_ || !log_.has_read()) return;
  if (writing_) return write();
  if (log_.pointer()) clean(*log_.pointer());
}

void EtcdLogCutter::try_later() { ask_at_us_ = clock_.monotonic_us() + kCutterRetryUs; }

EtcdTransaction EtcdLogCutter::fenced() const {
  EtcdTransaction transaction;
  transaction.conditions.push_back({holding_.key, holding_.created});
  transaction.unchanged.push_back({log_.keys().pointer(), log_.pointer_modified()});
  return transaction;
}

// Commits the transaction. If the outcome is unknown, the next tick() tries again; repeating a step
// that was done has no effect.
void EtcdLogCutter::commit(EtcdTransaction transaction, std::function<void(bool is_done)> then) {
  is_asking_ = true;
  etcd_.commit(std::move(transaction),
               [this, then = std::move(then),
                alive = std::weak_ptr<const char>(alive_)](const Result<EtcdOutcome>& outcome) {
                 if (alive.expired()) return;
                 is_asking_ = false;
                 if (!outcome) return try_later();
                 // If a condition did not hold, etcd has a change that this node has not read yet.
                 if (!outcome->is_done) try_later();
                 then(outcome->is_done);
               });
}

// --- A snapshot

void EtcdLogCutter::write() {
  if (writing_->is_over) return;
  if (writing_->next_piece < writing_->pointer.pieces) return write_piece();
  move_pointer();
}

void EtcdLogCutter::write_piece() {
  EtcdTransaction transaction = fenced();
  transaction.puts.push_back({log_.keys().piece(writing_->pointer, writing_->next_piece),
                              writing_->bytes.substr(writing_->next_piece * settings_.piece_bytes,
                                                     settings_.piece_bytes)});
  commit(std::move(transaction), [this](bool is_done) {
    if (is_done)
      ++writing_->next_piece;
    else
      writing_->is_over = true;
  });
}

void EtcdLogCutter::move_pointer() {
  EtcdTransaction transaction = rules_.fences_pointer ? fenced() : EtcdTransaction();
  transaction.puts.push_back({log_.keys().pointer(), encode(writing_->pointer)});
  commit(std::move(transaction), [this](bool is_done) {
    if (is_done)
      log_info("the metadata log has a new snapshot revision={} bytes={}",
               writing_->pointer.revision.value(), writing_->pointer.size_bytes);
    writing_->is_over = true;
  });
}

// --- Removing the replaced parts

void EtcdLogCutter::clean(const SnapshotPointer& pointer) {
  if (cleaned_for_ != pointer.id) {
    cleaned_for_ = pointer.id;
    step_ = Step::Commands;
  }
  switch (step_) {
    case Step::Commands:
      return remove_commands(pointer);
    case Step::Pieces:
      return remove_pieces(pointer);
    case Step::History:
      return forget_history(pointer);
    case Step::Nothing:
      return;
  }
}

// Removes the oldest commands first. The remaining commands thus have no gap, even if the removal
// stops in between.
void EtcdLogCutter::remove_commands(const SnapshotPointer& pointer) {
  const Revision end = rules_.removes_behind_pointer ? pointer.revision : log_.last_revision();
  is_asking_ = true;
  etcd_.find_first(
      log_.keys().commands(Revision{0}, end),
      [this, end, alive = std::weak_ptr<const char>(alive_)](const Result<EtcdFound>& oldest) {
        if (alive.expired()) return;
        is_asking_ = false;
        if (!oldest) return try_later();
        const auto first = oldest->entries.empty()
                               ? std::nullopt
                               : log_.keys().revision_of(oldest->entries.front().key);
        if (!first) {
          step_ = Step::Pieces;
          return;
        }
        EtcdTransaction transaction = fenced();
        transaction.removals.push_back(
            log_.keys().commands(*first, std::min(end, *first + settings_.removed_at_a_time)));
        commit(std::move(transaction), [](bool) {});
      });
}

// Removes the pieces of all snapshots except the one that `pointer` names, one snapshot after another. Each request
// names pieces that etcd has now. A request for the whole range of other snapshots could arrive late, and remove pieces
// of a snapshot that was written in the meantime. Each request succeeds only while the stored
// pointer is unchanged. A request that is executed after the pointer has moved to a newer snapshot
// thus does not remove that snapshot.
void EtcdLogCutter::remove_pieces(const SnapshotPointer& pointer) {
  const EtcdTransaction fence = fenced();
  remove_first_of(log_.keys().pieces_before(pointer), fence, [this, pointer, fence] {
    remove_first_of(log_.keys().pieces_behind(pointer), fence, [this] { step_ = Step::History; });
  });
}

void EtcdLogCutter::remove_first_of(EtcdRange pieces, EtcdTransaction fence,
                                    std::function<void()> none_is_left) {
  is_asking_ = true;
  etcd_.find_first(
      std::move(pieces),
      [this, fence = std::move(fence), none_is_left = std::move(none_is_left),
       alive = std::weak_ptr<const char>(alive_)](const Result<EtcdFound>& first) {
        if (alive.expired()) return;
        is_asking_ = false;
        if (!first) return try_later();
        if (first->entries.empty()) return none_is_left();
        EtcdTransaction transaction = fence;
        transaction.removals.push_back(EtcdMetadataKeys::pieces_with(first->entries.front().key));
        commit(std::move(transaction), [](bool) {});
      });
}

// Makes etcd delete its history of replaced values. Without this step, etcd's file would keep all
// removed keys. The history since the previous move of the pointer is kept, because a reader may
// still read a range in pages, or may begin a watch at the revision that it has just read. A
// failure is only logged, because the next call covers a later revision.
void EtcdLogCutter::forget_history(const SnapshotPointer& pointer) {
  step_ = Step::Nothing;
  if (pointer.replaced == EtcdRevision{0}) return;
  is_asking_ = true;
  etcd_.compact(pointer.replaced, [this, alive = std::weak_ptr<const char>(alive_)](
                                      const Result<EtcdRevision>& compacted) {
    if (alive.expired()) return;
    is_asking_ = false;
    if (!compacted && compacted.error().code != ErrorCode::OffsetOutOfRange)
      log_info("etcd could not delete replaced metadata error=\"{}\"", compacted.error().message);
  });
}

}  // namespace storage
