// The keys of a cluster's metadata log and its snapshot in etcd.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "storage/meta/etcd_client.h"

namespace storage {

// The snapshot that the log continues after. Readers use it to find the pieces, and the commands
// after it.
struct SnapshotPointer {
  Revision revision;  // of the last command in it
  std::string
      id;  // 16 random bytes: another attempt at the revision has other ones
  uint32_t pieces = 0;
  uint64_t size_bytes = 0;  // of all pieces
  std::string
      first_command;      // the id of the log's first command, which identifies the log
  EtcdRevision replaced;  // when the pointer before it was written; 0: it is the first
  bool operator==(const SnapshotPointer&) const = default;
};
std::string encode(const SnapshotPointer& pointer);
// Fails with IncompatibleFormat, or with DataCorrupted.
Result<SnapshotPointer> decode_snapshot_pointer(std::string_view bytes);

// Keys below `prefix`:
//
//   log/00000000000000000017         a command: its id (16 bytes), then encode(command)
//   log/snapshot                     the pointer; after all commands, so that one watch covers both
//   snapshots/REVISION-ID/00000003   a piece of a snapshot
//   controller                       the node that decides, with its lease (controller_lease.h)
struct EtcdMetadataKeys {
  std::string prefix;

  std::string command(Revision revision) const;
  // Returns nothing if it is not the key of a command.
  std::optional<Revision> revision_of(std::string_view key) const;
  // first <= revision < end
  EtcdRange commands(Revision first, Revision end) const;
  EtcdRange commands_and_pointer(Revision first) const;
  std::string pointer() const { return prefix + "log/snapshot"; }
  std::string piece(const SnapshotPointer& of, uint32_t number) const;
  // The pieces of all snapshots before and after this one.
  EtcdRange pieces_before(const SnapshotPointer& of) const;
  EtcdRange pieces_behind(const SnapshotPointer& of) const;
  // All pieces of the snapshot that this piece belongs to.
  static EtcdRange pieces_with(std::string_view piece);

 private:
  std::string folder(const SnapshotPointer& of) const;
};

}  // namespace storage
