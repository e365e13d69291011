// The metadata log has every change of topics, configuration and definitions, in one total order.
// The interface has two implementations: in the log's own store (embedded_metadata_log.h) for a
// single node, and in etcd (etcd_metadata_log.h) for a cluster.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace storage {

// A typed part of a command. Only the module that owns the type interprets the bytes.
struct MetadataPart {
  std::string type;  // "topics" belongs to storage (topic_table.h), "sql" to the engine
  std::string bytes;
  bool operator==(const MetadataPart&) const = default;
};
inline constexpr std::string_view kTopicsPart = "topics";

// A command of the metadata log: changes that take effect together.
struct MetadataCommand {
  std::vector<MetadataPart> parts;
  bool operator==(const MetadataCommand&) const = default;
};
struct MetadataRecord {
  Revision revision;
  MetadataCommand command;
};

// The state after all commands up to `revision`, as parts of the same types.
struct MetadataSnapshot {
  Revision revision;
  MetadataCommand state;
};

std::string encode(const MetadataCommand& command);
// Decodes a command. Fails with IncompatibleFormat if a newer version wrote the command, and with
// StorageFailure if the bytes are damaged.
Result<MetadataCommand> decode_metadata_command(std::string_view bytes);
// Encodes the snapshot in its stored form, which is compressed.
Result<std::string> encode_metadata_snapshot(const MetadataSnapshot& snapshot);
Result<MetadataSnapshot> decode_metadata_snapshot(std::string_view bytes);

// Threads: any. Revisions count from 1 without gaps; 0 stands for the empty log.
class MetadataLog {
 public:
  virtual ~MetadataLog() = default;
  // Appends the command if `last` is still the newest revision. Answers with the new revision when
  // the command is durable, on a thread of the log. Fails with OutOfOrderSequence if the log has
  // advanced; the caller then reads the log and decides again.
  virtual void append(Revision last, MetadataCommand command,
                      std::function<void(Result<Revision>)> done) = 0;
  virtual Revision last_revision() const = 0;
  // Returns the records from `first` on, at most `max_count`. Fails with OffsetOutOfRange if a
  // snapshot has replaced the first of them.
  virtual Result<std::vector<MetadataRecord>> read(Revision first, size_t max_count) const = 0;
  // Sets the function that is called with the newest revision after each durable append, on a
  // thread of the log. It replaces the function of an earlier call.
  virtual void watch(std::function<void(Revision)> moved) = 0;
  // Stores the snapshot. Removes the previous snapshot and the records that the new one covers.
  virtual void save_snapshot(MetadataSnapshot snapshot, std::function<void(Status)> done) = 0;
  virtual Result<std::optional<MetadataSnapshot>> load_snapshot() const = 0;
  // Returns whether a snapshot is due; ReaderDecides if the log leaves this decision to its reader.
  enum class SnapshotWish : uint8_t { ReaderDecides, Due, NotDue };
  virtual SnapshotWish snapshot_wish() const { return SnapshotWish::ReaderDecides; }
};

}  // namespace storage
