// The metadata log: every change of topics, configuration and definitions, in one total order.
// One interface, with two homes: the log's own store (embedded_metadata_log.h) for a single node, and etcd
// (etcd_metadata_log.h) for a cluster.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace storage {

// A typed part of a command. Whoever owns the type reads the bytes; to all others they are opaque.
struct MetadataPart {
  std::string type;  // "topics" is ours (topic_table.h), "sql" is the engine's
  std::string bytes;
  bool operator==(const MetadataPart&) const = default;
};
inline constexpr std::string_view kTopicsPart = "topics";

// What changes together.
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
// Fails with IncompatibleFormat when a newer version wrote it, with StorageFailure when it is
// damaged.
Result<MetadataCommand> decode_metadata_command(std::string_view bytes);
// As it is stored, compressed.
Result<std::string> encode_metadata_snapshot(const MetadataSnapshot& snapshot);
Result<MetadataSnapshot> decode_metadata_snapshot(std::string_view bytes);

// Threads: any. Revisions count from 1 without gaps; 0 stands for the empty log.
class MetadataLog {
 public:
  virtual ~MetadataLog() = default;
  // Appends if `last` is still the newest revision; answers with the new one when it is durable, on
  // a thread of the log. OutOfOrderSequence: the log has moved on, read it and decide again.
  virtual void append(Revision last, MetadataCommand command,
                      std::function<void(Result<Revision>)> done) = 0;
  virtual Revision last_revision() const = 0;
  // The records from `first` on, at most `max_count`. OffsetOutOfRange: a snapshot has replaced the
  // first of them.
  virtual Result<std::vector<MetadataRecord>> read(Revision first, size_t max_count) const = 0;
  // Calls `moved` with the newest revision after each durable append, on a thread of the log.
  // Replaces the watcher before it.
  virtual void watch(std::function<void(Revision)> moved) = 0;
  // Keeps the snapshot and forgets the one before it and the records that it covers.
  virtual void save_snapshot(MetadataSnapshot snapshot, std::function<void(Status)> done) = 0;
  virtual Result<std::optional<MetadataSnapshot>> load_snapshot() const = 0;
  // Whether it is time to save one. Where the log does not decide that, its reader does.
  enum class SnapshotWish : uint8_t { ReaderDecides, Due, NotDue };
  virtual SnapshotWish snapshot_wish() const { return SnapshotWish::ReaderDecides; }
};

}  // namespace storage
