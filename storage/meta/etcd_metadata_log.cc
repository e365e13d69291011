#include "storage/meta/etcd_metadata_log.h"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "base/bytes.h"
#include "base/log.h"

namespace storage {

namespace {

constexpr size_t kIdSize = 16;
constexpr int64_t kRetryUs = 50'000;

}  // namespace

EtcdMetadataLog::EtcdMetadataLog(EtcdClient& etcd, std::string prefix, const Clock& clock,
                                 Random& random, std::function<void(const MetadataRecord&)> tell)
    : etcd_(etcd),
      prefix_(std::move(prefix)),
      clock_(clock),
      random_(random),
      tell_(std::move(tell)),
      commands_(etcd, clock,
                {.range = [this] { return keys_from(last_ + 1); },
                 .read =
                     [this](const std::vector<EtcdEntry>& entries) {
                       for (const EtcdEntry& entry : entries) take(entry);
                       has_read_ = true;
                     },
                 .changed =
                     [this](const EtcdEvent& event) {
                       if (event.entry) take(*event.entry);
                     }}) {}

// Twenty digits: in the order of the numbers.
std::string EtcdMetadataLog::key_of(Revision revision) const {
  return fmt::format("{}log/{:020}", prefix_, revision.value());
}
EtcdRange EtcdMetadataLog::keys_from(Revision revision) const {
  return {key_of(revision), prefix_ + "log0"};  // '0' follows '/'
}

void EtcdMetadataLog::tick() {
  const int64_t now_us = clock_.monotonic_us();
  while (!retries_.empty() && retries_.begin()->first <= now_us) {
    const uint64_t number = retries_.begin()->second;
    retries_.erase(retries_.begin());
    find_out(number);
  }
  commands_.tick();
}

// --- Appending

void EtcdMetadataLog::append(Revision last, const MetadataCommand& command,
                             std::optional<Holding> holding,
                             std::function<void(Result<Revision>)> done) {
  if (last != last_)
    return done(Error{ErrorCode::OutOfOrderSequence, "the metadata log has moved on"});
  std::string bytes;
  append_be<uint64_t>(bytes, random_.next());
  append_be<uint64_t>(bytes, random_.next());
  bytes += encode(command);
  const uint64_t number = ++next_append_;
  appends_.emplace(number, Append{last + 1, last_created_, std::move(bytes), std::move(holding),
                                  std::move(done)});
  try_append(number);
}

void EtcdMetadataLog::try_append(uint64_t number) {
  const Append& append = appends_.at(number);
  EtcdTransaction transaction;
  transaction.conditions.push_back({key_of(append.revision), EtcdRevision{0}});
  // Commands that a snapshot has replaced are not there either; the one before the next always is.
  if (append.predecessor != EtcdRevision{0})
    transaction.conditions.push_back({key_of(append.revision - 1), append.predecessor});
  if (append.holding)
    transaction.conditions.push_back({append.holding->key, append.holding->created});
  transaction.puts.push_back({key_of(append.revision), append.bytes});
  etcd_.commit(std::move(transaction),
               [this, number](Result<EtcdOutcome> result) { outcome(number, std::move(result)); });
}

void EtcdMetadataLog::try_later(uint64_t number) {
  retries_.emplace(clock_.monotonic_us() + kRetryUs, number);
}

void EtcdMetadataLog::outcome(uint64_t number, Result<EtcdOutcome> outcome) {
  if (!outcome) return try_later(number);
  if (outcome->is_done) return finish(number, appends_.at(number).revision);
  // An earlier attempt of the same command may be what stands there.
  find_out(number);
}

void EtcdMetadataLog::find_out(uint64_t number) {
  const Revision revision = appends_.at(number).revision;
  etcd_.find(EtcdRange::only(key_of(revision)),
             [this, number](Result<EtcdFound> found) { found_out(number, std::move(found)); });
}

void EtcdMetadataLog::found_out(uint64_t number, Result<EtcdFound> found) {
  const Append& append = appends_.at(number);
  if (!found) return try_later(number);
  const Error moved_on{ErrorCode::OutOfOrderSequence, "the metadata log has moved on"};
  if (!found->entries.empty())
    return found->entries.front().value == append.bytes ? finish(number, append.revision)
                                                        : finish(number, moved_on);
  // It is not there, and an attempt on its way may still put it there. One on behalf of a controller who is not
  // any more cannot; any other is tried until somebody's command stands there.
  if (!append.holding) return try_append(number);
  etcd_.find(EtcdRange::only(append.holding->key), [this, number](Result<EtcdFound> holder) {
    const Append& waiting = appends_.at(number);
    if (!holder) return try_later(number);
    if (!holder->entries.empty() && holder->entries.front().created == waiting.holding->created)
      return try_append(number);
    finish(number,
           Error{ErrorCode::OutOfOrderSequence, "this node is not the controller any more"});
  });
}

void EtcdMetadataLog::finish(uint64_t number, Result<Revision> result) {
  const auto found = appends_.find(number);
  const auto done = std::move(found->second.done);
  appends_.erase(found);
  done(std::move(result));
}

// --- Reading

void EtcdMetadataLog::take(const EtcdEntry& entry) {
  if (entry.key < key_of(last_ + 1)) return;  // read already
  if (entry.key != key_of(last_ + 1)) {
    log_warn("the metadata log has a gap and is read again after={} found={}", last_.value(),
             entry.key);
    return commands_.read_again();
  }
  last_ = last_ + 1;
  last_created_ = entry.created;
  if (last_ == Revision{1}) first_id_ = entry.value.substr(0, kIdSize);
  const auto command =
      entry.value.size() < kIdSize
          ? Result<MetadataCommand>(Error{ErrorCode::DataCorrupted, "a command has no id"})
          : decode_metadata_command(std::string_view(entry.value).substr(kIdSize));
  if (!command) {
    log_error("a command cannot be read revision={} error=\"{}\"", last_.value(),
              command.error().message);
    return;
  }
  tell_({last_, *command});
}

}  // namespace storage
