#include "server/sql/append_changes.h"

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
  ClusterTopics::ChangesDone done;
  OwnedCharge charge;

  void fail(const Error& error) const {
    done(std::vector<Changed>(changes.size(), Changed{error}));
  }
};

// Which readers see or do not see.
bool is_one_record(const std::vector<Change>& changes) {
  if (changes.size() != 1) return false;
  const std::string& batches = changes.front().batches;
  const auto batch = records::parse_batch(batches, records::BatchCheck::Shape);
  return batch && batch->header.record_count == 1 && batch->bytes.size() == batches.size();
}

Status check_are_there(const MetadataImage& image, const std::vector<Change>& changes) {
  for (const Change& change : changes) TRY(check_is_there(image, change.partition.topic));
  return {};
}

}  // namespace

void append_changes(SqlParts& parts, std::vector<Change> changes, ClusterTopics::ChangesDone done) {
  std::set<std::string> topics;
  size_t bytes = 0;
  for (const Change& change : changes) {
    topics.insert(change.partition.topic.to_string());
    bytes += change.batches.size();
  }
  auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(changes), std::move(done), OwnedCharge(parts.memory, MemoryKind::Queues)});
  if (!waiting->charge.try_resize(bytes))
    return waiting->fail(waiting->charge.refusal("rows that wait for their partitions' leaders"));
  const auto append = [&parts, waiting](TableLocks::Hold hold) {
    if (const Status there = check_are_there(*parts.definitions.image(), waiting->changes); !there)
      return waiting->fail(there.error());
    parts.cluster->append_changes(
        std::move(waiting->changes),
        [hold = std::move(hold), waiting](std::vector<Changed> changed) mutable {
          hold = nullptr;  // before anybody reads because of the answer
          waiting->charge.resize(0);
          waiting->done(std::move(changed));
        });
  };
  if (is_one_record(waiting->changes)) return append(nullptr);
  TableLocks::Asked asked = parts.commits.ask(std::move(topics), TableLocks::Mode::Writers, append);
  if (asked.hold) return append(std::move(asked.hold));
  asked.place.stay();
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
