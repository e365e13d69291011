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

// Refers to the snapshot after which the log continues. Readers follow the pointer to the
// snapshot's pieces, and then read the commands after `revision`.
struct SnapshotPointer {
  Revision revision;  // revision of the last command in the snapshot
  // 16 random bytes, different for each attempt to write a snapshot of this revision
  std::string id;
  uint32_t pieces = 0;
  uint64_t size_bytes = 0;    // size of all pieces
  std::string first_command;  // id of the log's first command, which identifies the log
  // Revision at which the previous pointer was written; 0: this is the first pointer.
  EtcdRevision replaced;
  bool operator==(const SnapshotPointer&) const = default;
};
std::string encode(const SnapshotPointer& pointer);
// Decodes a pointer. Fails with IncompatibleFormat, or with DataCorrupted.
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
  // Returns the revision in the key of a command; nothing for another key.
  std::optional<Revision> revision_of(std::string_view key) const;
  // Returns the keys of the commands with first <= revision < end.
  EtcdRange commands(Revision first, Revision end) const;
  EtcdRange commands_and_pointer(Revision first) const;
  std::string pointer() const { return prefix + "log/snapshot"; }
  std::string piece(const SnapshotPointer& of, uint32_t number) const;
  // Both functions return key ranges of the pieces of other snapshots: the first returns the keys
  // before those of this snapshot, the second the keys after them.
  EtcdRange pieces_before(const SnapshotPointer& of) const;
  EtcdRange pieces_behind(const SnapshotPointer& of) const;
  // Returns the keys of all pieces of the snapshot to which the piece with this key belongs.
  static EtcdRange pieces_with(std::string_view piece);

 private:
  std::string folder(const SnapshotPointer& of) const;
};

}  // namespace storage
