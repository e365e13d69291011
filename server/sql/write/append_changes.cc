#include "server/sql/write/append_changes.h"

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "records/batch_builder.h"
#include "server/sql/execution.h"

namespace server {

namespace {

using Change = ClusterTopics::Change;
using Changed = ClusterTopics::Changed;

struct Waiting {
  std::vector<Change> changes;
  OwnedCharge charge;
};

// Whether the changes are a single record. A single record needs no lock, since readers see it as a
// whole or not at all.
bool is_one_record(const std::vector<Change>& changes) {
  if (changes.size() != 1) return false;
  const std::string& batches = changes.front().batches;
  const auto batch = records::parse_batch(batches, records::BatchCheck::Shape);
  return batch && batch->header.record_count == 1 && batch->bytes.size() == batches.size();
}

Status find_topics(const MetadataImage& image, std::vector<Change>& changes) {
  for (Change& change : changes) {
    TRY(check_is_there(image, change.partition.topic));
    change.topic = image.topics->find(change.partition.topic)->name;
  }
  return {};
}

// Runs `append` under a commit lock of the tables (SqlParts::commits). While the lock is held, sessions of this
// node do not begin to read these tables. If the lock cannot be taken, calls `fail` instead. `append` gets the
// function `let_go`, which releases the lock; it must be called before the client gets its answer.
using Append = std::function<void(std::vector<Change> changes, std::function<void()> let_go)>;
void append_in_turn(SqlParts& parts, std::vector<Change> changes, Append append,
                    std::function<void(const Error&)> fail) {
  std::set<std::string> topics;
  size_t bytes = 0;
  for (const Change& change : changes) {
    topics.insert(change.partition.topic.to_string());
    bytes += change.batches.size();
  }
  auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(changes), OwnedCharge(parts.memory, MemoryKind::Queues)});
  if (!waiting->charge.try_resize(bytes))
    return fail(waiting->charge.refusal("rows that wait for their partitions' leaders"));
  const auto run = [&parts, waiting, append = std::move(append),
                    fail = std::move(fail)](TableLocks::Hold hold) {
    if (const Status there = find_topics(*parts.definitions.image(), waiting->changes); !there)
      return fail(there.error());
    auto held = std::make_shared<TableLocks::Hold>(std::move(hold));
    append(std::move(waiting->changes), [held, waiting] {
      *held = nullptr;
      waiting->charge.resize(0);
    });
  };
  if (is_one_record(waiting->changes)) return run(nullptr);
  TableLocks::Asked asked = parts.commits.ask(std::move(topics), TableLocks::Mode::Writers, run);
  if (asked.hold) return run(std::move(asked.hold));
  asked.place.stay();
}

}  // namespace

void append_changes(SqlParts& parts, std::vector<Change> changes, ClusterTopics::ChangesDone done) {
  const size_t count = changes.size();
  append_in_turn(
      parts, std::move(changes),
      [&parts, done](std::vector<Change> all, std::function<void()> let_go) {
        parts.cluster->append_changes(
            std::move(all), [let_go = std::move(let_go), done](std::vector<Changed> changed) {
              let_go();
              done(std::move(changed));
            });
      },
      [count, done](const Error& error) { done(std::vector<Changed>(count, Changed{error})); });
}

void commit_changes(SqlParts& parts, std::vector<Change> changes, ClusterTopics::CommitDone done) {
  append_in_turn(
      parts, std::move(changes),
      [&parts, done](std::vector<Change> all, std::function<void()> let_go) {
        parts.cluster->commit(std::move(all),
                              [let_go = std::move(let_go), done](const auto& committed) {
                                let_go();
                                done(committed);
                              });
      },
      [done](const Error& error) { done(error); });
}

std::string joined_batches(const std::string& batches) {
  records::BatchBuilder builder;
  for (std::string_view rest = batches; !rest.empty();) {
    const auto batch = records::parse_batch(rest, records::BatchCheck::Shape).value();
    std::string scratch;
    auto reader = records::RecordReader::open(batch, scratch).value();
    for (records::RecordView record; reader.next(record);)
      builder.append(record.timestamp, record.key, record.value);
    rest.remove_prefix(batch.bytes.size());
  }
  return builder.empty() ? std::string() : builder.finish();
}

}  // namespace server
