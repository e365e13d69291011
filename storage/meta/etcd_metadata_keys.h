// Where the metadata log of a cluster and its snapshot lie in etcd.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "storage/meta/etcd_client.h"

namespace storage {

// Which snapshot the log goes on behind. Who reads finds its pieces by this, and the commands behind it.
struct SnapshotPointer {
  Revision revision;  // of the last command that is in it
  std::string
      id;  // 16 bytes, random: tells its pieces from those of another try at the same revision
  uint32_t pieces = 0;
  uint64_t size_bytes = 0;  // of all pieces
  std::string
      first_command;      // the id of the log's first command, which tells it from any other log
  EtcdRevision replaced;  // in which the pointer before it was written; 0: it is the first
  bool operator==(const SnapshotPointer&) const = default;
};
std::string encode(const SnapshotPointer& pointer);
// Fails with IncompatibleFormat, or with DataCorrupted.
Result<SnapshotPointer> decode_snapshot_pointer(std::string_view bytes);

// Keys below `prefix`:
//
//   log/00000000000000000017         a command: its id (16 bytes), then encode(command)
//   log/snapshot                     the pointer; behind all commands, so that one watch tells of both
//   snapshots/REVISION-ID/00000003   a piece of a snapshot
//   controller                       the node that decides, with its lease (controller_lease.h)
struct EtcdMetadataKeys {
  std::string prefix;

  std::string command(Revision revision) const;
  // Nothing where the key is no command's.
  std::optional<Revision> revision_of(std::string_view key) const;
  // first <= revision < end
  EtcdRange commands(Revision first, Revision end) const;
  EtcdRange commands_and_pointer(Revision first) const;
  std::string pointer() const { return prefix + "log/snapshot"; }
  std::string piece(const SnapshotPointer& of, uint32_t number) const;
  // Of all snapshots before this one, and behind it.
  EtcdRange pieces_before(const SnapshotPointer& of) const;
  EtcdRange pieces_behind(const SnapshotPointer& of) const;
  // All of the snapshot to which this piece belongs.
  static EtcdRange pieces_with(std::string_view piece);

 private:
  std::string folder(const SnapshotPointer& of) const;
};

}  // namespace storage
