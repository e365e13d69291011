#include "storage/meta/etcd_metadata_log.h"

#include <cassert>
#include <limits>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace storage {

namespace {

constexpr size_t kIdSize = 16;
constexpr int64_t kLogRetryUs = 50'000;

}  // namespace

EtcdMetadataLog::EtcdMetadataLog(EtcdClient& etcd, std::string prefix, const Clock& clock,
                                 Random& random, Reader reader)
    : etcd_(etcd),
      keys_{std::move(prefix)},
      clock_(clock),
      random_(random),
      reader_(std::move(reader)),
      // Reading begins with the last command that was read. This command always exists, and the
      // revision of its creation is the condition of the next append.
      commands_(etcd, clock,
                {.range = [this] { return keys_.commands_and_pointer(last_); },
                 .read = [this](const std::vector<EtcdEntry>& entries) { read(entries); },
                 .changed =
                     [this](const EtcdEvent& event) {
                       if (!event.entry) return;
                       if (event.key == keys_.pointer())
                         take_pointer(*event.entry);
                       else
                         take(*event.entry);
                     }}),
      snapshot_(etcd, keys_, clock,
                [this](Result<MetadataSnapshot> snapshot) { loaded(std::move(snapshot)); }) {}

void EtcdMetadataLog::tick() {
  const int64_t now_us = clock_.monotonic_us();
  while (!retries_.empty() && retries_.begin()->first <= now_us) {
    const uint64_t number = retries_.begin()->second;
    retries_.erase(retries_.begin());
    find_out(number);
  }
  if (snapshot_.is_reading()) return snapshot_.tick();
  if (now_us >= load_at_us_) commands_.tick();
}

// --- Appending

void EtcdMetadataLog::append(Revision last, const MetadataCommand& command,
                             std::optional<Holding> holding,
                             std::function<void(Result<Revision>)> done) {
  const bool is_known = last == Revision{0} || last_created_ != EtcdRevision{0};
  if (last != last_ || !is_known)
    return done(Error{ErrorCode::OutOfOrderSequence, "the metadata log has advanced"});
  std::string bytes;
  append_be<uint64_t>(bytes, random_.next());
  append_be<uint64_t>(bytes, random_.next());
  bytes += encode(command);
  const uint64_t number = ++next_append_;
  appends_.emplace(number, Append{.revision = last + 1,
                                  .predecessor = last_created_,
                                  .bytes = std::move(bytes),
                                  .holding = std::move(holding),
                                  .done = std::move(done),
                                  .is_it = {}});
  try_append(number);
}

void EtcdMetadataLog::try_append(uint64_t number) {
  const Append& append = appends_.at(number);
  assert(append.revision > Revision{0});
  assert((append.revision == Revision{1}) == (append.predecessor == EtcdRevision{0}));
  EtcdTransaction transaction;
  transaction.conditions.push_back({keys_.command(append.revision), EtcdRevision{0}});
  // It is not a sufficient condition that the command's own key does not exist, because a snapshot
  // removes the commands that it replaces. So the previous command must be unchanged, too. It
  // always exists. For the first command, the condition is that no snapshot exists.
  if (append.predecessor != EtcdRevision{0})
    transaction.conditions.push_back({keys_.command(append.revision - 1), append.predecessor});
  else
    transaction.conditions.push_back({keys_.pointer(), EtcdRevision{0}});
  if (append.holding)
    transaction.conditions.push_back({append.holding->key, append.holding->created});
  transaction.puts.push_back({keys_.command(append.revision), append.bytes});
  etcd_.commit(std::move(transaction),
               [this, number](Result<EtcdOutcome> result) { outcome(number, std::move(result)); });
}

void EtcdMetadataLog::try_later(uint64_t number) {
  retries_.emplace(clock_.monotonic_us() + kLogRetryUs, number);
}

void EtcdMetadataLog::outcome(uint64_t number, Result<EtcdOutcome> outcome) {
  if (!outcome) return try_later(number);
  if (outcome->is_done) return finish(number, appends_.at(number).revision);
  // An earlier attempt of this append may have stored the command.
  appends_.at(number).was_refused = true;
  find_out(number);
}

void EtcdMetadataLog::find_out(uint64_t number) {
  const Revision revision = appends_.at(number).revision;
  etcd_.find(EtcdRange::only(keys_.command(revision)),
             [this, number](Result<EtcdFound> found) { found_out(number, std::move(found)); });
}

void EtcdMetadataLog::found_out(uint64_t number, Result<EtcdFound> found) {
  Append& append = appends_.at(number);
  if (!found) return try_later(number);
  const Error moved_on{ErrorCode::OutOfOrderSequence, "the metadata log has advanced"};
  if (!found->entries.empty()) {
    if (found->entries.front().value == append.bytes) return finish(number, append.revision);
    note_unread(append.revision);
    return finish(number, moved_on);
  }
  // etcd no longer has the command of that revision, perhaps because a snapshot has replaced it. If
  // this node has read the command before, `is_it` is set: whether it was the command of this append.
  if (append.is_it)
    return *append.is_it ? finish(number, append.revision) : finish(number, moved_on);
  if (last_ >= append.revision)
    return finish(number, Error{ErrorCode::ReadTimeout,
                                "etcd did not answer: it is not known whether the change was made",
                                {},
                                "Check whether the change was made before you retry."});
  // The attempt was refused because of another change, which this node will read soon.
  if (std::exchange(append.was_refused, false)) return try_later(number);
  // The command is not stored, but etcd may still execute an earlier attempt. If this node is no
  // longer the controller, that attempt cannot succeed. Otherwise the attempt is repeated until a
  // command is stored at the revision.
  if (!append.holding) return try_append(number);
  etcd_.find(EtcdRange::only(append.holding->key), [this, number](Result<EtcdFound> holder) {
    const Append& waiting = appends_.at(number);
    if (!holder) return try_later(number);
    if (!holder->entries.empty() && holder->entries.front().created == waiting.holding->created)
      return try_append(number);
    finish(number, Error{ErrorCode::OutOfOrderSequence, "this node is no longer the controller"});
  });
}

// Records that etcd has a command that this node has not read. If the watch does not deliver the
// command in time, the range is read instead. Without this, the controller could retry its append
// again and again without success.
void EtcdMetadataLog::note_unread(Revision there) {
  constexpr int64_t kLateUs = 300'000;
  if (last_ >= there) return;
  const int64_t now_us = clock_.monotonic_us();
  if (!unread_ || unread_->revision != there) unread_ = {there, now_us};
  if (now_us - unread_->since_us < kLateUs) return;
  unread_.reset();
  commands_.read_now();
}

void EtcdMetadataLog::finish(uint64_t number, Result<Revision> result) {
  const auto found = appends_.find(number);
  assert(found != appends_.end());  // each append gets one answer, and is erased then
  const auto done = std::move(found->second.done);
  appends_.erase(found);
  done(std::move(result));
}

// --- Reading

void EtcdMetadataLog::read(const std::vector<EtcdEntry>& entries) {
  pointer_modified_ = {};
  for (const EtcdEntry& entry : entries)
    if (entry.key == keys_.pointer()) take_pointer(entry);
  if (pointer_modified_ == EtcdRevision{}) pointer_.reset();
  for (const EtcdEntry& entry : entries)
    if (entry.key != keys_.pointer()) take(entry);
  load_if_behind();
  has_read_ |= !snapshot_.is_reading() && !trouble_;
}

void EtcdMetadataLog::take(const EtcdEntry& entry) {
  const auto revision = keys_.revision_of(entry.key);
  if (!revision || *revision < last_) return;  // the command was read already
  if (*revision == last_) {
    last_created_ = entry.created;
    return;
  }
  if (*revision != last_ + 1) {
    if (!trouble_ && (!pointer_ || pointer_->revision <= last_))
      log_warn("the metadata log has a gap and is read again after={} found={}", last_.value(),
               entry.key);
    return commands_.read_again();
  }
  last_ = *revision;
  last_created_ = entry.created;
  if (last_ == Revision{1}) first_id_ = entry.value.substr(0, kIdSize);
  if (!pointer_ || last_ > pointer_->revision) bytes_behind_pointer_ += entry.value.size();
  for (auto& [number, append] : appends_)
    if (append.revision == last_) append.is_it = append.bytes == entry.value;
  const auto command =
      entry.value.size() < kIdSize
          ? Result<MetadataCommand>(Error{ErrorCode::DataCorrupted, "a command has no id"})
          : decode_metadata_command(std::string_view(entry.value).substr(kIdSize));
  if (!command) {
    log_error("a command cannot be read revision={} error=\"{}\"", last_.value(),
              command.error().message);
    has_passed_over_ = true;
    return;
  }
  reader_.tell({last_, *command});
}

void EtcdMetadataLog::take_pointer(const EtcdEntry& entry) {
  pointer_modified_ = entry.modified;
  auto pointer = decode_snapshot_pointer(entry.value);
  if (!pointer) return note_trouble(pointer.error());
  if (pointer_ == *pointer) return;
  trouble_.reset();
  pointer_ = *std::move(pointer);
  bytes_behind_pointer_ = 0;
  first_id_ = pointer_->first_command;
}

void EtcdMetadataLog::confirm_read(std::function<void(Status)> done) {
  confirming_next_.push_back(std::move(done));
  if (confirming_.empty()) ask_for_more();
}

// Asks etcd for newer commands. A caller that arrives while a question is in progress has to wait
// for the next question, because etcd may have computed the current answer before the call.
void EtcdMetadataLog::ask_for_more() {
  confirming_ = std::exchange(confirming_next_, {});
  if (confirming_.empty()) return;
  etcd_.find_first(keys_.commands(last_ + 1, Revision{std::numeric_limits<int64_t>::max()}),
                   [this](const Result<EtcdFound>& found) {
                     Status answer;
                     if (!found)
                       answer = found.error();
                     else if (!found->entries.empty())
                       answer = Error{ErrorCode::NotLeader,
                                      "other nodes have made a change that this node has not read "
                                      "yet"};
                     const auto answered = std::exchange(confirming_, {});
                     ask_for_more();
                     for (const auto& done : answered) done(answer);
                   });
}

// --- Snapshots

// Loads the newest snapshot if this node has not read up to its revision, because the commands
// before it may be removed. Commands after the snapshot that this node has already read are read
// again.
void EtcdMetadataLog::load_if_behind() {
  if (!pointer_ || pointer_->revision <= last_ || snapshot_.is_reading()) return;
  commands_.read_again();
  snapshot_.begin(*pointer_);
}

void EtcdMetadataLog::loaded(Result<MetadataSnapshot> snapshot) {
  Status loaded;
  if (!snapshot) {
    if (snapshot.error().code == ErrorCode::OffsetOutOfRange) return;  // the search is repeated
    loaded = snapshot.error();
  } else {
    // Set before the callback runs: within the callback, last_revision() must return the snapshot's
    // revision.
    const Revision last = std::exchange(last_, snapshot->revision);
    const EtcdRevision created = std::exchange(last_created_, EtcdRevision{});
    loaded = reader_.load(*snapshot);
    if (!loaded) {
      last_ = last;
      last_created_ = created;
    }
  }
  if (loaded) return trouble_.reset();
  note_trouble(loaded.error());
}

void EtcdMetadataLog::note_trouble(const Error& error) {
  constexpr int64_t kPauseUs = 1'000'000;
  if (!trouble_) log_error("the metadata cannot be read error=\"{}\"", error.message);
  trouble_ = error;
  load_at_us_ = clock_.monotonic_us() + kPauseUs;
}

}  // namespace storage
